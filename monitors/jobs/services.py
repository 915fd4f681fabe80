"""Requests jobs, and answers each once: a worker claims it, reads data, and writes with the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import QuerySet
from django.utils import timezone

from drift_detector.api.problem_documents import problem
from drift_detector.api.problems import problem_of
from drift_detector.celery import enqueue
from drift_detector.lease import Lease, claim_row, is_unleased, kept_lease, lease_of_worker
from drift_detector.tenancy.acting import acting_for, current_cause
from drift_detector.tenancy.models import Quota
from drift_detector.tenancy.quotas import note
from drift_detector.tenancy.scope import current_tenant_id, lock_local, tenant_scope
from drift_detector.throttling.request_throttle import Throttled
from monitors.jobs import selectors
from monitors.jobs.kinds import Answer, Ending, read_data
from monitors.models import Job
from monitors.reading_quota import counted_reading

log = structlog.get_logger(__name__)

JOB_TASK = "monitors.answer_job"
TOO_LARGE = "The data needs more memory than a worker has."
WENT_WRONG = "Something went wrong on our side; it has been logged."
Status = Job.Status


class _LeaseLost(Exception):
    """Another worker has the job; what this one has written is rolled back."""


@dataclass(frozen=True, slots=True)
class _Work:
    """A claimed job."""

    lease: Lease
    job: Job


def request_job(
    *,
    kind: Job.Kind,
    fields: Mapping[str, Any],
    requested_by: str,
    monitor_id: UUID | None = None,
    job_id: UUID | None = None,
) -> Job:
    """Ask a worker for an answer.

    As many jobs of a tenant are enqueued as it may have at work, so those of one do not stand before
    the work of others. The end of a job enqueues the next one.

    Args:
        kind: What is asked.
        fields: The fields of the request, which are right but for what the data says.
        requested_by: Who asks.
        monitor_id: The monitor that is changed.
        job_id: The id that the job has; asked for again, it is the same job.

    Raises:
        Throttled: If as many of the tenant's jobs as may be have no answer yet.
    """
    tenant_id = current_tenant_id()
    _lock_jobs(tenant_id)
    known = Job.objects.filter(id=job_id).first() if job_id else None
    if known is not None:
        return known
    _check_unfinished()
    job = Job.objects.create(
        id=job_id or uuid4(),
        tenant_id=tenant_id,
        kind=kind,
        fields=dict(fields),
        requested_by=requested_by,
        cause=current_cause(),
        monitor_id=monitor_id,
    )
    if job.id in _first_jobs().values_list("id", flat=True):
        enqueue(JOB_TASK, tenant_id=tenant_id, job_id=job.id)
    return job


def _check_unfinished() -> None:
    jobs = settings.ENV.jobs
    if selectors.list_unfinished_jobs()[jobs.max_unfinished - 1 :].exists():
        wait = jobs.time_limit_seconds
        reason = f"{jobs.max_unfinished} jobs of this tenant have no answer yet, which is the limit"
        raise Throttled(f"{reason}; the next one ends within {wait} seconds.", wait)


def answer_job(*, tenant_id: UUID, job_id: UUID, worker: str) -> None:
    """Read a tenant's data for a job and answer it; a second worker at once, or after, finds nothing to do."""
    work = _claim(tenant_id, job_id, worker)
    if work is None:
        return
    if work.lease.attempt > settings.ENV.runs.max_attempts:
        _refuse(work.lease, problem(500, "The worker stopped answering."))
        return
    try:
        _attempt(work)
    except (OperationalError, InterfaceError):
        raise  # the database is away; the lease expires and the reconciler enqueues the job again
    except Exception as error:
        document = _refusal_of(error)
        if document is None:
            log.exception("job_crashed", job_id=str(job_id))
        _refuse(work.lease, document or problem(500, WENT_WRONG))


def fail_job(*, tenant_id: UUID, job_id: UUID, reason: str, worker: str) -> None:
    """Answer the job that a worker's child died of with 400 and the reason; it is not tried again."""
    with tenant_scope(tenant_id):
        lease = _lease_of(tenant_id, job_id, worker)
    if lease is not None:
        _refuse(lease, problem(400, reason))


def release_job(*, tenant_id: UUID, job_id: UUID, worker: str) -> None:
    """Release the job of a worker that stops, without an attempt; another can begin at once."""
    with tenant_scope(tenant_id):
        lease = _lease_of(tenant_id, job_id, worker)
        if lease is not None and lease.release(is_attempt=False, status=Status.QUEUED):
            enqueue(JOB_TASK, tenant_id=tenant_id, job_id=job_id)
            log.info("job_released", job_id=str(job_id), worker=worker)


def _lease_of(tenant_id: UUID, job_id: UUID, worker: str) -> Lease | None:
    running = Job.objects.filter(id=job_id, status=Status.RUNNING)
    return lease_of_worker(running, tenant_id=tenant_id, worker=worker)


def _claim(tenant_id: UUID, job_id: UUID, worker: str) -> _Work | None:
    with tenant_scope(tenant_id):
        free = Job.objects.filter(is_unleased(), status__in=selectors.UNFINISHED)
        lease = claim_row(free, job_id, tenant_id=tenant_id, worker=worker)
        if lease is None:
            return None
        lease.update(status=Status.RUNNING)
        return _Work(lease, Job.objects.get(id=job_id))


def _attempt(work: _Work) -> None:
    with kept_lease(work.lease.renew), counted_reading(work.lease.tenant_id) as meter:
        end = read_data(work.job)
    try:
        _complete(work, end, meter.bytes)
    except _LeaseLost:
        log.info("job_refused", job_id=str(work.lease.row_id))


def _complete(work: _Work, end: Ending, bytes_read: int) -> None:
    """Write what the job asks for together with its answer, so that neither is there without the other."""
    lease = work.lease
    with tenant_scope(lease.tenant_id):
        with acting_for(work.job.cause):
            answer = end()
        if not _finish(lease, Status.SUCCEEDED, answer):
            raise _LeaseLost
        note(Quota.BYTES_READ, bytes_read)  # last, as all work of the tenant locks its row


def _refuse(lease: Lease, document: dict[str, Any]) -> None:
    """Answer with a problem; nothing is written if another worker has the job."""
    with tenant_scope(lease.tenant_id):
        _finish(lease, Status.FAILED, Answer(document["status"], document))


def _finish(lease: Lease, status: Status, answer: Answer) -> bool:
    """Write the answer while the lease stands, and enqueue the tenant's next job."""
    monitor = {"monitor_id": answer.monitor_id} if answer.monitor_id else {}
    is_ours = lease.finish(
        status=status,
        answer_status=answer.status,
        answer=answer.text,
        finished_at=timezone.now(),
        **monitor,
    )
    if is_ours:
        _enqueue_next(lease.tenant_id)
        log.info("job_answered", job_id=str(lease.row_id), answer_status=answer.status)
    return is_ours


def _enqueue_next(tenant_id: UUID) -> None:
    """Enqueue the tenant's jobs that are within its limit now, and that no worker has.

    One whose message is on its way gets another, which finds nothing to do.
    """
    _lock_jobs(tenant_id)
    for job_id, status in _first_jobs().values_list("id", "status"):
        if status == Status.QUEUED:
            enqueue(JOB_TASK, tenant_id=tenant_id, job_id=job_id)


def _first_jobs() -> QuerySet[Job]:
    return selectors.list_unfinished_jobs()[: settings.ENV.jobs.max_per_tenant]


def _lock_jobs(tenant_id: UUID) -> None:
    lock_local(f"jobs of {tenant_id}")


def _refusal_of(error: Exception) -> dict[str, Any] | None:
    """The problem document of an error that is not our fault; else None."""
    if isinstance(error, SoftTimeLimitExceeded):
        seconds = settings.ENV.jobs.time_limit_seconds
        return problem(400, f"The data could not be read and answered within {seconds} seconds.")
    if isinstance(error, MemoryError):
        return problem(400, TOO_LARGE)
    return problem_of(error)
