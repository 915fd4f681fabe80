"""The reconciler as it runs in production: as the scheduler's role, which is no tenant's."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import DatabaseError
from django.db.models import F
from django.utils import timezone

from detections.ledger.recovery import enqueue_lost
from detections.models import Backtest, DetectionRun, OutcomeBatch, PendingOutcome, RunPart
from detections.outcomes.outcome_tables import rows_from_json
from detections.outcomes.services import accept_outcomes
from detections.storage import STORAGE_TASK
from drift_detector.celery import app, new_broker_run_id, remember_broker_run_id
from drift_detector.tenancy import quotas
from drift_detector.tenancy.models import Quota, Tenant, Usage
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_tenant
from monitors.models import Baseline, Job, Monitor
from tasks.reconciler import Hourly, reconcile
from tests.conftest import connected_as, role_url
from tests.drift_detector.samples import sample
from tests.factories import (
    make_backtest,
    make_detection,
    make_finished_run,
    make_job,
    make_monitor,
    make_run,
    rows_of,
    take,
    wake_ups,
)

LONG_AGO = timedelta(minutes=2)


@pytest.fixture
def scheduler() -> Callable[[], None]:
    def reconcile_as_scheduler() -> None:
        with connected_as(role_url("scheduler")):
            reconcile()

    return reconcile_as_scheduler


def set_run(run: DetectionRun, **fields: Any) -> None:
    with tenant_scope(run.tenant_id):
        DetectionRun.objects.filter(id=run.id).update(**fields)


def stored(run: DetectionRun) -> tuple[Any, ...]:
    columns = "status, attempt, verdict, reason, lease_token, finished_at IS NOT NULL"
    ((*values,),) = rows_of(run.tenant_id, f"SELECT {columns} FROM drf_runs WHERE id = %s", run.id)
    return tuple(values)


def times_enqueued(row_id: UUID, task: str = "detections.execute_run") -> int:
    return sum(str(row_id) in each.values() for each in wake_ups(task))


@pytest.fixture
def abandoned(committed_run: DetectionRun) -> DetectionRun:
    """A run whose worker has been silent for too long."""
    take(committed_run)
    set_run(
        committed_run,
        lease_expires_at=timezone.now() - timedelta(seconds=1),
        enqueued_at=timezone.now(),
    )
    return committed_run


def test_reconcile__lease_expired__is_queued_and_enqueued(
    abandoned: DetectionRun, scheduler: Callable[[], None]
) -> None:
    scheduler()
    assert stored(abandoned) == ("queued", 1, "", "The worker stopped answering.", None, False)
    assert times_enqueued(abandoned.id) == 1


def test_reconcile__last_attempt_abandoned__fails_with_the_reason(
    abandoned: DetectionRun, scheduler: Callable[[], None]
) -> None:
    set_run(abandoned, attempt=3)
    scheduler()
    assert stored(abandoned) == ("failed", 3, "error", "The worker stopped answering.", None, True)
    assert times_enqueued(abandoned.id) == 0


def test_reconcile__last_attempt_of_a_divided_run__removes_its_parts_alone(
    abandoned: DetectionRun, scheduler: Callable[[], None]
) -> None:
    with tenant_scope(abandoned.tenant_id):
        baseline = Baseline.objects.get(monitor_id=abandoned.monitor_id)
        other = make_run(abandoned.monitor, week=2)
        for run in (abandoned, other):
            RunPart.objects.create(
                tenant_id=run.tenant_id, run=run, baseline=baseline, position=0, spec=[]
            )
    set_run(abandoned, attempt=3)
    scheduler()
    assert rows_of(abandoned.tenant_id, "SELECT run_id FROM drf_run_parts") == [(other.id,)]


def test_reconcile__lease_still_good__is_left_alone(
    committed_run: DetectionRun, scheduler: Callable[[], None]
) -> None:
    claim = take(committed_run)
    scheduler()
    assert stored(committed_run) == ("running", 1, "", "", claim.token, False)


@pytest.mark.parametrize(
    ("messages", "age", "times"), [(0, 20, 1), (0, 1, 0), (1, 20, 0), (1, 700, 1)]
)
def test_reconcile__not_taken__is_enqueued_again_if_its_message_is_lost_or_old(
    committed_run: DetectionRun,
    scheduler: Callable[[], None],
    empty_broker: None,
    messages: int,
    age: int,
    times: int,
) -> None:
    set_run(committed_run, enqueued_at=timezone.now() - timedelta(seconds=age))
    for _ in range(messages):
        app.send_task("detections.execute_run", kwargs={"run_id": "another"})
    scheduler()
    scheduler()
    assert times_enqueued(committed_run.id) == times


def test_enqueue_lost__broker_emptied__what_was_enqueued_is_enqueued_again_once(
    committed_run: DetectionRun, empty_broker: None
) -> None:
    other = create_tenant(slug="rival", name="Rival")
    with tenant_scope(other.id):
        theirs = make_run(make_monitor(), enqueued_at=timezone.now())
    set_run(committed_run, enqueued_at=timezone.now())
    with connected_as(role_url("scheduler")):
        enqueue_lost()
        enqueue_lost()
    assert (times_enqueued(committed_run.id), times_enqueued(theirs.id)) == (1, 1)


def test_enqueue_lost__broker_as_before__nothing_is_enqueued(
    committed_run: DetectionRun, empty_broker: None
) -> None:
    remember_broker_run_id(new_broker_run_id() or "")
    set_run(committed_run, enqueued_at=timezone.now())
    with connected_as(role_url("scheduler")):
        enqueue_lost()
    assert times_enqueued(committed_run.id) == 0


def test_enqueue_lost__database_away_at_first__is_done_the_next_time(
    committed_run: DetectionRun, empty_broker: None
) -> None:
    set_run(committed_run, enqueued_at=timezone.now())
    stranger = urlsplit(role_url("scheduler"))._replace(netloc="nobody:nothing@localhost")
    with connected_as(stranger.geturl()), pytest.raises(DatabaseError):
        enqueue_lost()
    with connected_as(role_url("scheduler")):
        enqueue_lost()
    assert times_enqueued(committed_run.id) == 1


@pytest.mark.parametrize(("seconds", "times"), [(-1, 1), (30, 0)])
def test_reconcile__postponed__is_enqueued_when_due(
    committed_run: DetectionRun, scheduler: Callable[[], None], seconds: int, times: int
) -> None:
    now = timezone.now()
    set_run(committed_run, not_before=now + timedelta(seconds=seconds), enqueued_at=None)
    scheduler()
    scheduler()
    assert times_enqueued(committed_run.id) == times


def test_reconcile__finished__is_left_alone(
    committed_monitor: Monitor, scheduler: Callable[[], None]
) -> None:
    with tenant_scope(committed_monitor.tenant_id):
        run = make_finished_run(committed_monitor)
    before = stored(run)
    scheduler()
    assert (stored(run), times_enqueued(run.id)) == (before, 0)


@pytest.mark.parametrize(
    ("status", "age", "times"),
    [("building", LONG_AGO, 1), ("building", timedelta(seconds=30), 0), ("failed", LONG_AGO, 0)],
)
def test_reconcile__baseline__is_enqueued_when_its_build_got_old(
    committed_monitor: Monitor,
    scheduler: Callable[[], None],
    status: str,
    age: timedelta,
    times: int,
) -> None:
    with tenant_scope(committed_monitor.tenant_id):
        baseline = Baseline.objects.get()
        Baseline.objects.update(created_at=timezone.now() - age, status=status)
    before = times_enqueued(baseline.id, "monitors.build_baseline")
    scheduler()
    assert times_enqueued(baseline.id, "monitors.build_baseline") - before == times


def test_reconcile__many_builds_wait_in_the_broker__they_do_not_pile_up(
    committed_tenant: Tenant, scheduler: Callable[[], None], override: Callable[..., None]
) -> None:
    override(runs={"max_per_tenant": 30})
    with tenant_scope(committed_tenant.id):
        ids = {str(make_monitor().baselines.get().id) for _ in range(30)}
        Baseline.objects.update(created_at=timezone.now() - LONG_AGO)

    def waiting() -> int:
        return sum(each.get("baseline_id") in ids for each in wake_ups("monitors.build_baseline"))

    before = waiting()
    scheduler()
    assert before == 30
    assert waiting() - before == 10


def test_reconcile__builds_beyond_the_tenants_limit__have_their_turn_later(
    committed_tenant: Tenant,
    scheduler: Callable[[], None],
    override: Callable[..., None],
    empty_broker: None,
) -> None:
    override(runs={"max_per_tenant": 2})
    with tenant_scope(committed_tenant.id):
        ids = [str(make_monitor().baselines.get().id) for _ in range(3)]
        Baseline.objects.update(created_at=F("created_at") - LONG_AGO)
    scheduler()
    called = [each["baseline_id"] for each in wake_ups("monitors.build_baseline")]
    assert sorted(called) == sorted(ids[:2] * 2)


@pytest.mark.parametrize(
    ("status", "age", "claimed", "times"),
    [
        ("running", LONG_AGO, None, 1),
        ("running", timedelta(seconds=30), None, 0),
        ("running", LONG_AGO, timedelta(seconds=-1), 1),
        ("running", LONG_AGO, timedelta(seconds=30), 0),
        ("ready", LONG_AGO, None, 0),
    ],
)
def test_reconcile__backtest__is_enqueued_when_it_has_no_worker(
    committed_monitor: Monitor,
    scheduler: Callable[[], None],
    status: str,
    age: timedelta,
    claimed: timedelta | None,
    times: int,
) -> None:
    now = timezone.now()
    with tenant_scope(committed_monitor.tenant_id):
        backtest = make_backtest(
            committed_monitor,
            status=status,
            lease_token=claimed and uuid4(),
            lease_expires_at=claimed and now + claimed,
        )
        Backtest.objects.update(created_at=now - age)
    scheduler()
    assert times_enqueued(backtest.id, "detections.build_backtest") == times


@pytest.mark.parametrize(
    ("age", "claimed", "times"),
    [
        (LONG_AGO, None, 1),
        (timedelta(seconds=30), None, 0),
        (timedelta(seconds=30), timedelta(seconds=-1), 1),
        (LONG_AGO, timedelta(seconds=30), 0),
    ],
)
def test_reconcile__job__is_enqueued_when_it_has_no_worker(
    committed_tenant: Tenant, scheduler: Callable[[], None], empty_broker: None,
    age: timedelta, claimed: timedelta | None, times: int,
) -> None:  # fmt: skip
    now = timezone.now()
    with tenant_scope(committed_tenant.id):
        job = make_job(Path("/nowhere"))
        Job.objects.update(
            created_at=now - age,
            lease_token=claimed and uuid4(),
            lease_expires_at=claimed and now + claimed,
        )
    scheduler()
    assert times_enqueued(job.id, "monitors.answer_job") == 1 + times


def test_reconcile__jobs_beyond_the_tenants_limit__have_their_turn_later(
    committed_tenant: Tenant, scheduler: Callable[[], None], empty_broker: None
) -> None:
    with tenant_scope(committed_tenant.id):
        jobs = [make_job(Path("/nowhere")) for _ in range(3)]
        Job.objects.update(created_at=F("created_at") - LONG_AGO)
    scheduler()
    assert [times_enqueued(job.id, "monitors.answer_job") for job in jobs] == [2, 0, 0]


def test_reconcile__job_past_its_retention__is_removed_once_it_is_answered(
    committed_tenant: Tenant, scheduler: Callable[[], None], override: Callable[..., None]
) -> None:
    override(jobs={"retention_days": 7})
    with tenant_scope(committed_tenant.id):
        old, young, unanswered = [make_job(Path("/nowhere")) for _ in range(3)]
        answered = {"status": "failed", "answer_status": 400}
        for job, days in ((old, 8), (young, 6)):
            ended = timezone.now() - timedelta(days=days)
            Job.objects.filter(id=job.id).update(finished_at=ended, **answered)
        Job.objects.update(created_at=timezone.now() - timedelta(days=9))
    scheduler()
    kept = {row_id for (row_id,) in rows_of(committed_tenant.id, "SELECT id FROM drf_jobs")}
    assert kept == {young.id, unanswered.id}


@pytest.mark.parametrize("column", ["fields", "answer"])
def test_scheduler_role__what_a_job_asked_and_got__is_denied(
    committed_tenant: Tenant, column: str
) -> None:
    with (
        psycopg.connect(role_url("scheduler")) as scheduler,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        scheduler.execute(f"SELECT {column} FROM drf_jobs")


def test_scheduler_role__what_a_backtest_found__is_denied(committed_tenant: Tenant) -> None:
    with (
        psycopg.connect(role_url("scheduler")) as scheduler,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        scheduler.execute("SELECT windows FROM drf_backtests")


def test_reconcile__two_tenants__both_are_served(
    abandoned: DetectionRun, scheduler: Callable[[], None]
) -> None:
    other = create_tenant(slug="rival", name="Rival")
    with tenant_scope(other.id):
        theirs = make_run(make_monitor())
    scheduler()
    assert (times_enqueued(abandoned.id), times_enqueued(theirs.id)) == (1, 1)


def test_scheduler_role__runs__sees_every_tenants(committed_run: DetectionRun) -> None:
    with psycopg.connect(role_url("scheduler")) as scheduler:
        assert scheduler.execute("SELECT id FROM drf_runs").fetchall() == [(committed_run.id,)]


@pytest.mark.parametrize(
    "table", ["drf_detections", "drf_reports", "drf_alerts", "drf_outbox", "drf_api_keys"]
)
def test_scheduler_role__what_it_does_not_need__is_denied(
    committed_tenant: Tenant, table: str
) -> None:
    with (
        psycopg.connect(role_url("scheduler")) as scheduler,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        scheduler.execute(f"SELECT * FROM {table}")


def test_scheduler_role__baseline_content__is_denied(committed_monitor: Monitor) -> None:
    with (
        psycopg.connect(role_url("scheduler")) as scheduler,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        scheduler.execute("SELECT content FROM drf_baselines")


def test_scheduler_role__runs__can_be_deleted_when_they_have_ended(
    committed_run: DetectionRun,
) -> None:
    with tenant_scope(committed_run.tenant_id):
        make_detection(make_finished_run(committed_run.monitor))
    with psycopg.connect(role_url("scheduler")) as scheduler:
        scheduler.execute("DELETE FROM drf_runs")
    assert rows_of(committed_run.tenant_id, "SELECT id FROM drf_runs") == [(committed_run.id,)]


def test_reconcile__outcomes_past_their_retention__are_forgotten(
    committed_monitor: Monitor, scheduler: Callable[[], None], override: Callable[..., None]
) -> None:
    override(outcomes={"retention_days": 30})
    halves: list[dict[str, Any]] = [{"error": 1}, {"prediction": 1}]
    with tenant_scope(committed_monitor.tenant_id):
        for age, batch in ((31, "old"), (29, "new")):
            rows = rows_from_json([halves[0], halves[1] | {"prediction_id": batch}])
            accept_outcomes(monitor=committed_monitor, stream="default", batch_id=batch, rows=rows)
            made = timezone.now() - timedelta(days=age)
            OutcomeBatch.objects.filter(batch_id=batch).update(created_at=made)
            PendingOutcome.objects.filter(prediction_id=batch).update(created_at=made)
    scheduler()
    tenant_id = committed_monitor.tenant_id
    assert rows_of(tenant_id, "SELECT batch_id FROM drf_outcome_batches") == [("new",)]
    assert rows_of(tenant_id, "SELECT prediction_id FROM drf_pending_outcomes") == [("new",)]


def test_reconcile__due_and_waiting_runs__the_oldest_due_one_is_the_queues_age(
    committed_run: DetectionRun, scheduler: Callable[[], None]
) -> None:
    with tenant_scope(committed_run.tenant_id):
        postponed, later = (make_run(committed_run.monitor, week=week) for week in (1, 2))
        take(make_run(committed_run.monitor, week=0))
    now = timezone.now()
    set_run(committed_run, created_at=now - timedelta(minutes=5))
    set_run(postponed, created_at=now - timedelta(hours=2), not_before=now - timedelta(minutes=10))
    set_run(later, created_at=now - timedelta(hours=3), not_before=now + timedelta(minutes=10))
    scheduler()
    assert sample("drift_queue_oldest_seconds") == pytest.approx(600, abs=20)
    assert sample("drift_runs_unfinished", status="queued") == 3
    assert sample("drift_runs_unfinished", status="running") == 1


def test_reconcile__long_backfill__waits_for_its_turn_and_the_queue_is_not_old(
    committed_run: DetectionRun, scheduler: Callable[[], None]
) -> None:
    set_run(committed_run, created_at=timezone.now() - timedelta(hours=2), trigger="backfill")
    scheduler()
    assert sample("drift_queue_oldest_seconds") == 0
    assert sample("drift_runs_unfinished", status="queued") == 1


def test_reconcile__nothing_unfinished__the_queue_is_not_old(
    committed: None, scheduler: Callable[[], None]
) -> None:
    scheduler()
    assert sample("drift_queue_oldest_seconds") == 0
    assert sample("drift_runs_unfinished", status="queued") == 0


def test_reconcile__abandoned__is_a_lost_lease(
    abandoned: DetectionRun, scheduler: Callable[[], None]
) -> None:
    before = sample("drift_lease_losses_total", noticed_by="reconciler")
    scheduler()
    assert sample("drift_lease_losses_total", noticed_by="reconciler") == before + 1


def test_reconcile__storage__is_measured_once_an_hour(
    committed_tenant: Tenant,
    empty_broker: None,
    scheduler: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tasks.reconciler.storage_measurements", Hourly())
    with tenant_scope(committed_tenant.id):
        make_monitor()
    for _ in range(2):
        scheduler()
    assert wake_ups(STORAGE_TASK) == [{"tenant_id": str(committed_tenant.id)}]


def test_reconcile__usage_of_long_ago__is_removed(
    committed_tenant: Tenant, scheduler: Callable[[], None]
) -> None:
    with tenant_scope(committed_tenant.id):
        quotas.take(Quota.RUNS)
    scheduler()
    assert len(rows_of(committed_tenant.id, "SELECT 1 FROM drf_usage")) == 1
    with tenant_scope(committed_tenant.id):
        Usage.objects.update(day=timezone.now() - timedelta(days=500))
    scheduler()
    assert rows_of(committed_tenant.id, "SELECT 1 FROM drf_usage") == []
