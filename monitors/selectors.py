"""Reads monitors and baselines."""

from dataclasses import replace
from uuid import UUID

from django.conf import settings
from django.db.models import Prefetch, QuerySet

from drift_detector.setting_groups.data_settings import ConnectionSetting
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import current_tenant_id
from monitors.connections.selectors import list_source_connections
from monitors.models import Baseline, Monitor
from monitors.sources import Connection, SourceLimits, SourcePolicy

HEAVY_OF_BASELINES = ("calibration", "features", "columns", "performance", "prediction_types")


def list_monitors() -> QuerySet[Monitor]:
    """Monitors, each with its newest baseline version in `latest_baselines` (one query for all)."""
    latest = (
        Baseline.objects.defer("content").order_by("monitor_id", "-version").distinct("monitor_id")
    )
    return Monitor.objects.prefetch_related(
        Prefetch("baselines", queryset=latest, to_attr="latest_baselines")
    )


def get_latest_baseline(monitor: Monitor) -> Baseline | None:
    """The newest version, ready or not, without its content."""
    if hasattr(monitor, "latest_baselines"):
        return next(iter(monitor.latest_baselines), None)
    return list_baselines(monitor.id).first()


def list_light_baselines(monitor_id: UUID) -> QuerySet[Baseline]:
    """Versions, newest first, without what only a judgement needs."""
    return list_baselines(monitor_id).defer("content", *HEAVY_OF_BASELINES)


def list_baselines(monitor_id: UUID) -> QuerySet[Baseline]:
    """Versions, newest first, without their content."""
    return Baseline.objects.filter(monitor_id=monitor_id).defer("content")


def list_builds() -> QuerySet[Baseline]:
    """Baselines that are being built or wait for it, in their order, without their content."""
    return (
        Baseline.objects.filter(status=Baseline.Status.BUILDING)
        .defer("content")
        .order_by("created_at", "id")
    )


def list_tenants_with_baselines() -> list[UUID]:
    """The tenants that have a baseline; needs the scheduler's role."""
    tenants = Baseline.objects.order_by("tenant_id").values_list("tenant_id", flat=True)
    return list(tenants.distinct())


def get_current_baseline(
    monitor_id: UUID, *, baseline_id: UUID | None = None, version: int | None = None
) -> Baseline | None:
    """The newest version that is ready, or the one asked for by its id or version, without its content."""
    ready = list_baselines(monitor_id).filter(status=Baseline.Status.READY)
    asked = {"id": baseline_id, "version": version}
    return ready.filter(**{name: value for name, value in asked.items() if value}).first()


def get_source_policy() -> SourcePolicy:
    """The places from which the current tenant's data may be read; its own connections win over the operator's."""
    slug = get_slug()
    policy = _operator_policy_for(slug)
    return replace(policy, connections=(*list_source_connections(slug), *policy.connections))


def get_operator_policy() -> SourcePolicy:
    """The places of the current tenant by the settings, without its own connections."""
    return _operator_policy_for(get_slug())


def _operator_policy_for(slug: str) -> SourcePolicy:
    data = settings.ENV.data
    return SourcePolicy(
        allowed_roots=tuple(data.allowed_roots),
        allowed_object_stores=tuple(data.allowed_object_stores),
        s3_endpoint=data.s3_endpoint,
        s3_region=data.s3_region,
        azure_account=data.azure_account,
        connections=tuple(map(_connection, data.connections)),
        max_window_bytes=data.max_window_bytes,
        limits=get_source_limits(),
    ).for_tenant(slug)


def get_slug() -> str:
    """The slug of the current tenant."""
    return Tenant.objects.values_list("slug", flat=True).get(id=current_tenant_id())


def _connection(setting: ConnectionSetting) -> Connection:
    root = settings.ENV.data.secrets_root
    return Connection(**setting.model_dump(), secrets_root=root)


def get_source_limits() -> SourceLimits:
    """The most columns, files and so on that a dataset may have."""
    data = settings.ENV.data
    return SourceLimits(
        columns=data.max_columns,
        row_groups=data.max_row_groups,
        files=data.max_files,
        entries=data.max_entries,
        footer_bytes=data.max_footer_bytes,
        inflated_bytes=data.max_inflated_bytes,
    )
