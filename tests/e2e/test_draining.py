"""What a worker does with its work when it is told to stop."""

import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
import redis
from celery import Celery
from django.conf import settings

from alerts.health.reviews import REVIEW_TASK, STREAMS_TASK
from alerts.workflow.snoozes import SNOOZE_TASK
from detections.ledger import dispatch
from detections.models import DetectionRun
from detections.storage import STORAGE_TASK
from drift_detector import celery
from drift_detector.scheduling import schedules
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.baselines import builds
from tasks import draining
from tests.conftest import role_url
from tests.e2e.conftest import REDIS_DATABASE, launch, stopped_together, wait_until
from tests.e2e.data import write_many_rows
from tests.factories import make_flights_monitor, make_monitor, make_run, rows_of

pytestmark = pytest.mark.slow
WORKER = [
    sys.executable,
    "-m",
    "celery",
    "-A",
    "drift_detector",
    "worker",
    "--concurrency",
    "1",
    "--hostname",
]


@pytest.fixture
def run(committed_tenant: Tenant, flights: Path) -> DetectionRun:
    with tenant_scope(committed_tenant.id):
        return make_run(make_flights_monitor(flights))


@pytest.fixture
def held_up(run: DetectionRun) -> Iterator[psycopg.Connection]:
    """No worker gets further with its run than to the monitor, as long as this is open."""
    with psycopg.connect(role_url("owner")) as owner:
        owner.execute("LOCK TABLE drf_monitors IN ACCESS EXCLUSIVE MODE")
        yield owner


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers started from here on drain for no longer than a second."""
    monkeypatch.setenv("AUMOS_DRIFT_RUNS__DRAIN_SECONDS", "1")


def send(run: DetectionRun) -> None:
    send_task(dispatch.EXECUTE_TASK, tenant_id=run.tenant_id, run_id=run.id)


def send_task(name: str, **ids: UUID) -> None:
    broker = str(settings.ENV.redis.url).rsplit("/", 1)[0] + REDIS_DATABASE
    with redis.Redis.from_url(broker) as client:
        client.flushdb()
    Celery(broker=broker).send_task(name, kwargs={each: str(value) for each, value in ids.items()})


def ledger(run: DetectionRun) -> tuple[str, int, str]:
    ((status, attempt, worker),) = rows_of(
        run.tenant_id, "SELECT status, attempt, worker FROM drf_runs"
    )
    return status, attempt, worker


def test_worker__told_to_stop_in_the_middle_of_a_run__hands_it_back_at_once_and_another_takes_it(
    run: DetectionRun, held_up: psycopg.Connection, impatient: None, tmp_path: Path
) -> None:
    with stopped_together() as processes:
        first = launch("app", [*WORKER, "first@e2e"], tmp_path)
        processes.append(first)
        send(run)
        wait_until(lambda: ledger(run) == ("running", 1, "first@e2e"))
        first.send_signal(signal.SIGTERM)
        began = time.monotonic()
        wait_until(lambda: ledger(run)[0] == "queued")
        handed_back_after = time.monotonic() - began
        assert ledger(run)[1] == 0
        assert first.wait(60) == 0
        processes.append(launch("app", [*WORKER, "second@e2e"], tmp_path))
        wait_until(lambda: ledger(run) == ("running", 1, "second@e2e"))
        held_up.rollback()
        wait_until(lambda: ledger(run) == ("succeeded", 1, "second@e2e"))
    assert handed_back_after < settings.ENV.runs.lease_seconds


def test_worker__told_to_stop_while_its_run_can_end__ends_it_and_then_itself(
    run: DetectionRun, held_up: psycopg.Connection, tmp_path: Path
) -> None:
    with stopped_together() as processes:
        worker = launch("app", [*WORKER, "only@e2e"], tmp_path)
        processes.append(worker)
        send(run)
        wait_until(lambda: ledger(run)[0] == "running")
        worker.send_signal(signal.SIGTERM)
        held_up.rollback()
        assert worker.wait(60) == 0
    assert ledger(run) == ("succeeded", 1, "only@e2e")


def test_worker__told_to_stop_in_the_middle_of_a_build__hands_it_back_at_once_and_another_takes_it(
    committed_tenant: Tenant, data_root: Path, impatient: None, tmp_path: Path
) -> None:
    uris = dict.fromkeys(
        ["reference_data_uri", "current_data_uri"], str(write_many_rows(data_root / "many"))
    )
    with tenant_scope(committed_tenant.id):
        baseline = make_monitor(timestamp_column="", **uris).baselines.get()

    def build() -> tuple[str, int, bool]:
        query = "SELECT status, attempt, lease_token IS NOT NULL FROM drf_baselines"
        ((status, attempt, is_held),) = rows_of(committed_tenant.id, query)
        return status, attempt, is_held

    with stopped_together() as processes:
        first = launch("app", [*WORKER, "first@e2e"], tmp_path)
        processes.append(first)
        send_task(builds.BUILD_TASK, tenant_id=committed_tenant.id, baseline_id=baseline.id)
        wait_until(lambda: build() == ("building", 1, True))
        first.send_signal(signal.SIGTERM)
        wait_until(lambda: build() == ("building", 0, False))
        assert first.wait(60) == 0
        processes.append(launch("app", [*WORKER, "second@e2e"], tmp_path))
        wait_until(lambda: build()[:2] == ("ready", 1))


def test_draining__every_task_of_a_worker__can_be_handed_back() -> None:
    celery.app.loader.import_default_modules()
    ours = {name for name in celery.app.tasks if not name.startswith("celery.")}
    without_row = {
        schedules.TICK_TASK,  # beat calls it
        STORAGE_TASK,  # it comes each hour
        *(SNOOZE_TASK, REVIEW_TASK, STREAMS_TASK),  # the reconciler sends them again
    }
    assert ours - without_row == set(draining.RELEASE)
