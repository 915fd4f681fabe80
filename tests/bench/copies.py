"""Copies a monitor with all that belongs to it, by SQL: a database like that of a large installation in minutes."""

from uuid import UUID

import psycopg

PARTS = 4
"""Of the copies, one of so many has alerts."""
TABLES = {
    "drf_monitors": 1,
    "drf_baselines": 1,
    "drf_baseline_frames": 1,
    "drf_runs": 1,
    "drf_profiles": 1,
    "drf_detections": 1,
    "drf_outcome_streams": 1,
    "drf_detector_states": 1,
    "drf_error_bins": 1,
    "drf_signal_changes": 1,
    "drf_backtests": 1,
    "drf_alerts": PARTS,
    "drf_alert_events": PARTS,
    "drf_alert_runs": PARTS,
}
"""The tables, in the order of their references, and of how many copies one has rows there."""
REFERENCES = frozenset(
    {"id", "monitor_id", "baseline_id", "run_id", "stream_id", "alert_id", "first_run_id"}
    | {"last_run_id", "previous_id"}
)
CHANGED = {
    ("drf_monitors", "name"): "old.name || ' ' || copy",
    ("drf_baselines", "content"): "CASE WHEN old.content IS NULL THEN NULL ELSE '\\x00'::bytea END",
}
"""A name is there once; no page reads the content of a baseline."""
COLUMNS = """
    SELECT column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = %s AND is_generated = 'NEVER'
"""


def copy_monitor(owner: psycopg.Connection, tenant: UUID, *, copies: int) -> None:
    """Copy the only monitor of a tenant, with its rows; what refers to a row refers to that of the same copy."""
    with owner.transaction():
        owner.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant)])
        for table, step in TABLES.items():
            columns = [row[0] for row in owner.execute(COLUMNS, [table])]
            _copy(owner, table, columns, tenant, copies=copies, step=step)


def _copy(
    owner: psycopg.Connection,
    table: str,
    columns: list[str],
    tenant: UUID,
    *,
    copies: int,
    step: int,
) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(_value(table, name) for name in columns)
    owner.execute(
        f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} AS old, "
        "generate_series(%s::int, %s::int, %s::int) AS copy WHERE old.tenant_id = %s",
        [step, copies, step, tenant],
    )


def _value(table: str, column: str) -> str:
    """A column of a copied row: ids are made from the old one and the number of the copy."""
    if column in REFERENCES:
        return f"md5(old.\"{column}\"::text || ' ' || copy)::uuid"
    return CHANGED.get((table, column), f'old."{column}"')
