"""Removing what is older than its retention, some rows at a time and for some seconds; the next round goes on."""

from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic

from django.conf import settings
from django.utils import timezone

from detections.models import OutcomeBatch, PendingOutcome
from detections.walks import Walk

BATCH_SIZE = 1000
FORGET_SECONDS = 3
# The database removes their detections and reports with them. A run that an alert tells of is kept as long as that is.
# A follow-up was written long before its time came.
RUN_IS_DONE_WITH = """
    scheduled_for < %(before)s AND status IN ('succeeded', 'failed', 'skipped')
    AND NOT EXISTS (SELECT FROM drf_alerts WHERE tenant_id = old.tenant_id AND first_run_id = old.id)
    AND NOT EXISTS (SELECT FROM drf_alerts WHERE tenant_id = old.tenant_id AND last_run_id = old.id)
"""
old_runs = Walk("drf_runs", RUN_IS_DONE_WITH, most=BATCH_SIZE)


def forget_old() -> int:
    """Remove old runs with what they found, old batches of outcomes, and predictions that wait for a label too long.

    Needs the scheduler's role, which may remove them of every tenant.
    """
    keep = settings.ENV.outcomes.retention_days
    runs = _forget(old_runs.step, days=settings.ENV.runs.retention_days)
    return runs + sum(_forget(_remover(model), days=keep) for model in (OutcomeBatch, PendingOutcome))


def _forget(remove: Callable[[datetime], int | None], *, days: int) -> int:
    """Remove what is older, until `remove` says that no more is left."""
    before, removed, until = timezone.now() - timedelta(days=days), 0, monotonic() + FORGET_SECONDS
    while (batch := remove(before)) is not None:
        removed += batch
        if monotonic() > until:
            break
    return removed


def _remover(model: type[OutcomeBatch] | type[PendingOutcome]) -> Callable[[datetime], int | None]:
    def remove(before: datetime) -> int | None:
        old = model.objects.filter(created_at__lt=before).order_by("created_at").values_list("id", flat=True)
        return model.objects.filter(id__in=list(old[:BATCH_SIZE])).delete()[0] or None

    return remove
