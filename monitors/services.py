"""Creating, changing and removing monitors; building baselines."""

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import F, Max, Q, QuerySet
from django.utils import timezone

from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.errors import InsufficientData
from drift_detector.celery import enqueue
from drift_detector.events.services import purge_key
from drift_detector.lease import kept_lease, lease_time
from drift_detector.scheduling.schedules import put_schedule, remove_schedule
from drift_detector.tenancy.scope import current_tenant_id, lock_local, tenant_scope
from monitors import selectors
from monitors.baselines.reference_performance import describe_reference
from monitors.features import choose_features
from monitors.models import Baseline, Monitor
from monitors.sources import SourceError, SourcePolicy, describe, open_window

log = structlog.get_logger(__name__)

BUILD_TASK = "monitors.build_baseline"
# A change of any of these makes the old baseline a baseline of something else.
REFERENCE_FIELDS = frozenset(
    {
        "reference_data_uri",
        "reference_start",
        "reference_end",
        "timestamp_column",
        "feature_columns",
        "feature_kinds",
        "prediction_column",
        "label_column",
        "score_column",
        "positive_label",
        "performance_limits",
    }
)


def create_monitor(*, created_by: str, **fields: Any) -> Monitor:
    """Make a monitor with its schedule, and ask for its first baseline."""
    monitor = Monitor(tenant_id=current_tenant_id(), created_by=created_by, **fields)
    _save(monitor, force_insert=True)
    _sync_schedule(monitor)
    request_baseline(monitor=monitor)
    log.info("monitor_created", monitor_id=str(monitor.id), by=created_by)
    return monitor


def update_monitor(*, monitor: Monitor, **fields: Any) -> Monitor:
    """Change a monitor; a changed reference asks for a new baseline."""
    changed = {name for name, value in fields.items() if getattr(monitor, name) != value}
    for name in changed:
        setattr(monitor, name, fields[name])
    _save(monitor, update_fields=[*changed, "updated_at"])
    _sync_schedule(monitor)
    if changed & REFERENCE_FIELDS:
        request_baseline(monitor=monitor)
    return monitor


def retire_monitor(*, monitor: Monitor) -> None:
    """Disable a monitor and take it off the schedule; to be committed before it is deleted, as that may take long."""
    monitor.status = Monitor.Status.DISABLED
    monitor.save(update_fields=["status", "updated_at"])
    remove_schedule(schedule_name(monitor.id))


def delete_monitor(*, monitor: Monitor) -> None:
    """Remove a retired monitor with its baselines, runs and alerts (the database cascades)."""
    monitor_id = monitor.id
    log.info("monitor_deleted", monitor_id=str(monitor_id))
    monitor.delete()
    purge_key(monitor_id)


def source_fields(monitor: Monitor) -> dict[str, Any]:
    """What `features.check_sources` looks at."""
    names = (
        "reference_data_uri", "current_data_uri", "timestamp_column", "feature_columns", "feature_kinds", "methods",
    )  # fmt: skip
    return {name: getattr(monitor, name) for name in names}


def schedule_name(monitor_id: UUID) -> str:
    """The name of a monitor's periodic task."""
    return f"monitor:{monitor_id}"


def monitor_of_schedule(name: str) -> UUID:
    """The monitor whose periodic task has this name."""
    return UUID(name.removeprefix("monitor:"))


def request_baseline(*, monitor: Monitor) -> Baseline:
    """Make the next version of a monitor's baseline; a task builds it.

    As many of a tenant's builds are in the workers' line as runs may be at work; the end of one calls for the next.
    """
    Monitor.objects.select_for_update(no_key=True).get(id=monitor.id)
    latest = (
        Baseline.objects.filter(monitor=monitor).aggregate(latest=Max("version"))["latest"] or 0
    )
    baseline = Baseline.objects.create(
        tenant_id=monitor.tenant_id, monitor=monitor, version=latest + 1
    )
    _lock_builds(monitor.tenant_id)
    if selectors.list_builds().count() <= settings.ENV.runs.max_per_tenant:
        enqueue(BUILD_TASK, tenant_id=monitor.tenant_id, baseline_id=baseline.id)
    return baseline


def build_baseline(*, tenant_id: UUID, baseline_id: UUID) -> UUID | None:
    """Read the reference and freeze it; a second worker at once, or after, finds nothing to do.

    Returns:
        The monitor whose baseline is now ready or failed; None when there was nothing to do, or is to be tried again.
    """
    with tenant_scope(tenant_id):
        baseline = _claim_build(baseline_id)
        if baseline is None:
            return None
        monitor = Monitor.objects.get(id=baseline.monitor_id)
        policy = selectors.get_source_policy()
    try:
        if baseline.attempt > settings.ENV.runs.max_attempts:
            return _fail(baseline, "The worker stopped answering.")
        with kept_lease(partial(_renew_build, baseline)):
            outcome = _freeze(monitor, policy)
        return monitor.id if _record(baseline, outcome) else None
    except ValidationError as error:
        return _fail(baseline, "; ".join(error.messages))
    except SourceError as error:
        return (
            _give_up_or_wait(baseline, str(error))
            if error.is_transient
            else _fail(baseline, str(error))
        )
    except (OperationalError, InterfaceError):
        raise  # the database is away; the claim runs out and the reconciler asks again
    except Exception as error:
        log.exception("baseline_crashed", baseline_id=str(baseline_id))
        return _give_up_or_wait(baseline, f"{type(error).__name__}: {error}")


def hand_back_build(*, tenant_id: UUID, baseline_id: UUID, worker: str) -> None:
    """Give back a build that its worker is stopped in the middle of; it was no attempt, another may begin at once."""
    with tenant_scope(tenant_id):
        building = Baseline.objects.filter(
            id=baseline_id, status=Baseline.Status.BUILDING, attempt__gt=0
        )
        if building.update(attempt=F("attempt") - 1, not_before=None):
            enqueue(BUILD_TASK, tenant_id=tenant_id, baseline_id=baseline_id)
            log.info("build_handed_back", baseline_id=str(baseline_id), worker=worker)


def _claim_build(baseline_id: UUID) -> Baseline | None:
    now = timezone.now()
    free = Q(not_before__isnull=True) | Q(not_before__lt=now)
    building = Baseline.objects.filter(free, id=baseline_id, status=Baseline.Status.BUILDING)
    claimed = building.update(attempt=F("attempt") + 1, not_before=now + lease_time())
    return Baseline.objects.defer("content").get(id=baseline_id) if claimed else None


def _renew_build(baseline: Baseline) -> bool:
    with tenant_scope(baseline.tenant_id):
        return bool(_held_build(baseline).update(not_before=timezone.now() + lease_time()))


def _held_build(baseline: Baseline) -> QuerySet[Baseline]:
    return Baseline.objects.filter(
        id=baseline.id, status=Baseline.Status.BUILDING, attempt=baseline.attempt
    )


def _save(monitor: Monitor, **options: Any) -> None:
    try:
        with transaction.atomic():
            monitor.save(**options)
    except IntegrityError as error:
        if "monitor_name_once" not in str(error):
            raise
        raise ValidationError(
            {"name": f"There is a monitor named {monitor.name!r} already."}
        ) from error


def fit_reference(monitor: Monitor, policy: SourcePolicy) -> FrozenBaseline:
    """Read a monitor's reference and summarize it. No transaction may be open.

    Raises:
        ValidationError: If the reference lacks a feature.
        InsufficientData: If it has no row.
        SourceError: If it cannot be read.
    """
    data = settings.ENV.data
    reference = describe(monitor.reference_data_uri, policy)
    kinds = choose_features(
        reference,
        monitor.feature_columns,
        monitor.timestamp_column,
        overrides=monitor.feature_kinds,
    )
    with open_window(
        monitor.reference_data_uri,
        policy,
        columns=list(kinds),
        timestamp_column=monitor.timestamp_column or None,
        start=monitor.reference_start,
        end=monitor.reference_end,
    ) as window:
        return FrozenBaseline.fit(
            window.batches() if window.bytes_at_most >= data.stream_bytes else window,
            kinds,
            max_rows=data.max_reference_rows,
            max_value_bytes=data.max_baseline_bytes,
        )


def preview_monitor(monitor: Monitor, policy: SourcePolicy) -> dict[str, Any]:
    """What a monitor that is not saved would watch, how often it would cry wolf, and the smallest change it can see.

    Raises:
        ValidationError: If the reference cannot be read or compared.
    """
    try:
        frozen = fit_reference(monitor, policy)
        card = _power_card(monitor, policy, frozen)
    except (SourceError, InsufficientData) as error:
        raise ValidationError({"reference_data_uri": str(error)}) from error
    return {
        "rows": frozen.rows,
        "is_sampled": frozen.sampled,
        "features": {name: feature.kind.value for name, feature in frozen.features.items()},
        "calibration": card,
    }


def _freeze(monitor: Monitor, policy: SourcePolicy) -> dict[str, Any]:
    try:
        frozen = fit_reference(monitor, policy)
    except InsufficientData:
        return {"status": Baseline.Status.FAILED, "reason": "The reference has no rows."}
    content = frozen.to_bytes()
    return {
        "status": Baseline.Status.READY,
        "rows": frozen.rows,
        "is_sampled": frozen.sampled,
        "features": {name: feature.kind.value for name, feature in frozen.features.items()},
        "calibration": _power_card(monitor, policy, frozen),
        "performance": describe_reference(
            monitor, policy, {name: each.kind for name, each in frozen.features.items()}
        ),
        "content": content,
        "content_hash": frozen.content_hash,
        "size_bytes": len(content),
        "built_at": timezone.now(),
    }


def _power_card(monitor: Monitor, policy: SourcePolicy, frozen: FrozenBaseline) -> dict[str, Any]:
    from monitors.baselines.power_cards import (
        make_power_card,  # and with it scipy.stats, which most processes never need
    )

    return make_power_card(monitor, policy, frozen)


def _give_up_or_wait(baseline: Baseline, reason: str) -> UUID | None:
    """After the last attempt the baseline fails; before it, the reconciler asks for the next one after a rest."""
    runs = settings.ENV.runs
    if baseline.attempt >= runs.max_attempts:
        return _fail(baseline, reason)
    rest = timedelta(seconds=runs.retry_seconds * 2 ** (baseline.attempt - 1))
    _record(
        baseline,
        {"status": Baseline.Status.BUILDING, "reason": reason, "not_before": timezone.now() + rest},
    )
    return None


def _fail(baseline: Baseline, reason: str) -> UUID | None:
    recorded = _record(baseline, {"status": Baseline.Status.FAILED, "reason": reason})
    return baseline.monitor_id if recorded else None


def _record(baseline: Baseline, outcome: dict[str, Any]) -> bool:
    with tenant_scope(baseline.tenant_id):
        recorded = _held_build(baseline).update(**outcome)
        if recorded and outcome["status"] != Baseline.Status.BUILDING:
            _call_next_build(baseline.tenant_id)
    log.info(
        "baseline_built",
        baseline_id=str(baseline.id),
        status=outcome["status"],
        reason=outcome.get("reason"),
    )
    return bool(recorded)


def _call_next_build(tenant_id: UUID) -> None:
    """Send for the build that has come within the tenant's limit, now that one before it has ended."""
    _lock_builds(tenant_id)
    last = settings.ENV.runs.max_per_tenant - 1
    for baseline_id in selectors.list_builds().values_list("id", flat=True)[last : last + 1]:
        enqueue(BUILD_TASK, tenant_id=tenant_id, baseline_id=baseline_id)


def _lock_builds(tenant_id: UUID) -> None:
    lock_local(f"builds of {tenant_id}")


def _sync_schedule(monitor: Monitor) -> None:
    put_schedule(
        schedule_name(monitor.id),
        expression=monitor.schedule_cron,
        zone=monitor.timezone,
        enabled=monitor.status == Monitor.Status.ACTIVE,
    )
