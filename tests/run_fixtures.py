"""Fixtures of monitors and runs that several rooms share."""

from pathlib import Path

import pytest

from detections.models import DetectionRun
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.factories import make_flights_monitor, make_monitor, make_run


@pytest.fixture
def monitor(in_tenant: Tenant) -> Monitor:
    """A monitor without data, for what needs none."""
    return make_monitor()


@pytest.fixture
def run(monitor: Monitor) -> DetectionRun:
    """A queued run of `monitor`."""
    return make_run(monitor)


@pytest.fixture
def flights_monitor(in_tenant: Tenant, flights: Path) -> Monitor:
    """A monitor of `flights` with a baseline."""
    return make_flights_monitor(flights)


@pytest.fixture
def committed_monitor(committed_tenant: Tenant) -> Monitor:
    with tenant_scope(committed_tenant.id):
        return make_monitor()


@pytest.fixture
def committed_run(committed_monitor: Monitor) -> DetectionRun:
    with tenant_scope(committed_monitor.tenant_id):
        return make_run(committed_monitor)
