from typing import Any

import pytest

from alerts.episodes.events import Circumstances, move
from alerts.episodes.phases import Move
from alerts.models import Alert
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tests.factories import make_monitor, make_run


def make_alert(monitor: Monitor, *moves: Move, **fields: Any) -> Alert:
    """An alert of the monitor that has made these moves: `opened` without any."""
    run = make_run(monitor)
    values: dict[str, Any] = {
        "kind": Alert.Kind.STATISTICAL, "first_run": run, "last_run": run, "severity": "critical",
        "peak_severity": "critical", "announced_severity": "", "summary": f"{monitor.name}: drift in delay",
        "window_start": run.window_start, "window_end": run.window_end,
    }  # fmt: skip
    alert = Alert(tenant_id=monitor.tenant_id, monitor=monitor, **values | fields)
    for each in moves or (Move.OPENED,):
        move(alert, each, Circumstances(run=run))
        alert.save()
    return alert


@pytest.fixture
def monitor(in_tenant: Tenant) -> Monitor:
    return make_monitor(name="Flights")


@pytest.fixture
def alert(monitor: Monitor) -> Alert:
    """An open alert that no one has seen."""
    return make_alert(monitor)
