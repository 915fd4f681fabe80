"""A database that commit c67e9ca made, migrated: all is there, and goes on."""

import pytest

from tests.conftest import role_url
from tests.upgrade.catalog import read_schema


def test_migrate__old_database__has_the_schema_of_a_new_one(upgraded: str) -> None:
    new = read_schema(role_url("owner", "test_gw0"))
    old = read_schema(upgraded)
    assert sorted(old - new) == []
    assert sorted(new - old) == []
