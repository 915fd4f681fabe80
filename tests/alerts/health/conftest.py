from collections.abc import Callable
from typing import Any

import pytest

from alerts.models import Alert
from algorithms.verdicts import Verdict
from detections.models import DetectionRun
from detections.runs.completion import complete_run
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tests.factories import make_monitor, make_run, plain_result, take

type End = Callable[..., DetectionRun]


@pytest.fixture
def monitor(in_tenant: Tenant) -> Monitor:
    return make_monitor(name="Flights")


@pytest.fixture
def end(monitor: Monitor) -> End:
    """Let a run of a week end without drift: `end(3, "no_data")`."""

    def end_week(week: int, verdict: str, **fields: Any) -> DetectionRun:
        run = make_run(monitor, week=week, **fields)
        assert complete_run(take(run), plain_result(Verdict(verdict)))
        run.refresh_from_db()
        return run

    return end_week


def health_alerts() -> list[Alert]:
    """The health alerts of the tenant, oldest first."""
    return list(Alert.objects.filter(kind="health").order_by("created_at"))


def events(alert: Alert) -> list[tuple[str, bool]]:
    """What happened to an alert, and if people are notified of it."""
    return list(alert.events.order_by("number").values_list("kind", "notifies"))
