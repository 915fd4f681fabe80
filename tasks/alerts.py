from uuid import UUID

from celery import shared_task

from alerts.health import reviews
from alerts.workflow import snoozes
from tasks.base import LoggedTask


@shared_task(name=snoozes.SNOOZE_TASK, base=LoggedTask)
def end_snoozes(*, tenant_id: str) -> None:
    """End the snoozes of a tenant that are over; a second time changes nothing."""
    snoozes.end_snoozes(tenant_id=UUID(tenant_id))


@shared_task(name=reviews.REVIEW_TASK, base=LoggedTask)
def review_monitor(*, tenant_id: str, monitor_id: str) -> None:
    """Look at the health of a monitor; a second time changes nothing."""
    reviews.review_monitor(tenant_id=UUID(tenant_id), monitor_id=UUID(monitor_id))


@shared_task(name=reviews.STREAMS_TASK, base=LoggedTask)
def review_streams(*, tenant_id: str) -> None:
    """Look for streams of outcomes that went silent; a second time changes nothing."""
    reviews.review_streams(tenant_id=UUID(tenant_id))
