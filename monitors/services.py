"""Creates, changes and removes monitors, and keeps their schedules."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

import structlog
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from drift_detector.events.services import purge_key
from drift_detector.scheduling.cron import runs_per_month
from drift_detector.scheduling.schedules import put_schedule, remove_schedule
from drift_detector.tenancy.models import Quota
from drift_detector.tenancy.quotas import check_room
from drift_detector.tenancy.scope import current_tenant_id
from monitors.baselines.builds import request_baseline
from monitors.models import REFERENCE_FIELDS, Monitor

log = structlog.get_logger(__name__)

NO_CHANGES: Mapping[str, Any] = MappingProxyType({})
# The fields that `features.check_sources` reads.
SOURCE_FIELDS = (
    "reference_data_uri",
    "current_data_uri",
    "timestamp_column",
    "data_timezone",
    "csv_dialect",
    "null_values",
    "feature_columns",
    "feature_kinds",
    "methods",
    "thresholds",
    "tolerances",
    "importances",
    "sensitive_features",
    "slices",
    "prediction_column",
    "label_column",
    "score_column",
    "performance_limits",
)


def create_monitor(*, created_by: str, **fields: Any) -> Monitor:
    """Make a monitor with its schedule, and ask for its first baseline.

    Raises:
        OverQuota: If the tenant may have no further monitor, or no further baseline.
    """
    check_room(Quota.MONITORS)
    monitor = Monitor(tenant_id=current_tenant_id(), created_by=created_by, **fields)
    monitor.runs_per_month = runs_per_month(monitor.schedule_cron)
    _save(monitor, force_insert=True)
    _sync_schedule(monitor)
    request_baseline(monitor=monitor)
    log.info("monitor_created", monitor_id=str(monitor.id), by=created_by)
    return monitor


def update_monitor(*, monitor: Monitor, **fields: Any) -> Monitor:
    """Change a monitor; a changed reference asks for a new baseline."""
    cron = fields.get("schedule_cron", monitor.schedule_cron)
    fields["runs_per_month"] = runs_per_month(cron)
    changed = _set_fields(monitor, fields)
    _save(monitor, update_fields=[*changed, "updated_at"])
    _sync_schedule(monitor)
    if changed & REFERENCE_FIELDS:
        request_baseline(monitor=monitor)
    return monitor


def retire_monitor(*, monitor: Monitor) -> None:
    """Disable a monitor and take it off the schedule.

    The caller commits this before it deletes the monitor, because that may take long.
    """
    monitor.status = Monitor.Status.DISABLED
    monitor.save(update_fields=["status", "updated_at"])
    remove_schedule(schedule_name(monitor.id))


def delete_monitor(*, monitor: Monitor) -> None:
    """Remove a retired monitor with its baselines, runs and alerts (the database cascades)."""
    monitor_id = monitor.id
    log.info("monitor_deleted", monitor_id=str(monitor_id))
    monitor.delete()
    purge_key(monitor_id)


def remove_schedules() -> None:
    """Remove the schedules of all monitors of the tenant in scope, which goes."""
    for monitor_id in Monitor.objects.values_list("id", flat=True):
        remove_schedule(schedule_name(monitor_id))


def lock_monitor(monitor_id: UUID) -> None:
    """Wait for a monitor's row, and hold it until the transaction ends; rows that refer to it can be written."""
    lock_monitors([monitor_id])


def lock_monitors(monitor_ids: Collection[UUID]) -> None:
    """Wait for the rows of monitors, always in the order of their ids, and hold them until the transaction ends."""
    monitors = Monitor.objects.select_for_update(no_key=True).filter(id__in=monitor_ids)
    list(monitors.order_by("id").values_list("id", flat=True))


def check_name_is_free(name: str) -> None:
    """Refuse a name that another monitor has, before anything is read for a new one.

    Raises:
        ValidationError: If it is taken. Of two that ask at once, the database decides.
    """
    if Monitor.objects.filter(name=name).exists():
        raise _name_taken(name)


def source_fields(monitor: Monitor, changes: Mapping[str, Any] = NO_CHANGES) -> dict[str, Any]:
    """The fields that `features.check_sources` reads, as a change would leave them."""
    kept = {name: getattr(monitor, name) for name in SOURCE_FIELDS}
    return {name: changes.get(name, value) for name, value in kept.items()}


def schedule_name(monitor_id: UUID) -> str:
    """The name of a monitor's periodic task."""
    return f"monitor:{monitor_id}"


def monitor_of_schedule(name: str) -> UUID:
    """The monitor whose periodic task has this name."""
    return UUID(name.removeprefix("monitor:"))


def _set_fields(monitor: Monitor, fields: dict[str, Any]) -> set[str]:
    """Set the fields; the names of those that have a new value."""
    changed = {name for name, value in fields.items() if getattr(monitor, name) != value}
    for name in changed:
        setattr(monitor, name, fields[name])
    return changed


def _save(monitor: Monitor, **options: Any) -> None:
    try:
        with transaction.atomic():
            monitor.save(**options)
    except IntegrityError as error:
        if "monitor_name_once" not in str(error):
            raise
        raise _name_taken(monitor.name) from error


def _name_taken(name: str) -> ValidationError:
    return ValidationError({"name": f"name must be unique; {name!r} is taken."})


def _sync_schedule(monitor: Monitor) -> None:
    put_schedule(
        schedule_name(monitor.id),
        expression=monitor.schedule_cron,
        zone=monitor.timezone,
        enabled=monitor.status == Monitor.Status.ACTIVE,
    )
