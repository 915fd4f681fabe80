"""Finds runs that were lost: abandoned by their worker, or enqueued by a message that is gone.

Needs the scheduler's role, which sees the unfinished runs of every tenant.
"""

from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from algorithms.verdicts import Verdict
from detections.ledger.dispatch import enqueue_due
from detections.models import DetectionRun, RunPart
from drift_detector.celery import count_messages, new_broker_run_id, remember_broker_run_id
from drift_detector.lease import NO_LEASE
from drift_detector.observability.metrics import count_lease_losses, set_queue
from monitors.health_reviews import request_reviews

log = structlog.get_logger(__name__)

DELIVERY = timedelta(seconds=10)
LONG_PATIENCE = timedelta(minutes=10)
Status = DetectionRun.Status
ABANDONED = {**NO_LEASE, "reason": "The worker stopped answering."}
WAITING_SINCE = Coalesce("not_before", "created_at")
AHEAD_OF_BACKFILLS = Q(priority__lt=6)
# In the words of the two partial indexes, which are small however many runs have ended.
QUEUED = Q(status=Status.QUEUED)
UNFINISHED = (
    (QUEUED & Q(enqueued_at__isnull=True))
    | Q(status=Status.RUNNING)
    | (QUEUED & Q(enqueued_at__isnull=False))
)


def release_abandoned_runs() -> int:
    """Queue the runs whose lease has expired, or fail those that had their last attempt."""
    abandoned = DetectionRun.objects.filter(
        status=Status.RUNNING, lease_expires_at__lt=timezone.now()
    )
    released, failed = _release(abandoned), _fail(abandoned)
    count_lease_losses("reconciler", released + failed)
    return released + failed


def _release(abandoned: QuerySet[DetectionRun]) -> int:
    """Queue runs that have an attempt left."""
    unexhausted = abandoned.filter(attempt__lt=settings.ENV.runs.max_attempts)
    return unexhausted.update(status=Status.QUEUED, enqueued_at=None, **ABANDONED)


def _fail(abandoned: QuerySet[DetectionRun]) -> int:
    """Fail runs that had their last attempt, and remove their parts."""
    found = list(abandoned.values_list("id", "tenant_id", "monitor_id"))
    if not found:
        return 0
    ids = [run_id for run_id, _, _ in found]
    ended = {"status": Status.FAILED, "verdict": Verdict.ERROR, "finished_at": timezone.now()}
    with transaction.atomic():
        failed = abandoned.filter(id__in=ids).update(**ended, **ABANDONED)
        RunPart.objects.filter(run_id__in=ids, run__status=Status.FAILED).delete()
        request_reviews((tenant_id, monitor_id) for _, tenant_id, monitor_id in found)
    return failed


def mark_lost_messages() -> int:
    """Mark runs as not enqueued whose messages were lost one by one, so that they are enqueued again.

    A run that is still enqueued is one of the messages that wait. If as many messages wait as there
    are such runs, none can be shown to be lost; then only very old ones are enqueued again. A run that
    is enqueued twice runs once.
    """
    now = timezone.now()
    enqueued = DetectionRun.objects.filter(status=Status.QUEUED, enqueued_at__lt=now - DELIVERY)
    waiting = count_messages() if enqueued.exists() else None
    if waiting is None:
        return 0
    if enqueued.count() <= waiting:
        enqueued = enqueued.filter(enqueued_at__lt=now - LONG_PATIENCE)
    return enqueued.update(enqueued_at=None)


def enqueue_lost() -> None:
    """Enqueue again, at once, all messages that a restarted or emptied broker has lost.

    It is cheap enough for each second. Messages that the broker kept are sent twice then; a run that
    is enqueued twice runs once.
    """
    if run_id := new_broker_run_id():
        enqueued = DetectionRun.objects.filter(QUEUED, enqueued_at__isnull=False)
        lost = enqueued.update(enqueued_at=None)
        log.info("broker_restarted", lost=lost, enqueued=enqueue_due())
        remember_broker_run_id(run_id)  # last, because the database can be away, too


def measure_queue() -> None:
    """Set the metrics of the queue: unfinished runs, and how long the oldest due run has waited.

    Backfills and follow-ups do not count: a long backfill waits for its own turn, not for a worker.
    """
    is_due = Q(not_before__isnull=True) | Q(not_before__lte=timezone.now())
    figures = {
        "queued": Count("id", filter=QUEUED),
        "running": Count("id", filter=Q(status=Status.RUNNING)),
        "oldest": Min(WAITING_SINCE, filter=QUEUED & AHEAD_OF_BACKFILLS & is_due),
    }
    set_queue(**DetectionRun.objects.filter(UNFINISHED).aggregate(**figures))
