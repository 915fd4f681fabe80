"""Makes one attempt at a run: claims it, evaluates it under a kept lease, completes or postpones it."""

from dataclasses import replace
from uuid import UUID

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from detections.evaluation.context import BaselineNotReady
from detections.evaluation.run import evaluate_run
from detections.ledger import runs as ledger
from detections.ledger.runs import Claim, LeaseLost
from detections.models import DetectionRun
from detections.results import RunResult, failure
from detections.runs.completion import complete_run
from drift_detector.lease import kept_lease
from drift_detector.memory import out_of_memory
from drift_detector.observability import tracing
from drift_detector.observability.metrics import ATTEMPTS_IN_PROGRESS, count_attempt, timed_phase
from drift_detector.tenancy.models import Quota
from drift_detector.tenancy.quotas import list_standings, next_midnight, sentence_of
from drift_detector.tenancy.scope import tenant_scope
from monitors.reading_quota import counted_reading
from monitors.sources import SourceError

log = structlog.get_logger(__name__)

# The end of the baseline's task enqueues the run; this is for a message that got lost.
BASELINE_PAUSE_SECONDS = 30


def execute(*, tenant_id: UUID, run_id: UUID, worker: str) -> None:
    """Make one attempt; whatever goes wrong ends in the ledger."""
    with timed_phase("claim"):
        claim = ledger.claim_run(tenant_id=tenant_id, run_id=run_id, worker=worker)
    if claim is not None:
        tracing.annotate(monitor_id=str(claim.monitor_id), attempt=claim.attempt)
        with (
            bound_contextvars(monitor_id=str(claim.monitor_id)),
            ATTEMPTS_IN_PROGRESS.track_inprogress(),
        ):
            _attempt(claim)


def _attempt(claim: Claim) -> None:
    if claim.is_over_quota:
        _wait_for_quota(claim)
        return
    try:
        with kept_lease(claim.lease.renew), counted_reading(claim.tenant_id) as meter:
            result = evaluate_run(claim)
        _complete(claim, _with_size(result, meter.bytes))
    except LeaseLost:
        count_attempt("lost")
        log.warning("run_given_up", run_id=str(claim.run_id))
    except BaselineNotReady:
        reason = "Waiting for the baseline."
        _postpone(claim, reason=reason, seconds=BASELINE_PAUSE_SECONDS, is_attempt=False)
    except (OperationalError, InterfaceError):
        count_attempt("lost")
        raise  # the ledger can't be written now; the lease expires and the reconciler releases the run
    except SourceError as error:
        _retry(claim, str(error))
    except MemoryError:
        # The same data need the same memory again, while other tenants wait for the worker.
        log.warning("run_out_of_memory", run_id=str(claim.run_id))
        _fail(claim, out_of_memory())
    except SoftTimeLimitExceeded:
        _retry(claim, f"It took longer than {settings.ENV.runs.time_limit_seconds} seconds.")
    except Exception as error:
        log.exception("run_crashed", run_id=str(claim.run_id))
        _retry(claim, f"{type(error).__name__}: {error}")


def _with_size(result: RunResult, size: int) -> RunResult:
    """The result; if the window could not be judged, with the bytes that were read all the same."""
    if not result.is_failed:
        return result
    return replace(result, reading=replace(result.reading, size=size))


def _wait_for_quota(claim: Claim) -> None:
    """Postpone a run whose tenant has read all that it may today, until the day ends; it was no attempt."""
    with tenant_scope(claim.tenant_id):
        [standing] = list_standings([Quota.BYTES_READ])
    midnight = next_midnight()
    seconds = (midnight - timezone.now()).total_seconds()
    reason = f"Waiting. {sentence_of(standing)}"
    _postpone(claim, reason=reason, seconds=seconds, is_attempt=False)


def _retry(claim: Claim, reason: str) -> None:
    """Postpone the run with a pause that doubles, or fail it after its last attempt."""
    runs = settings.ENV.runs
    if claim.attempt < runs.max_attempts:
        seconds = runs.retry_seconds * 2 ** (claim.attempt - 1)
        _postpone(claim, reason=reason, seconds=seconds, is_attempt=True)
    else:
        _fail(claim, reason)


def _fail(claim: Claim, reason: str) -> None:
    _complete(claim, failure(reason, methods=_methods_of(claim)))


def fail_run(*, tenant_id: UUID, run_id: UUID, reason: str, worker: str) -> None:
    """End a worker's run, with a reason: its data have crashed the worker's process."""
    claim = ledger.claim_of_worker(tenant_id=tenant_id, run_id=run_id, worker=worker)
    if claim is not None:
        _fail(claim, reason)


def fail_helped_run(*, tenant_id: UUID, run_id: UUID, reason: str, worker: str) -> None:
    """End another worker's run, of which this worker counts a part: the data have crashed its process."""
    claim = ledger.claim_of_helper(tenant_id=tenant_id, run_id=run_id, worker=worker)
    if claim is not None:
        _fail(claim, reason)


def _methods_of(claim: Claim) -> list[str]:
    with tenant_scope(claim.tenant_id):
        return DetectionRun.objects.select_related("monitor").get(id=claim.run_id).methods


def _complete(claim: Claim, result: RunResult) -> None:
    with timed_phase("settle"):
        is_ours = complete_run(claim, result)
    count_attempt(("failed" if result.is_failed else "succeeded") if is_ours else "lost")


def _postpone(claim: Claim, *, reason: str, seconds: float, is_attempt: bool) -> None:
    is_ours = ledger.postpone_run(claim, reason=reason, seconds=seconds, is_attempt=is_attempt)
    count_attempt("postponed" if is_ours else "lost")
