"""Reviews the health of monitors: what failed outside a run's end, and what did not happen at all."""

from uuid import UUID

from alerts.health.conditions import get_newest_check, list_causes
from alerts.health.health_recording import get_newest_alert, record_causes, seen_of
from alerts.health.streams import list_monitors_with_streams
from drift_detector.celery import Priority, TaskMessage, enqueue_all
from drift_detector.tenancy.scope import tenant_scope
from monitors.health_reviews import finish_review, take_requested, token_of
from monitors.models import Monitor
from monitors.services import lock_monitor

REVIEW_TASK = "alerts.review_monitor"
STREAMS_TASK = "alerts.review_streams"


def enqueue_reviews() -> int:
    """Send a task for each monitor that waits for a review; needs the scheduler's role.

    The row stays until a worker has done the review, so a task that is lost is sent again.
    """
    due = take_requested()
    ids = [{"tenant_id": tenant_id, "monitor_id": monitor_id} for tenant_id, monitor_id in due]
    enqueue_all([TaskMessage(REVIEW_TASK, each, Priority.BACKGROUND) for each in ids])
    return len(ids)


def enqueue_stream_reviews() -> int:
    """Send a task for each tenant that has monitors; needs the scheduler's role."""
    tenants = list(Monitor.objects.order_by().values_list("tenant_id", flat=True).distinct())
    ids = [{"tenant_id": tenant_id} for tenant_id in tenants]
    enqueue_all([TaskMessage(STREAMS_TASK, each, Priority.BACKGROUND) for each in ids])
    return len(ids)


def review_monitor(*, tenant_id: UUID, monitor_id: UUID) -> None:
    """Bring a monitor's health alert to the monitor's newest state; a second time changes nothing.

    The request goes with the transaction of the review. One that came meanwhile stays for the next.
    """
    with tenant_scope(tenant_id):
        token = token_of(monitor_id)
        lock_monitor(monitor_id)
        monitor = Monitor.objects.filter(id=monitor_id).first()
        if monitor is not None:
            _review(monitor)
        if token is not None:
            finish_review(monitor_id, token)


def review_streams(*, tenant_id: UUID) -> int:
    """Review the tenant's active monitors that have streams of outcomes, each in a transaction of its own."""
    with tenant_scope(tenant_id):
        monitor_ids = list_monitors_with_streams()
    for monitor_id in monitor_ids:
        review_monitor(tenant_id=tenant_id, monitor_id=monitor_id)
    return len(monitor_ids)


def _review(monitor: Monitor) -> None:
    """A monitor that is paused or disabled judges nothing on purpose, and so is well."""
    is_active = monitor.status == Monitor.Status.ACTIVE
    seen = seen_of(get_newest_alert(monitor.id))
    causes = list_causes(monitor, get_newest_check(monitor), seen) if is_active else []
    record_causes(monitor, causes, run=None)
