"""Work whose data crash a worker's child: it fails at once, and other work goes on."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from billiard.exceptions import WorkerLostError
from celery import Celery
from django.db import connection

from detections.models import DetectionRun
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Baseline
from tasks import crashes
from tests.factories import (
    eventually,
    make_backtest,
    make_flights_monitor,
    make_monitor,
    make_run,
    rows_of,
)

pytestmark = pytest.mark.slow
PATIENCE = 180  # for what hangs: a worker alone takes half a minute to start on a loaded machine
ENDED = "SELECT status, attempt, reason FROM drf_runs WHERE finished_at IS NOT NULL"
Start = Callable[..., Celery]


@pytest.fixture
def start(data_root: Path, worker_id: str) -> Iterator[Start]:
    """Start a worker whose one child ends as told, with a queue of this test process alone."""
    number = 4 + int(worker_id.removeprefix("gw")) if worker_id.startswith("gw") else 15
    broker = urlsplit(os.environ["AUMOS_DRIFT_REDIS__URL"])._replace(path=f"/{number}").geturl()
    database = urlsplit(os.environ["AUMOS_DRIFT_DATABASE__URL"])._replace(
        path=f"/{connection.settings_dict['NAME']}"
    )
    workers: list[subprocess.Popen[bytes]] = []

    def _start(*signals: object, **settings: str) -> Celery:
        environment = os.environ | {
            "AUMOS_DRIFT_REDIS__URL": broker,
            "AUMOS_DRIFT_DATABASE__URL": database.geturl(),
            "AUMOS_DRIFT_DATA__ALLOWED_ROOTS": f'["{data_root}"]',
            "SIGNALS": " ".join(str(each) for each in signals),
            "ATTEMPTS": str(data_root / "attempts"),
        }
        command = [sys.executable, "-m", "celery", "-A", "tests.tasks.crashing_worker", "worker"]
        process = subprocess.Popen(
            [*command, "--concurrency", "1", "-l", "ERROR"], env=environment | settings
        )
        workers.append(process)
        return Celery(broker=broker)

    yield _start
    for worker in workers:
        assert worker.poll() is None, "the main process has died"
        worker.terminate()
        worker.wait(60)


@pytest.fixture
def run(committed_tenant: Tenant, flights: Path) -> DetectionRun:
    with tenant_scope(committed_tenant.id):
        return make_run(make_flights_monitor(flights))


def send(queue: Celery, task: str, **ids: object) -> None:
    queue.send_task(task, kwargs={name: str(value) for name, value in ids.items()})


def attempts(root: Path) -> int:
    return len((root / "attempts").read_text())


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_run__data_crash_the_child__fails_at_once_with_a_reason(
    run: DetectionRun, start: Start, data_root: Path, number: signal.Signals
) -> None:
    queue = start(int(number), int(number), int(number))
    send(queue, "detections.execute_run", tenant_id=run.tenant_id, run_id=run.id)
    ((status, attempt, reason),) = eventually(
        lambda: rows_of(run.tenant_id, ENDED), seconds=PATIENCE
    )
    assert (status, attempt, attempts(data_root)) == ("failed", 1, 1)
    assert number.name in reason
    assert "need more memory than the 4.0 GiB" in reason


def test_run__after_a_crash__the_next_run_succeeds(
    run: DetectionRun, start: Start, committed_tenant: Tenant
) -> None:
    queue = start(int(signal.SIGSEGV))
    with tenant_scope(committed_tenant.id):
        other = make_run(run.monitor, week=2)
    for each in (run, other):
        send(queue, "detections.execute_run", tenant_id=each.tenant_id, run_id=each.id)
    found = eventually(lambda: both(rows_of(run.tenant_id, ENDED)), seconds=PATIENCE)
    assert sorted(status for status, *_ in found) == ["failed", "succeeded"]


def both(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return rows if len(rows) == 2 else []


def test_run__child_killed_from_outside__is_tried_again(
    run: DetectionRun, start: Start, data_root: Path
) -> None:
    lease = {"AUMOS_DRIFT_RUNS__LEASE_SECONDS": "1"}
    queue = start(int(signal.SIGKILL), **lease)
    send(queue, "detections.execute_run", tenant_id=run.tenant_id, run_id=run.id)
    eventually(lambda: (data_root / "attempts").exists(), seconds=PATIENCE)
    expired = "SELECT 1 FROM drf_runs WHERE lease_expires_at < now() AND status = 'running'"
    eventually(lambda: rows_of(run.tenant_id, expired), seconds=PATIENCE)
    send(queue, "detections.execute_run", tenant_id=run.tenant_id, run_id=run.id)
    ((status, attempt, _),) = eventually(lambda: rows_of(run.tenant_id, ENDED), seconds=PATIENCE)
    assert (status, attempt) == ("succeeded", 2)


def test_run__needs_more_memory_than_a_child_may_take__fails_at_once(
    run: DetectionRun, start: Start, data_root: Path
) -> None:
    queue = start("eat", "eat", AUMOS_DRIFT_RUNS__MAX_CHILD_BYTES=str(512 << 20))
    send(queue, "detections.execute_run", tenant_id=run.tenant_id, run_id=run.id)
    ((status, attempt, reason),) = eventually(
        lambda: rows_of(run.tenant_id, ENDED), seconds=PATIENCE
    )
    assert (status, attempt, attempts(data_root)) == ("failed", 1, 1)
    assert reason.startswith("It needs more memory than the 0.5 GiB")


def test_run__small_bound__does_not_fail_an_honest_run(run: DetectionRun, start: Start) -> None:
    queue = start(AUMOS_DRIFT_RUNS__MAX_CHILD_BYTES=str(512 << 20))
    send(queue, "detections.execute_run", tenant_id=run.tenant_id, run_id=run.id)
    ((status, *_),) = eventually(lambda: rows_of(run.tenant_id, ENDED), seconds=PATIENCE)
    assert status == "succeeded"


def test_build__data_crash_the_child__fails_at_once(
    committed_tenant: Tenant, flights: Path, start: Start, data_root: Path
) -> None:
    queue = start(int(signal.SIGSEGV), int(signal.SIGSEGV))
    with tenant_scope(committed_tenant.id):
        make_monitor(reference_data_uri=str(flights), current_data_uri=str(flights))
        baseline = Baseline.objects.get()
    ids = {"tenant_id": committed_tenant.id, "baseline_id": baseline.id}
    send(queue, "monitors.build_baseline", **ids)
    query = "SELECT reason FROM drf_baselines WHERE status = 'failed'"
    ((reason,),) = eventually(lambda: rows_of(committed_tenant.id, query), seconds=PATIENCE)
    assert "SIGSEGV" in reason
    assert attempts(data_root) == 1


def test_backtest__data_crash_the_child__fails_at_once(run: DetectionRun, start: Start) -> None:
    queue = start(int(signal.SIGSEGV))
    with tenant_scope(run.tenant_id):
        backtest = make_backtest(run.monitor)
    send(queue, "detections.build_backtest", tenant_id=run.tenant_id, backtest_id=backtest.id)
    query = "SELECT reason FROM drf_backtests WHERE status = 'failed'"
    ((reason,),) = eventually(lambda: rows_of(run.tenant_id, query), seconds=PATIENCE)
    assert "SIGSEGV" in reason


@pytest.mark.parametrize(
    ("message", "number"),
    [
        ("Worker exited prematurely: signal 6 (SIGABRT) Job: 1.", 6),
        ("Worker exited prematurely: signal 11 (SIGSEGV) Job: 1.", 11),
        ("Worker exited prematurely: signal 9 (SIGKILL) Job: 1.", None),
        ("Worker exited prematurely: signal 15 (SIGTERM) Job: 1.", None),
        ("Worker exited prematurely: exitcode 0 Job: 11.", None),
    ],
)
def test_own_signal__death_of_a_child__is_its_own_or_another_s(
    message: str, number: int | None
) -> None:
    assert crashes.own_signal(WorkerLostError(message)) == number
