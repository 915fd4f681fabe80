from uuid import UUID

from celery import shared_task

from detections.ledger import runs as ledger
from monitors import services
from tasks.base import LoggedTask


@shared_task(name=services.BUILD_TASK, base=LoggedTask)
def build_baseline(*, tenant_id: str, baseline_id: str) -> None:
    """Build a baseline, then let the runs go on that have waited for it."""
    monitor_id = services.build_baseline(tenant_id=UUID(tenant_id), baseline_id=UUID(baseline_id))
    if monitor_id is not None:
        ledger.release_postponed(tenant_id=UUID(tenant_id), monitor_id=monitor_id)
