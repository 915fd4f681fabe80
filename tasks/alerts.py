from uuid import UUID

from celery import shared_task

from alerts.workflow import snoozes
from tasks.base import LoggedTask


@shared_task(name=snoozes.SNOOZE_TASK, base=LoggedTask)
def end_snoozes(*, tenant_id: str) -> None:
    """End the snoozes of a tenant that are over; a second time changes nothing."""
    snoozes.end_snoozes(tenant_id=UUID(tenant_id))
