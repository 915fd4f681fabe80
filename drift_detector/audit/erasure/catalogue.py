"""Reads from PostgreSQL's catalogues which tables there are, what they refer to, and what is in their columns."""

from collections import defaultdict
from collections.abc import Sequence
from graphlib import TopologicalSorter
from typing import Any

from django.db import connection

IS_OWNER = "SELECT pg_get_userbyid(relowner) = current_user FROM pg_class WHERE oid = 'drf_tenants'::regclass"
OF_TENANTS = """
    SELECT relname FROM pg_class c WHERE relkind IN ('r', 'p') AND NOT relispartition
    AND relnamespace = 'public'::regnamespace
    AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tenant_id' AND NOT attisdropped)
"""
REFERENCES = """
    SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
    WHERE contype = 'f' AND conrelid <> confrelid AND connamespace = 'public'::regnamespace
"""
AUDITED = """
    SELECT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal AND tgname = 'audit_row'
"""
OF_PEOPLE = """
    SELECT conrelid::regclass::text, attname FROM pg_constraint
    JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
    WHERE contype = 'f' AND confrelid = 'drf_users'::regclass AND conrelid <> confrelid
"""
TEXTS = """
    SELECT a.attrelid::regclass::text, a.attname, format_type(a.atttypid, NULL) FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
    AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    AND format_type(a.atttypid, NULL) IN ('text', 'character varying', 'jsonb', 'json')
"""


class NotTheOwner(RuntimeError):
    """The connection is not of the owner of the tables."""


def require_owner() -> None:
    """Refuse a connection that is not of the owner.

    Raises:
        NotTheOwner: If it is another role's.
    """
    if rows_of(IS_OWNER) != [(True,)]:
        raise NotTheOwner(
            "This needs the login of the owner of the tables, as migrate does (AUMOS_DRIFT_DATABASE__URL)."
        )


def list_tenant_tables() -> list[str]:
    """The tables of tenants, each before the tables that it refers to; without `drf_tenants` and the trail."""
    tables = {name for (name,) in rows_of(OF_TENANTS)} - {"drf_audit"}
    referrers: dict[str, set[str]] = defaultdict(set)
    for referrer, target in rows_of(REFERENCES):
        if {referrer, target} <= tables:
            referrers[target].add(referrer)
    return list(
        TopologicalSorter({each: referrers[each] for each in sorted(tables)}).static_order()
    )


def list_audited_tables() -> list[str]:
    """The tables that people write to."""
    return sorted(name for (name,) in rows_of(AUDITED))


def list_columns_of_people() -> list[tuple[str, str]]:
    """The tables and columns that refer to a person."""
    return rows_of(OF_PEOPLE)


def list_text_columns(tables: Sequence[str]) -> list[tuple[str, str, str]]:
    """The columns of some tables that hold text or JSON: table, column and type."""
    return [each for each in rows_of(TEXTS) if each[0] in tables]


def rows_of(query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def changed_by(statement: str, values: Sequence[Any] = ()) -> int:
    """Execute a statement; returns the number of rows that it has changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)
