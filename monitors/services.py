"""Creating, changing and removing monitors; building baselines."""

from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from algorithms.baseline import Baseline as FrozenBaseline
from drift_detector.celery import enqueue
from drift_detector.scheduling.schedules import put_schedule, remove_schedule
from drift_detector.tenancy.scope import current_tenant_id, tenant_scope
from monitors import selectors
from monitors.features import choose_features
from monitors.models import Baseline, Monitor
from monitors.sources import SourceError, SourcePolicy, SourceUnavailable, describe, read_window

log = structlog.get_logger(__name__)

BUILD_TASK = "monitors.build_baseline"
# A change of any of these makes the old baseline a baseline of something else.
REFERENCE_FIELDS = frozenset(
    {"reference_data_uri", "reference_start", "reference_end", "timestamp_column", "feature_columns"}
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


def delete_monitor(*, monitor: Monitor) -> None:
    """Remove a monitor with its schedule, baselines, runs and alerts (the database cascades)."""
    remove_schedule(schedule_name(monitor.id))
    log.info("monitor_deleted", monitor_id=str(monitor.id))
    monitor.delete()


def source_fields(monitor: Monitor) -> dict[str, Any]:
    """What `features.check_sources` looks at."""
    names = ("reference_data_uri", "current_data_uri", "timestamp_column", "feature_columns")
    return {name: getattr(monitor, name) for name in names}


def schedule_name(monitor_id: UUID) -> str:
    """The name of a monitor's periodic task."""
    return f"monitor:{monitor_id}"


def request_baseline(*, monitor: Monitor) -> Baseline:
    """Make the next version of a monitor's baseline; a task builds it."""
    Monitor.objects.select_for_update().get(id=monitor.id)
    latest = Baseline.objects.filter(monitor=monitor).aggregate(latest=Max("version"))["latest"] or 0
    baseline = Baseline.objects.create(tenant_id=monitor.tenant_id, monitor=monitor, version=latest + 1)
    enqueue(BUILD_TASK, tenant_id=monitor.tenant_id, baseline_id=baseline.id)
    return baseline


def build_baseline(*, tenant_id: UUID, baseline_id: UUID) -> UUID | None:
    """Read the reference and freeze it; building twice keeps the first result.

    Returns:
        The monitor whose baseline is now ready or failed; None when it was so before, or is to be tried again.
    """
    with tenant_scope(tenant_id):
        baseline = Baseline.objects.filter(id=baseline_id, status=Baseline.Status.BUILDING).first()
        if baseline is None:
            return None
        monitor = Monitor.objects.get(id=baseline.monitor_id)
        policy = selectors.get_source_policy()
    try:
        outcome = _freeze(monitor, policy)
    except SourceUnavailable as error:
        return _give_up_or_wait(baseline, str(error))
    except (SourceError, ValidationError) as error:
        reason = "; ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        outcome = {"status": Baseline.Status.FAILED, "reason": reason}
    return monitor.id if _record(baseline, outcome) else None


def _save(monitor: Monitor, **options: Any) -> None:
    try:
        with transaction.atomic():
            monitor.save(**options)
    except IntegrityError as error:
        if "monitor_name_once" not in str(error):
            raise
        raise ValidationError({"name": f"There is a monitor named {monitor.name!r} already."}) from error


def _freeze(monitor: Monitor, policy: SourcePolicy) -> dict[str, Any]:
    reference = describe(monitor.reference_data_uri, policy)
    kinds = choose_features(reference, monitor.feature_columns, monitor.timestamp_column)
    table = read_window(
        monitor.reference_data_uri,
        policy,
        columns=list(kinds),
        timestamp_column=monitor.timestamp_column or None,
        start=monitor.reference_start,
        end=monitor.reference_end,
    )
    if not table.num_rows:
        return {"status": Baseline.Status.FAILED, "reason": "The reference has no rows."}
    frozen = FrozenBaseline.fit(table, kinds, max_rows=settings.ENV.data.max_reference_rows)
    content = frozen.to_bytes()
    return {
        "status": Baseline.Status.READY,
        "rows": frozen.rows,
        "is_sampled": frozen.sampled,
        "features": {name: kind.value for name, kind in kinds.items()},
        "content": content,
        "content_hash": frozen.content_hash,
        "size_bytes": len(content),
        "built_at": timezone.now(),
    }


def _give_up_or_wait(baseline: Baseline, reason: str) -> UUID | None:
    """After the last attempt the baseline fails; before it, the reconciler asks for the next one."""
    attempt = baseline.attempt + 1
    is_last = attempt >= settings.ENV.runs.max_attempts
    status = Baseline.Status.FAILED if is_last else Baseline.Status.BUILDING
    recorded = _record(baseline, {"status": status, "attempt": attempt, "reason": reason})
    return baseline.monitor_id if recorded and is_last else None


def _record(baseline: Baseline, outcome: dict[str, Any]) -> bool:
    with tenant_scope(baseline.tenant_id):
        building = Baseline.objects.filter(id=baseline.id, status=Baseline.Status.BUILDING)
        recorded = building.update(**outcome)
    log.info("baseline_built", baseline_id=str(baseline.id), status=outcome["status"], reason=outcome.get("reason"))
    return bool(recorded)


def _sync_schedule(monitor: Monitor) -> None:
    put_schedule(
        schedule_name(monitor.id),
        expression=monitor.schedule_cron,
        zone=monitor.timezone,
        kwargs={"tenant_id": str(monitor.tenant_id), "monitor_id": str(monitor.id)},
        enabled=monitor.status == Monitor.Status.ACTIVE,
    )
