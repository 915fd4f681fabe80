"""Repairs what was lost in all tenants, and purges what is old. One process calls it again and again."""

from collections.abc import Sequence
from datetime import timedelta
from time import monotonic
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from alerts.health.reviews import enqueue_reviews, enqueue_stream_reviews
from alerts.old_alerts import purge_old_alerts
from alerts.retraining.progress import end_overdue_requests
from alerts.workflow.snoozes import enqueue_ended_snoozes
from detections.backtests.services import BACKTEST_TASK
from detections.label_audits.old_label_audits import purge_old_label_audits
from detections.ledger.dispatch import enqueue_due
from detections.ledger.follow_ups import queue_due
from detections.ledger.old_runs import (
    list_used_baselines,
    purge_old_backtests,
    purge_old_outcomes,
    purge_old_runs,
)
from detections.ledger.recovery import mark_lost_messages, measure_queue, release_abandoned_runs
from detections.models import Backtest
from detections.storage import STORAGE_TASK
from drift_detector.celery import Priority, TaskMessage, count_messages, enqueue_all
from drift_detector.lease import LeasedModel
from drift_detector.retention import purge
from drift_detector.tenancy.quotas import purge_usage
from monitors.baselines.builds import BUILD_TASK
from monitors.baselines.old_baselines import purge_old_baselines, sweep_baselines
from monitors.jobs.old_jobs import purge_old_jobs
from monitors.jobs.selectors import list_unfinished_jobs
from monitors.jobs.services import JOB_TASK
from monitors.models import Baseline, Job, Monitor
from monitors.selectors import list_builds

log = structlog.get_logger(__name__)

BATCH_SIZE = 1000
FEW = 10
HOUR = 3600
PATIENCE = timedelta(minutes=1)
PURGE_SECONDS = 3  # a round; expired leases wait for it

old_baselines = sweep_baselines(in_use=list_used_baselines)


def reconcile() -> None:
    """Make one round. Needs the scheduler's role, which sees the unfinished work of every tenant."""
    now = timezone.now()
    is_old = Q(created_at__lt=now - PATIENCE)
    is_due = (is_old & Q(not_before__isnull=True)) | Q(not_before__lt=now)
    backtests = Backtest.objects.filter(status=Backtest.Status.RUNNING)
    found = {
        "abandoned": release_abandoned_runs(),
        "lost": mark_lost_messages(),
        "due": queue_due(),
        "enqueued": enqueue_due(),
        "rebuilt": _enqueue_stale(BUILD_TASK, "baseline_id", _next_builds(), is_claimable=is_due),
        "overdue": end_overdue_requests(),
        "woken": enqueue_ended_snoozes(),
        "reviewed": enqueue_reviews(),
        "purged": purge_old(),
        "answered": _enqueue_stale(JOB_TASK, "job_id", _next_jobs(), is_claimable=is_old),
        "replayed": _enqueue_stale(BACKTEST_TASK, "backtest_id", backtests, is_claimable=is_old),
    }
    _measure_storages()
    _review_streams()
    measure_queue()
    if any(found.values()):
        log.info("reconciled", **found)


def purge_old() -> int:
    """Remove the rows that are past their retention; rows that refer to others go first."""
    until = monotonic() + PURGE_SECONDS
    return (
        purge_old_alerts(until)
        + purge_old_backtests(until)
        + purge_old_runs(until)
        + purge_old_baselines(old_baselines, until)
        + purge_old_outcomes(until)
        + purge_old_label_audits(until)
        + purge_old_jobs(until)
        + purge(purge_usage, days=settings.ENV.runs.retention_days, until=until)
    )


class Hourly:
    """Says once an hour that it is time, and at the first call."""

    def __init__(self) -> None:
        self._next = 0.0

    def is_due(self) -> bool:
        """True if an hour has passed since it was true."""
        if monotonic() < self._next:
            return False
        self._next = monotonic() + HOUR
        return True


storage_measurements, stream_reviews = Hourly(), Hourly()


def _measure_storages() -> int:
    """Have the storage of each tenant that has monitors measured by workers, once an hour."""
    if not storage_measurements.is_due():
        return 0
    tenants = list(Monitor.objects.order_by().values_list("tenant_id", flat=True).distinct())
    enqueue_all(
        [
            TaskMessage(STORAGE_TASK, {"tenant_id": tenant}, Priority.BACKGROUND)
            for tenant in tenants
        ]
    )
    return len(tenants)


def _review_streams() -> int:
    """Have the streams of outcomes of each tenant looked at by workers, once an hour."""
    return enqueue_stream_reviews() if stream_reviews.is_due() else 0


def _next_builds() -> QuerySet[Baseline]:
    """The builds within each tenant's limit; the others have their turn later."""
    return _first_of_each_tenant(list_builds(), settings.ENV.runs.max_per_tenant)


def _next_jobs() -> QuerySet[Job]:
    """The jobs within each tenant's limit; the others have their turn later."""
    return _first_of_each_tenant(list_unfinished_jobs(), settings.ENV.jobs.max_per_tenant)


def _first_of_each_tenant[Row: LeasedModel](rows: QuerySet[Row], most: int) -> QuerySet[Row]:
    place = Window(RowNumber(), partition_by="tenant_id", order_by=["created_at", "id"])
    chosen = rows.annotate(place=place).filter(place__lte=most)
    return rows.filter(id__in=chosen.values("id"))


def _enqueue_stale(
    task: str,
    name: str,
    unfinished: QuerySet[Baseline] | QuerySet[Backtest] | QuerySet[Job],
    *,
    is_claimable: Q,
) -> int:
    """Enqueue again the builds, jobs or backtests that no worker holds and whose message can be lost."""
    expired = Q(lease_expires_at__lt=timezone.now())
    stale = unfinished.filter(expired | (Q(lease_expires_at__isnull=True) & is_claimable))
    ids = list(stale.order_by("created_at").values_list("tenant_id", "id")[:BATCH_SIZE])
    chosen = _without_waiting(ids)
    enqueue_all(
        [TaskMessage(task, {"tenant_id": tenant, name: row_id}) for tenant, row_id in chosen]
    )
    return len(chosen)


def _without_waiting(ids: Sequence[tuple[UUID, UUID]]) -> Sequence[tuple[UUID, UUID]]:
    """All rows if some must have lost their message; if each can be one that waits, a few of them."""
    waiting = count_messages() if ids else None
    if waiting is None:
        return ()
    return ids if len(ids) > waiting else ids[:FEW]
