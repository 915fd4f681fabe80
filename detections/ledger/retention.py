"""Removing what is older than its retention, some rows at a time and for some seconds; the next round goes on."""

from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic

from django.conf import settings
from django.db import connection
from django.utils import timezone

from detections.ledger.sweep import Sweep

BATCH_SIZE = 1000
FEW = 10  # of rows that may be of 256 MB each
FORGET_SECONDS = 3  # a round; leases that ran out wait for it
REMOVE_OLDEST = """
    DELETE FROM {table} WHERE id = ANY(ARRAY(
        SELECT id FROM {table} WHERE {since} < %(before)s ORDER BY {since} LIMIT %(most)s))
"""
# The database removes their detections and reports with them. A run that an alert tells of is kept as long as that is.
# A follow-up was written long before its time came.
RUN_IS_DONE_WITH = """
    scheduled_for < %(before)s AND status IN ('succeeded', 'failed', 'skipped')
    AND NOT EXISTS (SELECT FROM drf_alerts WHERE tenant_id = old.tenant_id AND first_run_id = old.id)
    AND NOT EXISTS (SELECT FROM drf_alerts WHERE tenant_id = old.tenant_id AND last_run_id = old.id)
"""
# The next version has been ready for as long, so no run that began with this one is still at work.
BASELINE_IS_DONE_WITH = """
    status IN ('ready', 'failed')
    AND EXISTS (
        SELECT FROM drf_baselines AS newer WHERE tenant_id = old.tenant_id AND monitor_id = old.monitor_id
            AND version > old.version AND (built_at < %(before)s OR old.status = 'failed'))
    AND NOT EXISTS (SELECT FROM drf_runs WHERE tenant_id = old.tenant_id AND baseline_id = old.id)
    AND NOT EXISTS (SELECT FROM drf_run_parts WHERE tenant_id = old.tenant_id AND baseline_id = old.id)
    AND NOT EXISTS (SELECT FROM drf_backtests WHERE tenant_id = old.tenant_id AND baseline_id = old.id)
"""
old_runs = Sweep("drf_runs", RUN_IS_DONE_WITH, most=BATCH_SIZE)
old_baselines = Sweep("drf_baselines", BASELINE_IS_DONE_WITH, most=FEW)


def purge_old() -> int:
    """Remove what is past its retention: alerts, backtests, runs with what they found, baselines, outcomes.

    What refers to others goes before them. Needs the scheduler's role, which may remove them of every tenant.
    """
    alerts, runs = settings.ENV.alerts.retention_days, settings.ENV.runs.retention_days
    outcomes = settings.ENV.outcomes.retention_days
    until = monotonic() + FORGET_SECONDS
    return (
        _forget(_oldest("drf_alerts", since="resolved_at"), days=alerts, until=until)
        + _forget(_oldest("drf_backtests", since="finished_at"), days=runs, until=until)
        + _forget(old_runs.step, days=runs, until=until)
        + _forget(old_baselines.step, days=runs, until=until)
        + _forget(_oldest("drf_outcome_batches", since="created_at"), days=outcomes, until=until)
        + _forget(_oldest("drf_pending_outcomes", since="created_at"), days=outcomes, until=until)
    )


def _forget(remove: Callable[[datetime], int | None], *, days: int, until: float) -> int:
    """Remove some of what is older, and go on until then or until `remove` says that no more is left."""
    before, removed = timezone.now() - timedelta(days=days), 0
    while (batch := remove(before)) is not None:
        removed += batch
        if monotonic() > until:
            break
    return removed


def _oldest(table: str, *, since: str) -> Callable[[datetime], int | None]:
    """Removes rows that nothing keeps once they are old, by an index on `since`."""

    def remove(before: datetime) -> int | None:
        with connection.cursor() as cursor:
            cursor.execute(
                REMOVE_OLDEST.format(table=table, since=since),
                {"before": before, "most": BATCH_SIZE},
            )
            return cursor.rowcount or None

    return remove
