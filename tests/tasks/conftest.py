from pathlib import Path

import pytest

from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tests.factories import make_flights_monitor, make_monitor


@pytest.fixture
def flights_monitor(in_tenant: Tenant, flights: Path) -> Monitor:
    """A monitor of `flights` with a baseline."""
    return make_flights_monitor(flights)


@pytest.fixture
def monitor(in_tenant: Tenant) -> Monitor:
    """A monitor without data."""
    return make_monitor()
