"""Seeds the demo: real data, a tenant with its monitors, and runs over past weeks."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from alerts.retraining.rules import put_rule
from detections.ledger.runs import request_backfill, request_run
from drift_detector.demo.access import ensure_access
from drift_detector.demo.dataset import dataset_folder, write_weeks
from drift_detector.demo.flights import YEAR_END, label_flights, read_flights, replay_lag
from drift_detector.demo.model import add_predictions
from drift_detector.demo.watch import (
    BACKFILL_END,
    BACKFILL_START,
    MODEL_ID,
    REPLAY,
    RETRAINING,
    monitor_requests,
)
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.features import check_sources
from monitors.models import Monitor
from monitors.selectors import get_source_policy
from monitors.serializers import MonitorSerializer
from monitors.services import create_monitor, update_monitor

ACTOR = "command:seed_demo"

type Report = Callable[[str], None]


def seed_demo(*, data_dir: Path, env_file: Path, url: str, now: datetime, report: Report) -> None:
    """Create what is missing of the demo; a second call ends at once.

    Args:
        data_dir: A folder that the tenant may read; the data are made in it.
        env_file: The file with the access to the demo.
        url: The address of the service.
        now: The time from which the replay counts back.
        report: Called with a text at the start of each long step.

    Raises:
        importlib.metadata.PackageNotFoundError: If the flights are not installed.
        django.core.exceptions.ValidationError: If the tenant may not read the folder.
    """
    data = _ensure_data(data_dir, report)
    tenant = ensure_access(env_file, url=url)
    with tenant_scope(tenant.id):
        has_monitors = Monitor.objects.exists()
    if has_monitors:
        _rewind_replay(tenant, now)
    else:
        _make_monitors(tenant, monitor_requests(str(data), now), report)


def _ensure_data(data_dir: Path, report: Report) -> Path:
    if (folder := dataset_folder(data_dir)).exists():
        return folder
    report("Reading the flights that left New York in 2013")
    flights = label_flights(read_flights())
    report(f"Training on January to March, judging all {flights.num_rows:,} flights")
    judged = add_predictions(flights)
    report(f"Writing them to {folder}, a folder a week")
    return write_weeks(judged, data_dir)


def _make_monitors(tenant: Tenant, requests: list[dict[str, Any]], report: Report) -> None:
    """Check and create the monitors as the API does, all with their runs, or none."""
    with tenant_scope(tenant.id):
        policy = get_source_policy()
    validated = [_validated(request) for request in requests]
    for fields in validated:
        check_sources(fields, policy)
    with tenant_scope(tenant.id):
        put_rule(UUID(MODEL_ID), RETRAINING, by=ACTOR)
        asked = sum(_make_monitor(fields) for fields in validated)
    report(f"Made {len(validated)} monitors; {asked} runs wait for a worker")


def _validated(request: Mapping[str, Any]) -> dict[str, Any]:
    serializer = MonitorSerializer(data=request)
    serializer.is_valid(raise_exception=True)
    fields: dict[str, Any] = serializer.validated_data
    return fields


def _make_monitor(fields: Mapping[str, Any]) -> int:
    """Make a monitor and ask for its first runs; returns how many."""
    monitor = create_monitor(created_by=ACTOR, **fields)
    if monitor.name == REPLAY:
        request_run(monitor=monitor, requested_by=ACTOR)
        return 1
    runs = request_backfill(
        monitor=monitor,
        start=BACKFILL_START,
        end=BACKFILL_END,
        requested_by=ACTOR,
        alert=True,
    )
    return len(runs)


def _rewind_replay(tenant: Tenant, now: datetime) -> None:
    """Let the replay begin again once it has come to the end of the data."""
    with tenant_scope(tenant.id):
        replay = Monitor.objects.filter(name=REPLAY).first()
        if replay is not None and replay.window_at(now)[1] > YEAR_END:
            update_monitor(monitor=replay, window_lag=replay_lag(now))
