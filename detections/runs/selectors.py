"""Reads runs and detections."""

import time
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from detections.models import Detection, DetectionRun
from drift_detector.api.waiting import MayWait
from drift_detector.tenancy.scope import release_connection, tenant_scope

POLL_SECONDS = 0.1
UNFINISHED = (DetectionRun.Status.QUEUED, DetectionRun.Status.RUNNING)


def list_runs() -> QuerySet[DetectionRun]:
    """Runs without the rows that were sent with them."""
    return DetectionRun.objects.defer("inline_data")


def get_last_judged_time(monitor_id: UUID) -> datetime | None:
    """The end of a monitor's newest window that was judged."""
    judged = DetectionRun.objects.filter(monitor_id=monitor_id, verdict__in=["ok", "drift"])
    return judged.order_by("-window_end").values_list("window_end", flat=True).first()


def list_detections() -> QuerySet[Detection]:
    return Detection.objects.all()


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
