"""Creates the roles of the database: its owner, and logins with the rights that migrations grant."""

from collections.abc import Mapping
from typing import LiteralString

import psycopg
from psycopg import sql

DATABASE = "drift"
OWNER = "drift_owner"
# The migrations grant to these groups, so that they need no names of logins.
GROUPS: dict[str, LiteralString] = {
    "drf_app": "NOLOGIN",
    "drf_web": "NOLOGIN",
    "drf_worker": "NOLOGIN",
    "drf_relay": "NOLOGIN",
    "drf_scheduler": "NOLOGIN",
    "drf_notifier": "NOLOGIN",
}
LOGINS: dict[str, LiteralString] = {
    OWNER: "LOGIN CREATEDB NOCREATEROLE NOSUPERUSER NOBYPASSRLS",
    "drift_web": "LOGIN NOCREATEDB NOCREATEROLE NOSUPERUSER NOBYPASSRLS",
    "drift_app": "LOGIN NOCREATEDB NOCREATEROLE NOSUPERUSER NOBYPASSRLS",
    "drift_commands": "LOGIN NOCREATEDB NOCREATEROLE NOSUPERUSER NOBYPASSRLS",
    "drift_relay": "LOGIN NOCREATEDB NOCREATEROLE NOSUPERUSER NOBYPASSRLS",
    "drift_scheduler": "LOGIN NOCREATEDB NOCREATEROLE NOSUPERUSER NOBYPASSRLS",
    "drift_notifier": "LOGIN NOCREATEDB NOCREATEROLE NOSUPERUSER NOBYPASSRLS",
}
MEMBERSHIPS: dict[str, tuple[str, ...]] = {
    "drift_web": ("drf_app", "drf_web"),
    "drift_app": ("drf_app", "drf_worker"),
    "drift_commands": ("drf_app", "drf_web", "drf_worker"),
    "drift_relay": ("drf_relay",),
    "drift_scheduler": ("drf_scheduler",),
    "drift_notifier": ("drf_notifier",),
}
"""The groups of each login: web alone knows people and keys, workers and the consumer alone read baselines."""

STATEMENT_TIMEOUTS = {
    "drift_web": "10s",
    "drift_app": "600s",
    "drift_commands": "600s",
    "drift_relay": "60s",
    "drift_scheduler": "120s",
    "drift_notifier": "60s",
}
"""The longest that one statement of a login may run: a request is short, and a worker's may take as long as a run."""


def ensure_roles(connection: psycopg.Connection, passwords: Mapping[str, str]) -> None:
    """Create the roles and the database, or correct them.

    Args:
        connection: A connection of the superuser in autocommit mode.
        passwords: One for each name in `LOGINS`.
    """
    _ensure_attributes(connection)
    _set_passwords(connection, passwords)
    _grant_memberships(connection)
    _limit_statements(connection)
    _ensure_database(connection)


def _ensure_attributes(connection: psycopg.Connection) -> None:
    existing = _names(connection, "SELECT rolname FROM pg_roles")
    for role, attributes in (GROUPS | LOGINS).items():
        name = sql.Identifier(role)
        if role not in existing:
            connection.execute(sql.SQL("CREATE ROLE {}").format(name))
        connection.execute(sql.SQL("ALTER ROLE {} " + attributes).format(name))


def _set_passwords(connection: psycopg.Connection, passwords: Mapping[str, str]) -> None:
    statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
    for login in LOGINS:
        password = sql.Literal(passwords[login])
        connection.execute(statement.format(sql.Identifier(login), password))


def _grant_memberships(connection: psycopg.Connection) -> None:
    statement = sql.SQL("GRANT {} TO {}")
    for login, groups in MEMBERSHIPS.items():
        names = sql.SQL(", ").join(map(sql.Identifier, groups))
        connection.execute(statement.format(names, sql.Identifier(login)))


def _limit_statements(connection: psycopg.Connection) -> None:
    statement = sql.SQL("ALTER ROLE {} SET statement_timeout = {}")
    for login, longest in STATEMENT_TIMEOUTS.items():
        connection.execute(statement.format(sql.Identifier(login), sql.Literal(longest)))


def _ensure_database(connection: psycopg.Connection) -> None:
    if DATABASE not in _names(connection, "SELECT datname FROM pg_database"):
        names = sql.Identifier(DATABASE), sql.Identifier(OWNER)
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))


def _names(connection: psycopg.Connection, query: LiteralString) -> set[str]:
    return {row[0] for row in connection.execute(query)}
