"""The database's roles: who owns it, and who may only do what the migrations grant."""

from collections.abc import Mapping
from typing import LiteralString

import psycopg
from psycopg import sql

DATABASE = "drift"
OWNER = "drift_owner"
# The migrations grant to these groups, so that they need not know who logs in.
GROUPS: dict[str, LiteralString] = {
    "drf_app": "NOLOGIN",
    "drf_relay": "NOLOGIN",
    "drf_scheduler": "NOLOGIN",
}
LOGINS: dict[str, LiteralString] = {
    OWNER: "LOGIN CREATEDB NOCREATEROLE NOSUPERUSER NOBYPASSRLS",
    "drift_app": "LOGIN NOCREATEDB NOCREATEROLE NOSUPERUSER NOBYPASSRLS",
    "drift_relay": "LOGIN NOCREATEDB NOCREATEROLE NOSUPERUSER NOBYPASSRLS",
    "drift_scheduler": "LOGIN NOCREATEDB NOCREATEROLE NOSUPERUSER NOBYPASSRLS",
}
MEMBERSHIPS = {
    "drift_app": "drf_app",
    "drift_relay": "drf_relay",
    "drift_scheduler": "drf_scheduler",
}


def ensure_roles(connection: psycopg.Connection, passwords: Mapping[str, str]) -> None:
    """Make the roles and the database, or bring them back to this page; as the superuser, outside a transaction.

    Args:
        connection: The superuser's, in autocommit mode.
        passwords: One for each name in `LOGINS`.
    """
    existing = _names(connection, "SELECT rolname FROM pg_roles")
    for role, attributes in (GROUPS | LOGINS).items():
        if role not in existing:
            connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
        connection.execute(sql.SQL("ALTER ROLE {} " + attributes).format(sql.Identifier(role)))
    for login in LOGINS:
        password = sql.Literal(passwords[login])
        connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(login), password)
        )
    for login, group in MEMBERSHIPS.items():
        connection.execute(
            sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), sql.Identifier(login))
        )
    if DATABASE not in _names(connection, "SELECT datname FROM pg_database"):
        names = sql.Identifier(DATABASE), sql.Identifier(OWNER)
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))


def _names(connection: psycopg.Connection, query: LiteralString) -> set[str]:
    return {row[0] for row in connection.execute(query)}
