"""Databases in the cluster of the tests, beside the one that each test process has."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection
from psycopg import sql

from tests.conftest import role_url


@contextmanager
def new_database(name: str) -> Iterator[None]:
    """Django is connected to a new, empty database of this name in the block."""
    identifier = sql.Identifier(name)
    with psycopg.connect(role_url("owner", "drift"), autocommit=True) as cluster:
        cluster.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(identifier))
        cluster.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before
