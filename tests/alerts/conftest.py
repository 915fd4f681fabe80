from collections.abc import Callable

import pytest

from algorithms.verdicts import Severity, Verdict
from detections.models import DetectionRun
from detections.runs.completion import complete_run
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Baseline, Monitor
from tests.factories import drift_result, make_monitor, make_run, plain_result, take
from tests.remembered_fits import remembered_fits  # noqa: F401

type Settle = Callable[..., DetectionRun]


@pytest.fixture
def monitor(in_tenant: Tenant) -> Monitor:
    return make_monitor(name="Flights")


@pytest.fixture
def settle(monitor: Monitor) -> Settle:
    """Let a run of a week end: `settle(3, "drift", "critical")`."""

    def settle_week(
        week: int, verdict: str = "drift", severity: str = "warning", of: Monitor = monitor
    ) -> DetectionRun:
        run = make_run(of, week=week)
        assert complete_run(take(run), result_of(of, verdict, severity))
        run.refresh_from_db()
        return run

    return settle_week


def result_of(monitor: Monitor, verdict: str, severity: str = "warning", *features: str):  # type: ignore[no-untyped-def]
    baseline = Baseline.objects.get(monitor=monitor)
    if verdict == "drift":
        return drift_result(Severity(severity), *features, baseline_id=baseline.id)
    return plain_result(Verdict(verdict))


@pytest.fixture
def committed_runs(committed_tenant: Tenant) -> list[DetectionRun]:
    """Two queued runs of one monitor that other connections see."""
    with tenant_scope(committed_tenant.id):
        monitor = make_monitor()
        return [make_run(monitor, week=week) for week in (3, 4)]
