"""Plans follow-ups: a window whose labels come late is measured again when they are due.

A follow-up that waits is neither queued nor unfinished, so it is not enqueued, counted or taken for lost.
"""

from datetime import datetime
from uuid import UUID

from django.utils import timezone

from detections.ledger.runs import write_runs
from detections.models import DetectionRun
from monitors.models import Monitor

BATCH_SIZE = 1000
FOLLOWED = (DetectionRun.Trigger.SCHEDULE, DetectionRun.Trigger.BACKFILL)
Status, Trigger = DetectionRun.Status, DetectionRun.Trigger


def plan_follow_up(run: DetectionRun) -> DetectionRun | None:
    """Write the run that measures a tick's window again when its labels are due, in the caller's transaction.

    A window is followed up once, whatever asks for it how often; one whose labels were due when it was read is not, as
    it has been measured with them. What is measured later is judged by the baseline that the estimates came from.
    """
    due = _due_at(run)
    if due is None:
        return None
    follow_up = DetectionRun(
        tenant_id=run.tenant_id,
        monitor=run.monitor,
        baseline_id=run.baseline_id,
        trigger=Trigger.LABELS,
        status=Status.WAITING,
        scheduled_for=due,
        not_before=due,
        window_start=run.window_start,
        window_end=run.window_end,
        raises_alerts=run.raises_alerts,
    )
    return next(iter(write_runs([follow_up])), None)


def _due_at(run: DetectionRun) -> datetime | None:
    """The time at which the labels of a run's window are due; None if the run needs no follow-up."""
    monitor = run.monitor
    if run.trigger not in FOLLOWED or monitor.label_delay is None or not monitor.performance_limits:
        return None
    due = run.window_end + monitor.label_delay
    return due if run.started_at is not None and due > run.started_at else None


def queue_due() -> int:
    """Queue the follow-ups of active monitors whose labels are due; needs the scheduler's role.

    Those of a monitor that is paused go on waiting until it is active again.
    """
    waiting = DetectionRun.objects.filter(id__in=_due_ids(), status=Status.WAITING)
    return waiting.update(status=Status.QUEUED)


def _due_ids() -> list[UUID]:
    """The follow-ups of active monitors that are due the longest."""
    due = DetectionRun.objects.filter(
        status=Status.WAITING, not_before__lte=timezone.now(), monitor__status=Monitor.Status.ACTIVE
    )
    return list(due.order_by("not_before").values_list("id", flat=True)[:BATCH_SIZE])
