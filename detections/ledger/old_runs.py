"""Purges runs, backtests and outcomes that are older than their retention."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from django.conf import settings

from detections.models import Backtest, DetectionRun, RunPart
from drift_detector.retention import BATCH_SIZE, RemoveBatch, Sweep, purge, remove_oldest

# PostgreSQL removes the detections, reports and parts of a run with it. A run that an alert refers
# to is kept. A follow-up is written long before its time, so its age is that of its tick.
RUN_IS_OLD = """(
    scheduled_for < %(before)s AND status IN ('succeeded', 'failed', 'skipped') AND NOT is_kept
)"""
old_runs = Sweep("drf_runs", RUN_IS_OLD, most=BATCH_SIZE)


def purge_old_backtests(until: float) -> int:
    """Remove ended backtests past the retention of runs; needs the scheduler's role."""
    days = settings.ENV.runs.retention_days
    return purge(_oldest("drf_backtests", since="finished_at"), days=days, until=until)


def purge_old_runs(until: float) -> int:
    """Remove runs past their retention, except those that an alert refers to; needs the scheduler's role."""
    return purge(old_runs.step, days=settings.ENV.runs.retention_days, until=until)


def purge_old_outcomes(until: float) -> int:
    """Remove outcomes past their retention; needs the scheduler's role."""
    days = settings.ENV.outcomes.retention_days
    tables = ("drf_outcome_batches", "drf_pending_outcomes")
    return sum(
        purge(_oldest(table, since="created_at"), days=days, until=until) for table in tables
    )


def list_used_baselines(baseline_ids: Sequence[UUID]) -> Collection[UUID]:
    """Those of the baselines that a run, a part or a backtest refers to."""
    used: set[UUID] = set()
    for model in (DetectionRun, RunPart, Backtest):
        rows = model._default_manager.filter(baseline_id__in=baseline_ids).order_by()
        used.update(rows.values_list("baseline_id", flat=True).distinct())
    return used


def _oldest(table: str, *, since: str) -> RemoveBatch:
    return partial(_remove_oldest, table, since)


def _remove_oldest(table: str, since: str, before: datetime) -> int | None:
    return len(remove_oldest(table, before, since=since)) or None
