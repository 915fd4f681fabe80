"""Moves runs through the ledger: requested, claimed, kept, released, completed. Each step is one compare-and-set."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.contrib.postgres.functions import TransactionNow
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Exists, QuerySet
from django.utils import timezone

from detections.ledger.dispatch import enqueue_soon
from detections.models import DetectionRun, RunPart
from detections.outcomes.batch_content import hash_of_columns
from detections.results import NOTHING_READ, Reading, RunResult
from drift_detector.lease import NO_LEASE, Lease, lease_of_worker
from drift_detector.observability.metrics import observe_claim
from drift_detector.scheduling.cron import ticks_between
from drift_detector.slots import most_at_work, note_tenant
from drift_detector.tenancy import quotas
from drift_detector.tenancy.models import Quota
from drift_detector.tenancy.scope import current_tenant_id, tenant_scope
from drift_detector.work import at_work_sql, lock_work
from monitors.models import Baseline, Monitor
from monitors.sources import table_from_bytes

log = structlog.get_logger(__name__)

# In one statement, as each run waits for it.
CLAIM = """
    UPDATE drf_runs SET status = 'running', attempt = attempt + 1, lease_token = %(token)s, worker = %(worker)s,
        lease_expires_at = now() + make_interval(secs => %(lease)s), not_before = NULL, started_at = now()
    FROM (SELECT greatest(created_at, scheduled_for, not_before) AS since FROM drf_runs WHERE id = %(run)s) AS due
    WHERE id = %(run)s AND attempt < %(attempts)s
      AND (status = 'queued' AND (not_before IS NULL OR not_before <= now())
           OR status = 'running' AND lease_expires_at < now())
      AND {at_work} < %(most)s
    RETURNING monitor_id, attempt, due.since, {is_over_quota}
"""
Status, Trigger = DetectionRun.Status, DetectionRun.Trigger

type Span = tuple[datetime, datetime]
# The run's monitor, the number of this attempt, since when the run could have been taken, and whether it may read.
type Claimed = tuple[UUID, int, datetime, bool]


class LeaseLost(Exception):
    """The run belongs to another worker, or to none, by now."""


class KeyReused(Exception):
    """An Idempotency-Key came again with another request."""


@dataclass(frozen=True)
class Claim:
    """A worker's right to finish a run, as long as its token stands in the ledger."""

    tenant_id: UUID
    monitor_id: UUID
    run_id: UUID
    token: UUID
    attempt: int
    is_over_quota: bool = False
    """The tenant's data may not be read any more today."""

    @property
    def lease(self) -> Lease:
        """The lease of the run."""
        return Lease(DetectionRun, self.tenant_id, self.run_id, self.token, self.attempt)


def request_run(
    *,
    monitor: Monitor,
    requested_by: str,
    window: Span | None = None,
    inline_data: bytes | None = None,
    idempotency_key: str = "",
    alert: bool | None = None,
) -> DetectionRun:
    """Ask for a run now, over the monitor's latest window, a window given, or rows given.

    Args:
        alert: Whether its drift is published and moves alerts. By default that of the latest window
            does; a window or rows given are a look at the past, or at what might be.

    Raises:
        KeyReused: If the key has been used for another request; the same request gets the run it got before.
        OverQuota: If the tenant may have no further run today.
    """
    run = plan_run(monitor, timezone.now(), Trigger.MANUAL)
    if window:
        run.window_start, run.window_end = window
    run.inline_data, run.requested_by = inline_data, requested_by
    run.raises_alerts = _is_present(window, inline_data) if alert is None else alert
    run.idempotency_key = idempotency_key
    run.request_hash = _hash_of_request(window, inline_data, alert) if idempotency_key else ""
    if not _is_inserted(run):
        earlier = "" if alert is not None else _hash_of_bytes(window, inline_data)
        return _same_request(run, earlier)
    stored = () if inline_data is None else (Quota.STORAGE,)
    quotas.take(Quota.RUNS, closed_by=(Quota.BYTES_READ, *stored))
    return run


def _is_present(window: Span | None, inline_data: bytes | None) -> bool:
    return window is None and inline_data is None


def _hash_of_request(window: Span | None, inline_data: bytes | None, alert: bool | None) -> str:
    """The hash of what a request says: the moments of its window, its rows by value, `alert`."""
    moments = [moment.astimezone(UTC).isoformat() for moment in window or ()]
    rows = None if inline_data is None else table_from_bytes(inline_data)
    content = None if rows is None else hash_of_columns(rows, sorted(rows.column_names))
    said = (moments, content) if alert is None else (moments, content, alert)
    return sha256(repr(said).encode()).hexdigest()


def _hash_of_bytes(window: Span | None, inline_data: bytes | None) -> str:
    """The hash that the ledger kept of a request before it hashed what the rows say."""
    return sha256(repr((window, inline_data)).encode()).hexdigest()


def _is_inserted(run: DetectionRun) -> bool:
    """Insert a manual run; False if its key has been used before."""
    while not _insert([run]):
        if run.idempotency_key:
            return False
        run.scheduled_for = timezone.now()  # another request came in the same microsecond
    return True


def _same_request(run: DetectionRun, earlier_hash: str) -> DetectionRun:
    """The earlier run with the key of a run, and its hash or the one of earlier versions."""
    key = run.idempotency_key
    earlier = DetectionRun.objects.get(monitor=run.monitor, idempotency_key=key)
    if earlier.request_hash not in filter(None, (run.request_hash, earlier_hash)):
        raise KeyReused(f"Idempotency-Key {key!r} was used for another request.")
    return earlier


def record_change(
    *,
    monitor: Monitor,
    baseline: Baseline | None,
    result: RunResult,
    window: tuple[datetime, datetime],
    raises_alerts: bool = True,
) -> DetectionRun:
    """Write a change that a detector saw into the ledger, as a run that ended when it began; nothing is enqueued."""
    run = DetectionRun(
        tenant_id=current_tenant_id(),
        monitor=monitor,
        baseline=baseline,
        trigger=Trigger.OUTCOMES,
        window_start=window[0],
        window_end=window[1],
        status=Status.SUCCEEDED,
        verdict=result.verdict,
        reason=result.reason,
        rows=result.rows,
        raises_alerts=raises_alerts,
    )
    while True:
        run.scheduled_for = run.started_at = run.finished_at = timezone.now()
        if write_runs([run]):  # else another run has this very microsecond
            return run


def list_ticks(monitor: Monitor, start: datetime, end: datetime, *, most: int) -> list[datetime]:
    """The ticks of a monitor's schedule in [start, end).

    Raises:
        ValidationError: If there are more than `most`.
    """
    ticks = ticks_between(monitor.schedule_cron, monitor.timezone, start, end)
    first = list(islice(ticks, most + 1))
    if len(first) > most:
        raise ValidationError({"to": f"This is more than {most} ticks; ask for a shorter time."})
    return first


def request_backfill(
    *,
    monitor: Monitor,
    start: datetime,
    end: datetime,
    requested_by: str,
    alert: bool = False,
) -> list[DetectionRun]:
    """Ask for a run at each tick in [start, end) that the ledger does not have, or has as skipped.

    No worker waited for a skipped run; `not_before` says since when it is wanted.

    Args:
        alert: True if their drift is published and moves alerts; else it is recorded as history.

    Raises:
        ValidationError: If these are too many ticks.
        OverQuota: If the tenant may not have all of these runs today; then it gets none.
    """
    ticks = list_ticks(monitor, start, end, most=settings.ENV.runs.max_backfill)
    revived = _revive_skipped(monitor, ticks, requested_by=requested_by, raises_alerts=alert)
    runs = [plan_run(monitor, tick, Trigger.BACKFILL) for tick in ticks]
    for run in runs:
        run.requested_by, run.raises_alerts = requested_by, alert
    wanted = [*revived, *_insert(runs)]
    quotas.take(Quota.RUNS, len(wanted), closed_by=(Quota.BYTES_READ,))
    return wanted


def _revive_skipped(
    monitor: Monitor, ticks: list[datetime], **asked: Any
) -> QuerySet[DetectionRun]:
    """Queue the skipped runs among the ticks as backfills, with what was asked of them."""
    runs = DetectionRun.objects.filter(monitor=monitor, scheduled_for__in=ticks)
    skipped = runs.filter(status=Status.SKIPPED).select_for_update()
    revived = DetectionRun.objects.filter(id__in=list(skipped.values_list("id", flat=True)))
    revived.update(
        status=Status.QUEUED,
        reason="",
        trigger=Trigger.BACKFILL,
        not_before=TransactionNow(),
        **asked,
    )
    return revived.defer("inline_data")


def claim_run(*, tenant_id: UUID, run_id: UUID, worker: str) -> Claim | None:
    """Take a run that is due or whose lease has run out; None when there is nothing to take.

    When the tenant has as much at work as it may, the run waits again to be enqueued.
    """
    token = uuid4()
    note_tenant(tenant_id)
    claimed = _try_claim(tenant_id, run_id, token, worker)
    if claimed is None:
        return None
    monitor_id, attempt, since, is_over_quota = claimed
    observe_claim(since=since, attempt=attempt)
    return Claim(tenant_id, monitor_id, run_id, token, attempt, is_over_quota)


def _try_claim(tenant_id: UUID, run_id: UUID, token: UUID, worker: str) -> Claimed | None:
    """Claim the run as `_claim` does; a run that cannot be claimed now can be enqueued again."""
    with tenant_scope(tenant_id):
        lock_work(tenant_id)
        claimed = _claim(run_id, token, worker)
        if claimed is None:
            DetectionRun.objects.filter(id=run_id, status=Status.QUEUED).update(enqueued_at=None)
        return claimed


def _claim(run_id: UUID, token: UUID, worker: str) -> Claimed | None:
    parameters: dict[str, Any] = {"run": run_id, "token": token, "worker": worker, **_limits()}
    parameters |= {"tenant": current_tenant_id(), **quotas.default_limits()}
    statement = CLAIM.format(
        at_work=at_work_sql(), is_over_quota=quotas.is_full_sql(Quota.BYTES_READ)
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: Claimed | None = cursor.fetchone()
    return found


def _limits() -> dict[str, int]:
    runs = settings.ENV.runs
    return {
        "lease": runs.lease_seconds,
        "attempts": runs.max_attempts,
        "most": most_at_work(),
    }


def claim_of_worker(*, tenant_id: UUID, run_id: UUID, worker: str) -> Claim | None:
    """The claim of a worker that has a run, for its main process; None if another has it, or none."""
    running = DetectionRun.objects.filter(status=Status.RUNNING, worker=worker)
    return _claim_at_work(running, tenant_id, run_id)


def claim_of_helper(*, tenant_id: UUID, run_id: UUID, worker: str) -> Claim | None:
    """The claim of the worker that has a run, for another that counts a part of it; None without such a part."""
    counted = RunPart.objects.filter(run_id=run_id, worker=worker, lease_token__isnull=False)
    running = DetectionRun.objects.filter(Exists(counted), status=Status.RUNNING)
    return _claim_at_work(running, tenant_id, run_id)


def _claim_at_work(running: QuerySet[DetectionRun], tenant_id: UUID, run_id: UUID) -> Claim | None:
    fields = ("monitor_id", "lease_token", "attempt")
    with tenant_scope(tenant_id):
        held = running.filter(id=run_id, lease_token__isnull=False)
        found = held.values_list(*fields).first()
    if found is None:
        return None
    monitor_id, token, attempt = found
    return Claim(tenant_id, monitor_id, run_id, token, attempt)


def is_held(claim: Claim) -> bool:
    """True if the run is still ours, in the caller's tenant scope."""
    return claim.lease.held().exists()


def finish_run(
    claim: Claim,
    *,
    status: str,
    verdict: str,
    reason: str,
    rows: int | None,
    baseline_id: UUID | None,
    reading: Reading = NOTHING_READ,
    phases: Mapping[str, float] | None = None,
    p_value: float | None = None,
    opening_level: float | None = None,
) -> bool:
    """Write the end of a run, in the caller's transaction; False when the run is no longer ours."""
    is_ours = bool(
        claim.lease.held().update(
            status=status,
            verdict=verdict,
            reason=reason,
            rows=rows,
            baseline_id=baseline_id,
            finished_at=timezone.now(),
            phases=phases,
            p_value=p_value,
            opening_level=opening_level,
            **reading.as_columns(),
            **NO_LEASE,
        )
    )
    if is_ours:
        RunPart.objects.filter(run_id=claim.run_id).delete()
        enqueue_soon(claim.tenant_id)
    return is_ours


def postpone_run(claim: Claim, *, reason: str, seconds: float, is_attempt: bool) -> bool:
    """Release a run for a while; False when the run is no longer ours."""
    with tenant_scope(claim.tenant_id):
        is_ours = claim.lease.release(
            is_attempt=is_attempt,
            status=Status.QUEUED,
            not_before=timezone.now() + timedelta(seconds=seconds),
            reason=reason,
            enqueued_at=None,
        )
        enqueue_soon(claim.tenant_id)
    if is_ours:
        log.info("run_postponed", run_id=str(claim.run_id), reason=reason, seconds=seconds)
    return is_ours


def release_run(*, tenant_id: UUID, run_id: UUID, worker: str) -> None:
    """Release the run of a worker that stops; it was no attempt, and another can begin at once."""
    with tenant_scope(tenant_id):
        runs = DetectionRun.objects.filter(id=run_id)
        lease = lease_of_worker(runs, tenant_id=tenant_id, worker=worker)
        is_released = lease is not None and lease.release(
            is_attempt=False, status=Status.QUEUED, enqueued_at=None
        )
        _release_parts(tenant_id, run_id, worker)
        enqueue_soon(tenant_id)
    log.info("run_released", run_id=str(run_id), worker=worker, is_released=is_released)


def release_parts(*, tenant_id: UUID, run_id: UUID, worker: str) -> None:
    """Release the parts that a worker that stops counts for another worker's run."""
    with tenant_scope(tenant_id):
        released = _release_parts(tenant_id, run_id, worker)
    log.info("parts_released", run_id=str(run_id), worker=worker, released=released)


def release_postponed(*, tenant_id: UUID, monitor_id: UUID) -> int:
    """Let a monitor's runs that were put off go on now: its baseline has been waited for."""
    with tenant_scope(tenant_id):
        queued = DetectionRun.objects.filter(monitor_id=monitor_id, status=Status.QUEUED)
        enqueue_soon(tenant_id)
        return queued.filter(not_before__gt=TransactionNow()).update(not_before=TransactionNow())


def is_inline(run: DetectionRun) -> bool:
    """True if rows came with the request of a run, which say nothing about the monitor's data."""
    return DetectionRun.objects.filter(id=run.id, inline_data__isnull=False).exists()


def plan_run(monitor: Monitor, tick: datetime, trigger: str) -> DetectionRun:
    """A run of the monitor for a tick, not written yet."""
    start, end = monitor.window_at(tick)
    return DetectionRun(
        tenant_id=monitor.tenant_id,
        monitor=monitor,
        trigger=trigger,
        scheduled_for=tick,
        window_start=start,
        window_end=end,
    )


def write_runs(runs: list[DetectionRun]) -> list[DetectionRun]:
    """The runs that the ledger did not have; the unique constraints decide."""
    DetectionRun.objects.bulk_create(runs, ignore_conflicts=True)
    ids = _stored_ids(runs)
    return [run for run in runs if run.id in ids]


def _stored_ids(runs: list[DetectionRun]) -> set[UUID]:
    stored = DetectionRun.objects.filter(id__in=[run.id for run in runs])
    return set(stored.values_list("id", flat=True))


def skip_runs(run_ids: Collection[UUID], *, reason: str) -> None:
    """Mark queued runs as skipped, in the transaction that wrote them."""
    queued = DetectionRun.objects.filter(id__in=run_ids, status=Status.QUEUED)
    queued.update(status=Status.SKIPPED, reason=reason)


def mark_kept(run_ids: Collection[UUID], *, is_kept: bool = True) -> None:
    """Keep runs beyond their retention, as long as a row of another app refers to them, or no longer."""
    if run_ids:
        DetectionRun.objects.filter(id__in=run_ids).update(is_kept=is_kept)


def _insert(runs: list[DetectionRun]) -> list[DetectionRun]:
    """The runs that the ledger did not have; they are enqueued when their turn comes."""
    enqueue_soon(current_tenant_id())
    return write_runs(runs)


def _release_parts(tenant_id: UUID, run_id: UUID, worker: str) -> int:
    """Release the parts of a run that a worker has begun, in the caller's tenant scope."""
    leases = _leases_of_parts(tenant_id, run_id, worker)
    return sum(lease.release(is_attempt=True) for lease in leases)


def _leases_of_parts(tenant_id: UUID, run_id: UUID, worker: str) -> list[Lease]:
    begun = RunPart.objects.filter(run_id=run_id, worker=worker, lease_token__isnull=False)
    tokens = begun.values_list("id", "lease_token")
    return [Lease(RunPart, tenant_id, part_id, token) for part_id, token in tokens if token]
