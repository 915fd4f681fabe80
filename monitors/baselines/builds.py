"""Builds baselines: requests, claims, freezes the reference window, or records a failure."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError
from django.db.models import Max, Q
from django.utils import timezone

from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.errors import InsufficientData
from drift_detector.celery import enqueue
from drift_detector.lease import Lease, claim_row, is_unleased, kept_lease, lease_of_worker
from drift_detector.memory import out_of_memory
from drift_detector.slots import most_at_work
from drift_detector.tenancy.models import Quota
from drift_detector.tenancy.quotas import check_room, note
from drift_detector.tenancy.scope import lock_local, tenant_scope
from monitors import selectors
from monitors.bad_windows.selectors import with_bad_windows
from monitors.baselines.prediction_types import find_prediction_types
from monitors.baselines.reference_performance import describe_reference
from monitors.baselines.reference_samples import with_sample
from monitors.baselines.slice_counts import with_slices
from monitors.features import choose_features
from monitors.health_reviews import request_reviews
from monitors.models import Baseline, Monitor
from monitors.monitor_windows import place_of_reference, reference_window
from monitors.reading_quota import counted_reading
from monitors.sources import SourceError, SourcePolicy, describe_window, open_window
from monitors.sources.feature_types import column_types

log = structlog.get_logger(__name__)

BUILD_TASK = "monitors.build_baseline"
Status = Baseline.Status


@dataclass(frozen=True, slots=True)
class _Build:
    """A claimed build."""

    lease: Lease
    monitor: Monitor
    policy: SourcePolicy


def request_baseline(*, monitor: Monitor) -> Baseline:
    """Make the next version of a monitor's baseline; a task builds it.

    At most as many builds of a tenant are enqueued as runs may be at work. The end of a build
    enqueues the next one.

    Raises:
        OverQuota: If the tenant's data may not be read any more today, or its rows may not grow.
    """
    check_room(Quota.BYTES_READ, Quota.STORAGE)
    Monitor.objects.select_for_update(no_key=True).get(id=monitor.id)
    baseline = Baseline.objects.create(
        tenant_id=monitor.tenant_id, monitor=monitor, version=_latest_version(monitor) + 1
    )
    _lock_builds(monitor.tenant_id)
    if selectors.list_builds().count() <= most_at_work():
        enqueue(BUILD_TASK, tenant_id=monitor.tenant_id, baseline_id=baseline.id)
    return baseline


def _latest_version(monitor: Monitor) -> int:
    versions = Baseline.objects.filter(monitor=monitor)
    return versions.aggregate(latest=Max("version"))["latest"] or 0


def build_baseline(*, tenant_id: UUID, baseline_id: UUID, worker: str) -> UUID | None:
    """Read the reference and freeze it; a second worker at once, or after, finds nothing to do.

    Returns:
        The monitor whose baseline is now ready or failed; None if there was nothing to do, or if
        the build is tried again later.
    """
    build = _claim(tenant_id, baseline_id, worker)
    if build is None:
        return None
    try:
        return _attempt(build)
    except ValidationError as error:
        return _fail(build, "; ".join(error.messages))
    except SourceError as error:
        return _retry(build, str(error)) if error.is_transient else _fail(build, str(error))
    except (OperationalError, InterfaceError):
        raise  # the database is away; the lease expires and the reconciler enqueues the build again
    except MemoryError:
        log.warning("baseline_out_of_memory", baseline_id=str(baseline_id))
        return _fail(build, out_of_memory())
    except Exception as error:
        log.exception("baseline_crashed", baseline_id=str(baseline_id))
        return _retry(build, f"{type(error).__name__}: {error}")


def _attempt(build: _Build) -> UUID | None:
    if build.lease.attempt > settings.ENV.runs.max_attempts:
        return _fail(build, "The worker stopped answering.")
    with kept_lease(build.lease.renew), counted_reading(build.lease.tenant_id) as meter:
        fields = _freeze(build.monitor, build.policy)
    return _finish(build, {"bytes_read": meter.bytes} | fields)


def release_build(*, tenant_id: UUID, baseline_id: UUID, worker: str) -> None:
    """Release the build of a worker that stops, without an attempt; another can begin at once."""
    with tenant_scope(tenant_id):
        building = Baseline.objects.filter(id=baseline_id, status=Status.BUILDING)
        lease = lease_of_worker(building, tenant_id=tenant_id, worker=worker)
        if lease is not None and lease.release(is_attempt=False):
            enqueue(BUILD_TASK, tenant_id=tenant_id, baseline_id=baseline_id)
            log.info("build_released", baseline_id=str(baseline_id), worker=worker)


def fail_build(*, tenant_id: UUID, baseline_id: UUID, reason: str, worker: str) -> UUID | None:
    """Fail a build whose data have crashed a worker's process.

    Returns:
        The monitor whose baseline has failed; None if the worker does not have the build.
    """
    with tenant_scope(tenant_id):
        building = Baseline.objects.filter(id=baseline_id, status=Status.BUILDING)
        lease = lease_of_worker(building, tenant_id=tenant_id, worker=worker)
        if lease is None:
            return None
        build = _Build(
            lease, Monitor.objects.get(baselines__id=baseline_id), selectors.get_source_policy()
        )
    return _fail(build, reason)


@dataclass(frozen=True, slots=True)
class FittedReference:
    """A reference that has been read: its summary, all columns of its data, and the bytes that were read."""

    frozen: FrozenBaseline
    columns: tuple[str, ...]
    bytes_read: int


def fit_reference(monitor: Monitor, policy: SourcePolicy) -> FittedReference:
    """Read a monitor's reference and summarize it. No transaction may be open.

    Raises:
        ValidationError: If the reference lacks a feature.
        InsufficientData: If it has no row.
        SourceError: If it cannot be read.
    """
    reference = describe_window(reference_window(monitor, policy), is_whole=True)
    kinds = choose_features(
        reference,
        monitor.feature_columns,
        monitor.timestamp_column,
        overrides=monitor.feature_kinds,
    )
    data = settings.ENV.data
    types = column_types(kinds, reference, monitor.feature_kinds)
    with open_window(reference_window(monitor, policy, types)) as window:
        is_streamed = window.bytes_at_most >= data.stream_bytes
        frozen = FrozenBaseline.fit(
            window.batches() if is_streamed else window,
            kinds,
            max_rows=data.max_reference_rows,
            max_value_bytes=data.max_baseline_bytes,
            is_untyped=window.is_text,
        )
        frozen = with_slices(frozen, monitor.slices, window)
        bytes_read = window.bytes_at_most
    return FittedReference(frozen, (*reference.columns, *reference.unusable), bytes_read)


def power_card_of(monitor: Monitor, policy: SourcePolicy, frozen: FrozenBaseline) -> dict[str, Any]:
    """The power card: the reference's false alarms, and the smallest change that a check sees."""
    from monitors.baselines.power_cards import (
        make_power_card,  # and with it scipy.stats, which most processes never need
    )

    return make_power_card(monitor, policy, frozen)


def _claim(tenant_id: UUID, baseline_id: UUID, worker: str) -> _Build | None:
    with tenant_scope(tenant_id):
        is_due = Q(not_before__isnull=True) | Q(not_before__lte=timezone.now())
        free = Baseline.objects.filter(is_unleased(), is_due, status=Status.BUILDING)
        lease = claim_row(free, baseline_id, tenant_id=tenant_id, worker=worker)
        if lease is None:
            return None
        monitor = with_bad_windows(Monitor.objects.get(baselines__id=baseline_id))
        return _Build(lease, monitor, selectors.get_source_policy())


def _freeze(monitor: Monitor, policy: SourcePolicy) -> dict[str, Any]:
    try:
        fitted = fit_reference(monitor, policy)
    except InsufficientData:
        return {"status": Status.FAILED, "reason": "The reference has no rows."}
    frozen = fitted.frozen
    kinds = {name: feature.kind for name, feature in frozen.features.items()}
    types = find_prediction_types(monitor, policy)
    performance = describe_reference(monitor, policy, kinds, types)
    performance = with_sample(monitor, policy, frozen, performance, types)
    frozen = replace(frozen, estimators=performance.estimators)
    return _content_of(frozen) | {
        "status": Status.READY,
        "features": {name: kind.value for name, kind in kinds.items()},
        "columns": list(fitted.columns),
        "reference": place_of_reference(monitor),
        "calibration": power_card_of(monitor, policy, frozen),
        "performance": performance.described,
        "prediction_types": types,
        "built_at": timezone.now(),
        "bytes_read": fitted.bytes_read,
    }


def _content_of(frozen: FrozenBaseline) -> dict[str, Any]:
    content = frozen.to_bytes()
    return {
        "rows": frozen.rows,
        "is_sampled": frozen.sampled,
        "content": content,
        "content_hash": frozen.content_hash,
        "size_bytes": len(content),
    }


def _retry(build: _Build, reason: str) -> UUID | None:
    """Postpone the build; after the last attempt the baseline fails."""
    if build.lease.attempt >= settings.ENV.runs.max_attempts:
        return _fail(build, reason)
    not_before = timezone.now() + _pause_after(build.lease.attempt)
    build.lease.release(is_attempt=True, reason=reason, not_before=not_before)
    log.info("build_postponed", baseline_id=str(build.lease.row_id), reason=reason)
    return None


def _pause_after(attempt: int) -> timedelta:
    return timedelta(seconds=settings.ENV.runs.retry_seconds * 2 ** (attempt - 1))


def _fail(build: _Build, reason: str) -> UUID | None:
    return _finish(build, {"status": Status.FAILED, "reason": reason})


def _finish(build: _Build, fields: dict[str, Any]) -> UUID | None:
    """Write the end of a build; None when another worker owns it."""
    lease = build.lease
    bytes_read = fields.pop("bytes_read", 0)
    with tenant_scope(lease.tenant_id):
        is_ours = lease.finish(not_before=None, **fields)
        note(Quota.BYTES_READ, bytes_read)
        if is_ours:
            request_reviews([(lease.tenant_id, build.monitor.id)])
            _enqueue_next_build(lease.tenant_id)
    _log_end(build, fields, is_ours=is_ours)
    return build.monitor.id if is_ours else None


def _log_end(build: _Build, fields: dict[str, Any], *, is_ours: bool) -> None:
    log.info(
        "baseline_built" if is_ours else "baseline_refused",
        baseline_id=str(build.lease.row_id),
        status=fields["status"],
        reason=fields.get("reason"),
    )


def _enqueue_next_build(tenant_id: UUID) -> None:
    """Enqueue the build that comes within the tenant's limit when one before it has ended."""
    _lock_builds(tenant_id)
    last = most_at_work() - 1
    for baseline_id in selectors.list_builds().values_list("id", flat=True)[last : last + 1]:
        enqueue(BUILD_TASK, tenant_id=tenant_id, baseline_id=baseline_id)


def _lock_builds(tenant_id: UUID) -> None:
    lock_local(f"builds of {tenant_id}")
