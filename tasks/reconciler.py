"""Looking across tenants for what was lost: wake-ups never received, leases that ran out, builds never begun."""

from datetime import timedelta

import structlog
from django.conf import settings
from django.db.models import Count, Min, Q, QuerySet, Window
from django.db.models.functions import Coalesce, RowNumber
from django.utils import timezone

from algorithms.verdicts import Verdict
from detections.backtests.services import BACKTEST_TASK
from detections.ledger.dispatch import enqueue_due
from detections.ledger.follow_ups import queue_due
from detections.ledger.retention import purge_old
from detections.ledger.runs import NO_LEASE
from detections.models import Backtest, DetectionRun, RunPart
from drift_detector.celery import (
    TaskMessage,
    count_messages,
    enqueue_all,
    new_broker_run_id,
    remember_broker_run_id,
)
from drift_detector.observability.metrics import count_lease_losses, set_queue
from monitors.models import Baseline
from monitors.selectors import list_builds
from monitors.services import BUILD_TASK

log = structlog.get_logger(__name__)

BATCH_SIZE = 1000
FEW = 10
DELIVERY = timedelta(seconds=10)
PATIENCE = timedelta(minutes=1)
LONG_PATIENCE = timedelta(minutes=10)
Status = DetectionRun.Status
AHEAD_OF_BACKFILLS = Q(priority__lt=6)
# In the words of the two partial indexes, which are small however many runs have ended.
QUEUED = Q(status=Status.QUEUED)
UNFINISHED = (
    (QUEUED & Q(enqueued_at__isnull=True))
    | Q(status=Status.RUNNING)
    | (QUEUED & Q(enqueued_at__isnull=False))
)


def reconcile() -> None:
    """One round. Needs the scheduler's role, which sees the unfinished runs of every tenant."""
    builds = list_builds()
    place = Window(RowNumber(), partition_by="tenant_id", order_by=["created_at", "id"])
    # Of each tenant as many as it may have in the line; the rest has its turn later.
    called = builds.annotate(place=place).filter(place__lte=settings.ENV.runs.max_per_tenant)
    backtests = Backtest.objects.filter(status=Backtest.Status.RUNNING)
    found = {
        "abandoned": _return_abandoned(),
        "lost": _forget_lost_wake_ups(),
        "due": queue_due(),
        "woken": enqueue_due(),
        "rebuilt": _wake_stale_builds(
            BUILD_TASK, "baseline_id", builds.filter(id__in=called.values("id"))
        ),
        "forgotten": purge_old(),
        "replayed": _wake_stale_builds(BACKTEST_TASK, "backtest_id", backtests),
    }
    count_lease_losses("reconciler", found["abandoned"])
    _measure_queue()
    if any(found.values()):
        log.info("reconciled", **found)


def enqueue_lost() -> None:
    """Wake again, at once, what a broker that was restarted or emptied has lost; cheap enough for each second.

    What it has kept is sent twice then; a run that is woken twice runs once. Needs the scheduler's role.
    """
    if life := new_broker_run_id():
        lost = DetectionRun.objects.filter(QUEUED, enqueued_at__isnull=False).update(
            enqueued_at=None
        )
        log.info("broker_began_again", lost=lost, woken=enqueue_due())
        remember_broker_run_id(life)  # now, and not before: the database may be away, too


def _return_abandoned() -> int:
    """Give runs whose worker stopped answering back to the queue, or fail those that had their last attempt."""
    now = timezone.now()
    abandoned = DetectionRun.objects.filter(status=Status.RUNNING, lease_expires_at__lt=now)
    no_lease: dict[str, str | None] = NO_LEASE | {"reason": "The worker stopped answering."}
    most = settings.ENV.runs.max_attempts
    returned = abandoned.filter(attempt__lt=most).update(
        status=Status.QUEUED, enqueued_at=None, **no_lease
    )
    lost = list(abandoned.values_list("id", flat=True))
    failed = abandoned.filter(id__in=lost).update(
        status=Status.FAILED, verdict=Verdict.ERROR, finished_at=now, **no_lease
    )
    RunPart.objects.filter(run_id__in=lost, run__status=Status.FAILED).delete()
    return returned + failed


def _measure_queue() -> None:
    """Tell the metrics how many runs have not ended, and since when the longest-waiting due one could be taken.

    Backfills, and the follow-ups among them, aren't asked: a long one waits for its own turn, and not for a worker.
    """
    due = (
        QUEUED
        & AHEAD_OF_BACKFILLS
        & (Q(not_before__isnull=True) | Q(not_before__lte=timezone.now()))
    )
    found = DetectionRun.objects.filter(UNFINISHED).aggregate(
        queued=Count("id", filter=QUEUED),
        running=Count("id", filter=Q(status=Status.RUNNING)),
        oldest=Min(Coalesce("not_before", "created_at"), filter=due),
    )
    set_queue(**found)


def _forget_lost_wake_ups() -> int:
    """Let runs be woken again whose wake-ups got lost one by one: by a worker or a sender that was killed, say.

    Each of them would be one of the messages that wait. Where there are as many, that is no proof, as others wait too,
    so what is very old is sent again anyway; a run that is woken twice runs once.
    """
    now = timezone.now()
    woken = DetectionRun.objects.filter(status=Status.QUEUED, enqueued_at__lt=now - DELIVERY)
    waiting = count_messages() if woken.exists() else None
    if waiting is None:
        return 0
    lost = woken if woken.count() > waiting else woken.filter(enqueued_at__lt=now - LONG_PATIENCE)
    return lost.update(enqueued_at=None)


def _wake_stale_builds(
    task: str, name: str, unfinished: QuerySet[Baseline] | QuerySet[Backtest]
) -> int:
    """Ask again for builds that nobody has begun; where each may be one of the messages that wait, for a few alone."""
    now = timezone.now()
    never_taken = Q(not_before__isnull=True, created_at__lt=now - PATIENCE)
    stale = unfinished.filter(never_taken | Q(not_before__lt=now)).order_by("created_at")
    ids = list(stale.values_list("tenant_id", "id")[:BATCH_SIZE])
    waiting = count_messages() if ids else None
    if waiting is None:
        return 0
    chosen = ids if len(ids) > waiting else ids[:FEW]
    enqueue_all(
        [TaskMessage(task, {"tenant_id": tenant_id, name: row_id}) for tenant_id, row_id in chosen]
    )
    return len(chosen)
