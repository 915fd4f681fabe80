"""Old runs go, with what they found; those that somebody may still ask for stay."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from alerts.services import settle_run
from algorithms.verdicts import Severity
from detections import retention, walks
from detections.models import DetectionRun
from detections.retention import forget_old
from detections.walks import Walk
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Baseline, Monitor
from tests.conftest import connected_as, role_url
from tests.factories import drift_outcome, make_detection, make_finished_run, make_monitor, make_run, rows_of, take


@pytest.fixture(autouse=True)
def thirty_days(override: Callable[..., None]) -> None:
    override(runs={"retention_days": 30})


@pytest.fixture(autouse=True)
def walk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has not begun; looks at two rows a step."""
    monkeypatch.setattr(retention, "old_runs", Walk("drf_runs", retention.RUN_IS_DONE_WITH, most=2))


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


def test_forget_old__more_than_a_batch__goes_on_until_none_is_left(monitor: Monitor) -> None:
    with tenant_scope(monitor.tenant_id):
        runs = [make_finished_run(monitor) for _ in range(5)]
    age(monitor, 31, *runs)
    assert forget() == 5
    assert left(monitor) == 0


def test_forget_old__run_that_had_to_stay__is_looked_at_again_after_a_day(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenant_scope(monitor.tenant_id):
        run = make_run(monitor)
    age(monitor, 31, run)
    assert forget() == 0
    with tenant_scope(monitor.tenant_id):
        DetectionRun.objects.update(status="skipped")
    assert forget() == 0
    monkeypatch.setattr(walks, "PASS_SECONDS", 0)
    assert forget() == 1


def test_forget_old__runs_that_have_to_stay__are_not_read_in_each_round(monitor: Monitor) -> None:
    with tenant_scope(monitor.tenant_id):
        newer = make_finished_run(monitor)
        age(monitor, 40, *[make_run(monitor, week=week) for week in range(3)])
    assert forget() == 0
    age(monitor, 31, newer)
    before = timezone.now() - timedelta(days=30)
    with connected_as(role_url("scheduler")):
        assert [retention.old_runs.step(before) for _ in range(2)] == [1, None]
