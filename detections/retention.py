"""Removing what is older than its retention, some rows at a time and for some seconds; the next round goes on."""

from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic

from django.conf import settings
from django.db import connection
from django.utils import timezone

from detections.models import OutcomeBatch, PendingOutcome

BATCH_SIZE = 1000
FORGET_SECONDS = 3
# The database removes their detections and reports with them. A run that an alert tells of is kept as long as that is.
# A follow-up was written long before its time came.
REMOVE_RUNS = """
    DELETE FROM drf_runs WHERE id = ANY(ARRAY(
        SELECT id FROM drf_runs AS run WHERE created_at < %(before)s AND scheduled_for < %(before)s
            AND status IN ('succeeded', 'failed', 'skipped')
            AND NOT EXISTS (SELECT FROM drf_alerts WHERE tenant_id = run.tenant_id AND first_run_id = run.id)
            AND NOT EXISTS (SELECT FROM drf_alerts WHERE tenant_id = run.tenant_id AND last_run_id = run.id)
        LIMIT %(most)s))
"""


def forget_old() -> int:
    """Remove old runs with what they found, old batches of outcomes, and predictions that wait for a label too long.

    Needs the scheduler's role, which may remove them of every tenant.
    """
    keep = settings.ENV.outcomes.retention_days
    runs = _forget(_remove_runs, days=settings.ENV.runs.retention_days)
    return runs + sum(_forget(_remover(model), days=keep) for model in (OutcomeBatch, PendingOutcome))


def _forget(remove: Callable[[datetime], int], *, days: int) -> int:
    before, removed, until = timezone.now() - timedelta(days=days), 0, monotonic() + FORGET_SECONDS
    while True:
        batch = remove(before)
        removed += batch
        if batch < BATCH_SIZE or monotonic() > until:
            return removed


def _remove_runs(before: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(REMOVE_RUNS, {"before": before, "most": BATCH_SIZE})
        return int(cursor.rowcount)


def _remover(model: type[OutcomeBatch] | type[PendingOutcome]) -> Callable[[datetime], int]:
    def remove(before: datetime) -> int:
        old = model.objects.filter(created_at__lt=before).order_by("created_at").values_list("id", flat=True)
        return model.objects.filter(id__in=list(old[:BATCH_SIZE])).delete()[0]

    return remove
