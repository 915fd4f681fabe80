"""Reads jobs, and waits for their answers."""

import time
from collections.abc import Callable
from uuid import UUID

from django.db.models import QuerySet

from drift_detector.tenancy.scope import release_connection, tenant_scope
from monitors.models import Job

UNFINISHED = (Job.Status.QUEUED, Job.Status.RUNNING)
FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.25
GROWTH = 1.5


def list_unfinished_jobs() -> QuerySet[Job]:
    """Jobs that have no answer yet, in their order, without what was asked."""
    unfinished = Job.objects.filter(status__in=UNFINISHED)
    return unfinished.defer("fields", "answer").order_by("created_at", "id")


def _always() -> bool:
    return True


def wait_for_job(
    *, tenant_id: UUID, job_id: UUID, seconds: float, may_wait: Callable[[], bool] = _always
) -> Job:
    """Wait until a job has its answer or the time is over, with no connection held in between.

    It asks again and again: a notification (`LISTEN`) would need a connection for each that waits,
    and one that poolers do not share.

    Args:
        tenant_id: The tenant of the job.
        job_id: The job.
        seconds: The longest wait.
        may_wait: Asked after each look; the wait ends when it is false.

    Returns:
        The job as it is then.
    """
    until, pause = time.monotonic() + seconds, FIRST_PAUSE_SECONDS
    while True:
        job = _read_job(tenant_id, job_id)
        left = until - time.monotonic()
        if job.is_finished or left <= 0 or not may_wait():
            return job
        time.sleep(min(pause, left))
        pause = min(pause * GROWTH, LONGEST_PAUSE_SECONDS)


def _read_job(tenant_id: UUID, job_id: UUID) -> Job:
    with tenant_scope(tenant_id):
        job = Job.objects.defer("fields").get(id=job_id)
    release_connection()
    return job
