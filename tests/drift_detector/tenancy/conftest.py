"""Connections to look at the database without Django."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import role_url


@pytest.fixture
def owner(django_db_setup: None) -> Iterator[psycopg.Connection]:
    with psycopg.connect(role_url("owner"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def relay(django_db_setup: None) -> Iterator[psycopg.Connection]:
    with psycopg.connect(role_url("relay"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def scheduler(django_db_setup: None) -> Iterator[psycopg.Connection]:
    with psycopg.connect(role_url("scheduler"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def web(django_db_setup: None) -> Iterator[psycopg.Connection]:
    with psycopg.connect(role_url("web"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def notifier(django_db_setup: None) -> Iterator[psycopg.Connection]:
    with psycopg.connect(role_url("notifier"), autocommit=True) as connection:
        yield connection
