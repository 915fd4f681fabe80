"""Old runs go, with what they found; those that somebody may still ask for stay."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from alerts.services import settle_run
from algorithms.verdicts import Severity
from detections import retention
from detections.models import DetectionRun
from detections.retention import forget_old
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Baseline, Monitor
from tests.conftest import connected_as, role_url
from tests.factories import drift_outcome, make_detection, make_finished_run, make_monitor, make_run, rows_of, take


@pytest.fixture(autouse=True)
def thirty_days(override: Callable[..., None]) -> None:
    override(runs={"retention_days": 30})


@pytest.fixture
def monitor(committed_tenant: Tenant) -> Monitor:
    with tenant_scope(committed_tenant.id):
        return make_monitor()


def age(monitor: Monitor, days: int, *runs: DetectionRun) -> None:
    with tenant_scope(monitor.tenant_id):
        made = timezone.now() - timedelta(days=days)
        DetectionRun.objects.filter(id__in=[run.id for run in runs]).update(created_at=made)


def forget() -> int:
    with connected_as(role_url("scheduler")):
        return forget_old()


def left(monitor: Monitor, table: str = "drf_runs") -> int:
    ((count,),) = rows_of(monitor.tenant_id, f"SELECT count(*) FROM {table}")
    return int(count)


def test_forget_old__run_past_its_retention__goes_with_its_detections(monitor: Monitor) -> None:
    with tenant_scope(monitor.tenant_id):
        old, new = make_finished_run(monitor), make_finished_run(monitor)
        for run in (old, new):
            make_detection(run)
    age(monitor, 31, old)
    age(monitor, 29, new)
    assert forget() == 1
    assert rows_of(monitor.tenant_id, "SELECT run_id FROM drf_detections") == [(new.id,)]
    assert rows_of(monitor.tenant_id, "SELECT id FROM drf_runs") == [(new.id,)]


def test_forget_old__run_that_has_not_ended__stays(monitor: Monitor) -> None:
    with tenant_scope(monitor.tenant_id):
        queued, running = make_run(monitor), make_run(monitor, week=1)
        take(running)
    age(monitor, 31, queued, running)
    assert forget() == 0


def test_forget_old__follow_up_written_long_ago__is_as_old_as_its_labels(monitor: Monitor) -> None:
    now = timezone.now()
    with tenant_scope(monitor.tenant_id):
        old, new = (
            make_finished_run(monitor, trigger="labels", week=days, scheduled_for=now - timedelta(days=days))
            for days in (31, 29)
        )
        waiting = make_run(monitor, trigger="labels", status="waiting")
    age(monitor, 90, old, new, waiting)
    assert forget() == 1
    assert left(monitor) == 2


def test_forget_old__run_of_an_alert__stays(monitor: Monitor) -> None:
    with tenant_scope(monitor.tenant_id):
        run = make_run(monitor)
        baseline = Baseline.objects.get(monitor=monitor)
        assert settle_run(take(run), drift_outcome(Severity.WARNING, baseline_id=baseline.id))
    age(monitor, 31, run)
    assert forget() == 0
    assert left(monitor, "drf_alerts") == 1


def test_forget_old__more_than_a_batch__goes_on_until_none_is_left(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH_SIZE", 2)
    with tenant_scope(monitor.tenant_id):
        runs = [make_finished_run(monitor) for _ in range(5)]
    age(monitor, 31, *runs)
    assert forget() == 5
    assert left(monitor) == 0
