"""Migration 0005: keys of each role get its scopes, and back."""

from importlib import import_module

import psycopg
import pytest

MIGRATION = import_module("drift_detector.tenancy.migrations.0005_key_scopes")
ALL = ["monitors:read", "monitors:write", "runs:write", "outcomes:write", "alerts:write", "admin"]


@pytest.fixture
def table(owner: psycopg.Connection) -> psycopg.Connection:
    """A table of the same name for this session alone."""
    owner.execute("CREATE TEMPORARY TABLE drf_api_keys (role varchar(10))")
    return owner


@pytest.mark.parametrize(
    ("role", "scopes"), [("viewer", ALL[:1]), ("operator", ALL[:5]), ("admin", ALL)]
)
def test_scopes__of_a_role__are_given_and_taken_back(
    table: psycopg.Connection, role: str, scopes: list[str]
) -> None:
    table.execute("INSERT INTO drf_api_keys VALUES (%s)", [role])
    table.execute(MIGRATION.SCOPES_OF_ROLES)
    assert table.execute("SELECT role FROM drf_api_keys").fetchall() == [(scopes,)]
    table.execute(MIGRATION.ROLES_OF_SCOPES)
    assert table.execute("SELECT role FROM drf_api_keys").fetchall() == [(role,)]
