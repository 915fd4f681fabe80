from typing import Any
from uuid import UUID

from celery import shared_task

from detections.ledger import runs as ledger
from monitors.baselines import builds
from tasks.base import LoggedTask, worker_name


@shared_task(name=builds.BUILD_TASK, base=LoggedTask, bind=True)
def build_baseline(self: Any, *, tenant_id: str, baseline_id: str) -> None:
    """Build a baseline, then let the runs go on that have waited for it."""
    monitor_id = builds.build_baseline(
        tenant_id=UUID(tenant_id), baseline_id=UUID(baseline_id), worker=worker_name(self.request)
    )
    if monitor_id is not None:
        ledger.release_postponed(tenant_id=UUID(tenant_id), monitor_id=monitor_id)
