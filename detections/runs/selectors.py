"""Reads runs and detections."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from detections.models import Detection, DetectionRun, RunPart
from drift_detector.api.waiting import MayWait
from drift_detector.tenancy.scope import release_connection, tenant_scope

POLL_SECONDS = 0.1
Status, Trigger = DetectionRun.Status, DetectionRun.Trigger
UNFINISHED = (Status.QUEUED, Status.RUNNING)


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a running run.

    Attributes:
        parts: The parts of its window; 1 if it is not divided.
        parts_done: Those that are counted.
        rows_read: The rows of those.
    """

    parts: int
    parts_done: int
    rows_read: int


def list_runs() -> QuerySet[DetectionRun]:
    """Runs without the rows that were sent with them."""
    return DetectionRun.objects.defer("inline_data")


def list_latest_ticks(monitor_id: UUID) -> QuerySet[DetectionRun]:
    """The runs of a monitor over its own windows, the latest tick first; without what detectors saw and follow-ups."""
    ticks = list_runs().filter(monitor_id=monitor_id).exclude(trigger=Trigger.LABELS)
    return ticks.exclude(trigger=Trigger.OUTCOMES).order_by("-scheduled_for")


def list_unfinished_runs(monitor_id: UUID) -> QuerySet[DetectionRun]:
    """The runs of a monitor that wait for a worker or are at work, by what the partial indexes hold."""
    is_queued = Q(status=Status.QUEUED)
    at_work = Q(status=Status.RUNNING) | is_queued & Q(enqueued_at__isnull=False)
    waits = is_queued & Q(enqueued_at__isnull=True)
    return list_runs().filter(at_work | waits, monitor_id=monitor_id)


def list_ended_runs(monitor_id: UUID, since: datetime) -> QuerySet[DetectionRun]:
    """The runs of a monitor that ended since a moment, the latest first."""
    ended = list_runs().filter(monitor_id=monitor_id, finished_at__gte=since)
    return ended.order_by("-finished_at")


def get_progress(run: DetectionRun) -> Progress | None:
    """The progress of a run by its parts in the ledger; None unless a worker has it."""
    if run.status != Status.RUNNING:
        return None
    is_counted = Q(profile__isnull=False)
    found = RunPart.objects.filter(run_id=run.id).aggregate(
        parts=Count("id"), done=Count("id", filter=is_counted), rows=Sum("rows", filter=is_counted)
    )
    return Progress(found["parts"] or 1, found["done"], found["rows"] or 0)


def get_last_judged_time(monitor_id: UUID) -> datetime | None:
    """The end of a monitor's newest window that was judged."""
    judged = DetectionRun.objects.filter(monitor_id=monitor_id, verdict__in=["ok", "drift"])
    return judged.order_by("-window_end").values_list("window_end", flat=True).first()


def list_detections() -> QuerySet[Detection]:
    return Detection.objects.all()


def list_detections_of_run(run_id: UUID) -> QuerySet[Detection]:
    """The detections of a run with their details, in the order of the methods' names."""
    return Detection.objects.filter(run_id=run_id).order_by("reference", "method")


def wait_for_run(*, tenant_id: UUID, run_id: UUID, seconds: float, may_wait: MayWait) -> None:
    """Wait until a run is finished or the time is over, with no transaction open in between.

    Args:
        tenant_id: The tenant of the run.
        run_id: The run.
        seconds: The longest wait.
        may_wait: Asked before each look; the wait ends when it is false.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until and may_wait() and _is_unfinished(tenant_id, run_id):
        release_connection()
        time.sleep(POLL_SECONDS)


def _is_unfinished(tenant_id: UUID, run_id: UUID) -> bool:
    unfinished = DetectionRun.objects.filter(id=run_id, status__in=UNFINISHED)
    with tenant_scope(tenant_id):
        return unfinished.exists()


def get_details_of_feature(run: DetectionRun, feature: str) -> list[Mapping[str, Any]]:
    """The stored details of a feature, by each method that found drift in a run."""
    drifted = Detection.objects.filter(run_id=run.id, is_drifted=True, counts=True)
    details = (each for found in drifted.values_list("details", flat=True) for each in found)
    return [each for each in details if each.get("feature") == feature]
