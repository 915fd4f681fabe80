"""All kinds of a tenant's work have one bound together; PostgreSQL and Valkey are real."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import redis
from django.utils import timezone

from alerts.models import Notification
from detections.backtests import services as backtests
from detections.evaluation.fan_out import help_run
from detections.ledger import parts
from detections.ledger import runs as ledger
from detections.models import DetectionRun, Report, RunPart
from detections.reports import services as reports
from drift_detector import slots
from drift_detector.lease import LeasedModel, lease_time
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_tenant
from drift_detector.work import NoRoom, at_work_sql, begin_waiting
from monitors.baselines import builds
from monitors.jobs import services as jobs
from monitors.models import Baseline, Job, Monitor
from tasks.monitors import answer_job as answer_task
from tests.factories import (
    make_backtest,
    make_finished_run,
    make_flights_monitor,
    make_job,
    make_run,
    rows_of,
    take,
    wake_ups,
)

pytestmark = pytest.mark.usefixtures("two_slots")


@pytest.fixture
def two_slots(empty_broker: None) -> Iterator[None]:
    """A worker with two slots and two tenants: each may have one piece of work."""
    slots.forget()
    slots.publish_slots("worker-0", 2)
    for _ in range(2):
        slots.note_tenant(uuid4())
    slots.forget()
    yield
    slots.forget()
    with redis.Redis.from_url(os.environ["AUMOS_DRIFT_REDIS__URL"]) as client:
        client.delete(slots.SLOTS_KEY, slots.TENANTS_KEY)


@pytest.fixture
def monitor(committed_tenant: Tenant, flights: Path) -> Monitor:
    with tenant_scope(committed_tenant.id):
        return make_flights_monitor(flights)


@pytest.fixture
def waiting(monitor: Monitor, flights: Path) -> dict[str, LeasedModel]:
    """A piece of each kind of work that waits for a worker; the part is one of a run at work."""
    with tenant_scope(monitor.tenant_id):
        return {
            "run": make_run(monitor),
            "part": _make_part(monitor),
            "build": builds.request_baseline(monitor=monitor),
            "job": make_job(flights),
            "backtest": make_backtest(monitor),
            "report": Report.objects.create(
                tenant_id=monitor.tenant_id, run=make_finished_run(monitor, rows=10)
            ),
        }


def _make_part(monitor: Monitor) -> RunPart:
    run = make_run(monitor, week=2)
    baseline = monitor.baselines.earliest("version")
    return RunPart.objects.create(
        tenant_id=run.tenant_id, run=run, baseline=baseline, position=0, spec={}
    )


BEGIN: dict[str, Callable[[UUID, UUID], object]] = {
    "run": lambda tenant, row: ledger.claim_run(tenant_id=tenant, run_id=row, worker="w"),
    "build": lambda tenant, row: builds.build_baseline(
        tenant_id=tenant, baseline_id=row, worker="w"
    ),
    "job": lambda tenant, row: jobs.answer_job(tenant_id=tenant, job_id=row, worker="w"),
    "backtest": lambda tenant, row: backtests.build_backtest(
        tenant_id=tenant, backtest_id=row, worker="w"
    ),
    "report": lambda tenant, row: reports.build_report(tenant_id=tenant, report_id=row, worker="w"),
}


def is_begun(kind: str, row: LeasedModel) -> bool:
    """Begin a piece of work as a worker does; False if it finds no room."""
    try:
        BEGIN[kind](row.tenant_id, row.id)
    except NoRoom:
        return False
    with tenant_scope(row.tenant_id):
        row.refresh_from_db()
    return row.attempt > 0


def put_to_work(row: LeasedModel, token: UUID | None = None) -> None:
    """As if a worker had the row."""
    status = {DetectionRun: "running", Job: "running"}.get(type(row))
    fields = {"status": status} if status else {}
    with tenant_scope(row.tenant_id):
        type(row)._default_manager.filter(id=row.id).update(
            lease_token=token or uuid4(), lease_expires_at=timezone.now() + lease_time(), **fields
        )


KINDS = ("run", "part", "build", "job", "backtest", "report")


@pytest.mark.parametrize("kind", KINDS)
def test_claim_run__one_piece_of_any_kind_at_work__waits(
    waiting: dict[str, LeasedModel], kind: str
) -> None:
    put_to_work(waiting[kind])
    with tenant_scope(waiting["run"].tenant_id):
        other = make_run(Monitor.objects.get(), week=4)
    assert not is_begun("run", other)


@pytest.mark.parametrize("kind", list(BEGIN))
def test_claim__a_run_is_at_work__any_kind_waits(
    waiting: dict[str, LeasedModel], monitor: Monitor, kind: str
) -> None:
    with tenant_scope(monitor.tenant_id):
        take(make_run(monitor, week=4))
    assert not is_begun(kind, waiting[kind])
    with tenant_scope(monitor.tenant_id):
        DetectionRun.objects.filter(lease_expires_at__isnull=False).delete()
    assert is_begun(kind, waiting[kind])


def test_help_run__the_run_takes_the_only_slot__counts_nothing(monitor: Monitor) -> None:
    with tenant_scope(monitor.tenant_id):
        run = make_run(monitor)
    claim = take(run)
    part = _part_of(claim, monitor)
    assert help_run(tenant_id=run.tenant_id, run_id=run.id, worker="worker-2") == 0
    with tenant_scope(run.tenant_id):
        part.refresh_from_db()
    assert part.attempt == 0


def _part_of(claim: ledger.Claim, monitor: Monitor) -> RunPart:
    with tenant_scope(claim.tenant_id):
        return RunPart.objects.create(
            tenant_id=claim.tenant_id,
            run_id=claim.run_id,
            baseline=Baseline.objects.get(),
            position=0,
            spec={"files": []},
        )


def test_claim_part__by_the_runs_own_worker__takes_no_further_slot(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenant_scope(monitor.tenant_id):
        claim = take(make_run(monitor))
    _part_of(claim, monitor)
    monkeypatch.setattr("detections.ledger.parts.Part.from_json", lambda spec: spec)
    ids = {"tenant_id": claim.tenant_id, "run_id": claim.run_id}
    with pytest.raises(NoRoom):
        parts.claim_part(**ids, worker="worker-2")
    assert parts.claim_part(**ids, worker="worker-1", token=claim.token) is not None
    assert rows_of(claim.tenant_id, f"SELECT {at_work_sql()}") == [(1,)]


def test_claim_run__another_tenant_has_many_of_each_kind__finds_a_slot(
    waiting: dict[str, LeasedModel], flights: Path
) -> None:
    put_to_work(waiting["report"])
    assert not [kind for kind in BEGIN if is_begun(kind, waiting[kind])]
    rival = create_tenant(slug="rival", name="Rival")
    with tenant_scope(rival.id):
        run = make_run(make_flights_monitor(flights))
    assert is_begun("run", run)


def test_answer_job__no_room__begins_when_the_run_has_ended(
    waiting: dict[str, LeasedModel], monitor: Monitor
) -> None:
    with tenant_scope(monitor.tenant_id):
        claim = take(make_run(monitor, week=4))
    job = waiting["job"]
    before = len(wake_ups(jobs.JOB_TASK))
    answer_task(tenant_id=str(job.tenant_id), job_id=str(job.id))
    assert len(wake_ups(jobs.JOB_TASK)) == before
    ledger.postpone_run(claim, reason="Waiting.", seconds=60, is_attempt=False)
    begin_waiting(job.tenant_id)
    assert wake_ups(jobs.JOB_TASK)[before:] == [
        {"tenant_id": str(job.tenant_id), "job_id": str(job.id)}
    ]


def test_answer_job__its_end__begins_the_run_that_waited(
    waiting: dict[str, LeasedModel],
) -> None:
    job = waiting["job"]
    before = len(wake_ups("detections.execute_run"))
    answer_task(tenant_id=str(job.tenant_id), job_id=str(job.id))
    (sent,) = wake_ups("detections.execute_run")[before:]
    with tenant_scope(job.tenant_id):
        assert DetectionRun.objects.get(id=sent["run_id"]).enqueued_at is not None


def test_at_work_sql__each_leased_table__is_counted() -> None:
    of_workers = {*LeasedModel.__subclasses__()} - {Notification}  # which the notifier sends
    for model in of_workers:
        assert f"FROM {model._meta.db_table} " in at_work_sql()
