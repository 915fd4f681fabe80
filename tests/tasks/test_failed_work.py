"""A crash fails the work of its own worker only: another can have taken it meanwhile."""

from pathlib import Path
from uuid import uuid4

import pytest
from django.utils import timezone

from detections.models import Backtest, DetectionRun, Report, RunPart
from drift_detector.lease import LeasedModel, lease_time
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Baseline, Job
from tasks import crashes
from tests.factories import (
    make_backtest,
    make_finished_run,
    make_flights_monitor,
    make_job,
    make_run,
)

IDS = {
    "detections.execute_run": "run_id",
    "monitors.build_baseline": "baseline_id",
    "monitors.answer_job": "job_id",
    "detections.build_backtest": "backtest_id",
    "detections.build_report": "report_id",
}


@pytest.fixture
def at_work(committed_tenant: Tenant, flights: Path) -> dict[str, LeasedModel]:
    """A piece of each kind of work, by its task, which worker-2 has."""
    with tenant_scope(committed_tenant.id):
        monitor = make_flights_monitor(flights)
        run = make_finished_run(monitor)
        rows: list[LeasedModel] = [
            make_run(monitor),
            Baseline.objects.create(tenant_id=monitor.tenant_id, monitor=monitor, version=2),
            make_job(flights),
            make_backtest(monitor),
            Report.objects.create(tenant_id=monitor.tenant_id, run=run),
        ]
        for row in rows:
            put_to_work(row)
    return dict(zip(IDS, rows, strict=True))


def put_to_work(row: LeasedModel, worker: str = "worker-2") -> None:
    is_queued = isinstance(row, DetectionRun | Job)
    fields = {"status": "running"} if is_queued else {}
    lease = {"lease_token": uuid4(), "lease_expires_at": timezone.now() + lease_time()}
    type(row)._default_manager.filter(id=row.id).update(worker=worker, **lease, **fields)


def fail(task: str, row: LeasedModel, worker: str) -> None:
    ids = {"tenant_id": str(row.tenant_id), IDS.get(task, "run_id"): str(row.id)}
    crashes.fail_work(task, ids, "It crashed.", worker=worker)


def status_of(row: LeasedModel) -> str:
    with tenant_scope(row.tenant_id):
        row.refresh_from_db()
    assert isinstance(row, DetectionRun | Baseline | Job | Backtest | Report)
    return row.status


@pytest.mark.parametrize("task", list(IDS))
def test_fail_work__another_worker_has_it_by_now__goes_on(
    at_work: dict[str, LeasedModel], task: str
) -> None:
    row = at_work[task]
    before = status_of(row)
    fail(task, row, "worker-1")
    assert status_of(row) == before
    assert row.lease_token is not None


@pytest.mark.parametrize("task", list(IDS))
def test_fail_work__its_own__has_failed(at_work: dict[str, LeasedModel], task: str) -> None:
    fail(task, at_work[task], "worker-2")
    assert status_of(at_work[task]) == "failed"


def test_fail_work__help_with_a_part__ends_the_run_of_another_worker(
    at_work: dict[str, LeasedModel],
) -> None:
    run = at_work["detections.execute_run"]
    with tenant_scope(run.tenant_id):
        part = RunPart.objects.create(
            tenant_id=run.tenant_id,
            run_id=run.id,
            baseline=Baseline.objects.earliest("version"),
            position=0,
            spec={},
        )
        put_to_work(part, "helper")
    fail("detections.help_run", run, "worker-1")
    assert status_of(run) == "running"
    fail("detections.help_run", run, "helper")
    assert status_of(run) == "failed"
