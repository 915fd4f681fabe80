from typing import Any
from uuid import UUID

from celery import shared_task
from django.conf import settings

from detections.ledger import runs as ledger
from monitors.baselines import builds
from monitors.jobs import services as jobs
from tasks.base import WorkTask, worker_name

SECONDS_TO_ANSWER = 30  # after the time to read; then the process is killed


@shared_task(name=builds.BUILD_TASK, base=WorkTask, bind=True)
def build_baseline(self: Any, *, tenant_id: str, baseline_id: str) -> None:
    """Build a baseline, then let the runs go on that have waited for it."""
    monitor_id = builds.build_baseline(
        tenant_id=UUID(tenant_id), baseline_id=UUID(baseline_id), worker=worker_name(self.request)
    )
    if monitor_id is not None:
        ledger.release_postponed(tenant_id=UUID(tenant_id), monitor_id=monitor_id)


@shared_task(
    name=jobs.JOB_TASK,
    base=WorkTask,
    bind=True,
    soft_time_limit=settings.ENV.jobs.time_limit_seconds,
    time_limit=settings.ENV.jobs.time_limit_seconds + SECONDS_TO_ANSWER,
)
def answer_job(self: Any, *, tenant_id: str, job_id: str) -> None:
    """Read the data that a request is about, and answer it; a duplicate delivery changes nothing."""
    jobs.answer_job(
        tenant_id=UUID(tenant_id), job_id=UUID(job_id), worker=worker_name(self.request)
    )
