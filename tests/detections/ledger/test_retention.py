"""Old runs go, with what they found; those that somebody may still ask for stay."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from django.utils import timezone

from alerts.models import Alert
from algorithms.verdicts import Severity
from detections.ledger import old_runs as retention
from detections.models import Backtest, DetectionRun, RunPart
from detections.runs.completion import complete_run
from drift_detector import retention as walks
from drift_detector.retention import Sweep
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_tenant
from monitors.baselines.old_baselines import BASELINE_IS_OLD
from monitors.models import Baseline, Monitor
from tasks import reconciler
from tasks.reconciler import purge_old
from tests.conftest import connected_as, role_url
from tests.factories import (
    drift_result,
    make_backtest,
    make_detection,
    make_finished_run,
    make_monitor,
    make_run,
    rows_of,
    take,
)


@pytest.fixture(autouse=True)
def a_month_or_two(override: Callable[..., None]) -> None:
    override(runs={"retention_days": 30}, alerts={"retention_days": 60})


@pytest.fixture(autouse=True)
def walks_from_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    """None has begun; they look at two rows a step."""
    monkeypatch.setattr(retention, "old_runs", Sweep("drf_runs", retention.RUN_IS_OLD, most=2))
    sweep = Sweep("drf_baselines", BASELINE_IS_OLD, most=2, in_use=retention.list_used_baselines)
    monkeypatch.setattr(reconciler, "old_baselines", sweep)


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
        return purge_old()


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
            make_finished_run(
                monitor, trigger="labels", week=days, scheduled_for=now - timedelta(days=days)
            )
            for days in (31, 29)
        )
        waiting = make_run(monitor, trigger="labels", status="waiting")
    age(monitor, 90, old, new, waiting)
    assert forget() == 1
    assert left(monitor) == 2


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


def alerted(monitor: Monitor, *, resolved: int | None) -> None:
    """One alert of a run of long ago, resolved so many days ago."""
    with tenant_scope(monitor.tenant_id):
        run = make_run(monitor)
        baseline = Baseline.objects.filter(monitor=monitor)[0]
        assert complete_run(take(run), drift_result(Severity.WARNING, baseline_id=baseline.id))
        if resolved is not None:
            Alert.objects.update(
                phase="resolved", resolved_at=timezone.now() - timedelta(days=resolved)
            )
    age(monitor, 99, run)


@pytest.mark.parametrize("resolved", [None, 59])
def test_forget_old__alert_open_or_resolved_of_late__stays_with_its_run(
    monitor: Monitor, resolved: int | None
) -> None:
    alerted(monitor, resolved=resolved)
    assert forget() == 0
    assert left(monitor, "drf_alerts") == 1


def test_forget_old__alert_resolved_long_ago__goes_with_its_run(monitor: Monitor) -> None:
    alerted(monitor, resolved=61)
    assert forget() == 2
    assert (left(monitor, "drf_alerts"), left(monitor), left(monitor, "drf_detections")) == (
        0,
        0,
        0,
    )


def test_forget_old__backtests__go_by_when_they_finished(monitor: Monitor) -> None:
    now = timezone.now()
    with tenant_scope(monitor.tenant_id):
        for days in (31, 29):
            make_backtest(
                monitor,
                status="ready",
                finished_at=now - timedelta(days=days),
                summary={"days": days},
            )
        make_backtest(monitor, summary={"days": "at work"})
        Backtest.objects.update(created_at=now - timedelta(days=99))
    assert forget() == 1
    assert rows_of(monitor.tenant_id, "SELECT summary ->> 'days' FROM drf_backtests ORDER BY 1") == [
        ("29",), ("at work",)
    ]  # fmt: skip


def make_version(monitor: Monitor, *, days: int, status: str = "ready") -> Baseline:
    """The monitor's next version, which was built or failed so many days ago."""
    made = timezone.now() - timedelta(days=days)
    latest = Baseline.objects.filter(monitor=monitor).count()
    version = Baseline.objects.create(
        tenant_id=monitor.tenant_id, monitor=monitor, version=latest + 1
    )
    built = {"content": b"x", "built_at": made} if status == "ready" else {}
    Baseline.objects.filter(id=version.id).update(status=status, created_at=made, **built)
    return version


def versions(monitor: Monitor) -> list[int]:
    return [
        version
        for (version,) in rows_of(monitor.tenant_id, "SELECT version FROM drf_baselines ORDER BY 1")
    ]


def test_forget_old__baselines__go_once_the_next_has_been_ready_as_long(monitor: Monitor) -> None:
    with tenant_scope(monitor.tenant_id):
        for days in (50, 40, 29, 1):  # versions 2 to 5, after one that is being built
            make_version(monitor, days=days)
    assert forget() == 1
    assert versions(monitor) == [1, 3, 4, 5]


def test_forget_old__current_baseline__stays_however_old_and_whatever_failed_since(
    monitor: Monitor,
) -> None:
    with tenant_scope(monitor.tenant_id):
        make_version(monitor, days=500)
        for days in (60, 50, 40):
            make_version(monitor, days=days, status="failed")
    assert forget() == 2
    assert versions(monitor) == [1, 2, 5]


@pytest.mark.parametrize("referring", ["run", "run of an alert", "part", "backtest"])
def test_forget_old__baseline_that_something_refers_to__stays(
    monitor: Monitor, referring: str
) -> None:
    with tenant_scope(monitor.tenant_id):
        old, _ = make_version(monitor, days=500), make_version(monitor, days=400)
        run = make_run(monitor, baseline=old if referring == "run" else None)
        if referring == "part":
            RunPart.objects.create(
                tenant_id=monitor.tenant_id, run=run, baseline=old, position=0, spec={}
            )
        if referring == "backtest":
            make_backtest(monitor, baseline=old, status="ready", finished_at=timezone.now())
        if referring == "run of an alert":
            assert complete_run(take(run), drift_result(Severity.WARNING, baseline_id=old.id))
    age(monitor, 99, run)
    assert forget() == 0
    assert versions(monitor) == [1, 2, 3]


def test_forget_old__another_tenants__go_by_their_own_age_too(monitor: Monitor) -> None:
    with tenant_scope(create_tenant(slug="rival", name="Rival").id):
        theirs = make_monitor()
        for days in (50, 40):
            make_version(theirs, days=days)
    alerted(theirs, resolved=61)
    alerted(monitor, resolved=59)
    assert forget() == 3
    assert (versions(theirs), left(theirs), left(theirs, "drf_alerts")) == ([1, 3], 0, 0)
    assert (versions(monitor), left(monitor), left(monitor, "drf_alerts")) == ([1], 1, 1)


def test_scheduler_role__what_is_current_or_at_work__can_not_be_removed(monitor: Monitor) -> None:
    alerted(monitor, resolved=None)
    with tenant_scope(monitor.tenant_id):
        make_backtest(monitor)
    with psycopg.connect(role_url("scheduler")) as scheduler:
        for table in ("drf_alerts", "drf_backtests", "drf_baselines"):
            assert scheduler.execute(f"DELETE FROM {table}").rowcount == 0


@pytest.mark.parametrize(
    ("table", "since", "index"),
    [
        ("drf_alerts", "resolved_at", "alert_resolved"),
        ("drf_backtests", "finished_at", "backtest_finished"),
        ("drf_label_audits", "created_at", "label_audit_by_age"),
        ("drf_outcome_batches", "created_at", "outcome_batch_by_age"),
        ("drf_pending_outcomes", "created_at", "pending_outcome_by_age"),
    ],
)
def test_oldest__of_a_table__are_found_by_an_index(
    committed: None, table: str, since: str, index: str
) -> None:
    assert f"Index Scan using {index}" in plan_of(
        walks.REMOVE_OLDEST.format(table=table, since=since, returning="id")
    )


@pytest.mark.parametrize(
    ("sweep", "index"),
    [(retention.old_runs, "run_oldest"), (reconciler.old_baselines, "baseline_oldest")],
)
def test_walk__from_the_oldest__goes_by_an_index(committed: None, sweep: Sweep, index: str) -> None:
    assert f"Scan using {index}" in plan_of(sweep.find)


def plan_of(statement: str) -> str:
    """How the scheduler's role would do it where a table is too large to be read as a whole."""
    values = {"before": timezone.now(), "made": timezone.now(), "id": uuid4(), "most": 10}
    with psycopg.connect(role_url("scheduler")) as scheduler:
        scheduler.execute("SET enable_seqscan = off")
        scheduler.execute("SET enable_sort = off")
        return str(scheduler.execute(f"EXPLAIN {statement}", values).fetchall())
