"""The tasks as a worker runs them: in processes of their own, with messages through Valkey."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from celery import Celery
from django.db import connection

from detections.models import DetectionRun
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Baseline
from tasks import detections
from tests.factories import (
    eventually,
    make_flights_monitor,
    make_job,
    make_monitor,
    make_run,
    rows_of,
)


@pytest.fixture
def queue(data_root: Path, worker_id: str) -> Iterator[Celery]:
    """A queue of this test process alone, with a real worker at its other end."""
    number = 4 + int(worker_id.removeprefix("gw")) if worker_id.startswith("gw") else 15
    broker = urlsplit(os.environ["AUMOS_DRIFT_REDIS__URL"])._replace(path=f"/{number}").geturl()
    database = urlsplit(os.environ["AUMOS_DRIFT_DATABASE__URL"])._replace(
        path=f"/{connection.settings_dict['NAME']}"
    )
    environment = os.environ | {
        "AUMOS_DRIFT_REDIS__URL": broker,
        "AUMOS_DRIFT_DATABASE__URL": database.geturl(),
        "AUMOS_DRIFT_DATA__ALLOWED_ROOTS": f'["{data_root}"]',
    }
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "drift_detector.celery",
        "worker",
        "--pool",
        "solo",
        "-l",
        "ERROR",
    ]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    yield Celery(broker=broker)
    process.terminate()
    process.wait(30)


def send(queue: Celery, task: str, **ids: object) -> None:
    queue.send_task(task, kwargs={name: str(value) for name, value in ids.items()})


def test_worker__build_and_run_messages__end_in_a_verdict(
    committed_tenant: Tenant, flights: Path, queue: Celery
) -> None:
    with tenant_scope(committed_tenant.id):
        monitor = make_monitor(reference_data_uri=str(flights), current_data_uri=str(flights))
        run, baseline = make_run(monitor), Baseline.objects.get()
    send(queue, "monitors.build_baseline", tenant_id=run.tenant_id, baseline_id=baseline.id)
    built = "SELECT 1 FROM drf_baselines WHERE status = 'ready'"
    eventually(lambda: rows_of(run.tenant_id, built))
    send(queue, "detections.execute_run", tenant_id=run.tenant_id, run_id=run.id)
    ended = "SELECT status, rows FROM drf_runs WHERE finished_at IS NOT NULL"
    assert eventually(lambda: rows_of(run.tenant_id, ended)) == [("succeeded", 2000)]


def test_worker__message_of_a_job__ends_in_an_answer_and_a_monitor(
    committed_tenant: Tenant, flights: Path, queue: Celery
) -> None:
    with tenant_scope(committed_tenant.id):
        job = make_job(flights, kind="create_monitor")
    send(queue, "monitors.answer_job", tenant_id=job.tenant_id, job_id=job.id)
    ended = "SELECT status, answer_status, monitor_id FROM drf_jobs WHERE finished_at IS NOT NULL"
    [(status, answer_status, monitor_id)] = eventually(lambda: rows_of(job.tenant_id, ended))
    assert (status, answer_status) == ("succeeded", 201)
    assert rows_of(job.tenant_id, "SELECT id FROM drf_monitors") == [(monitor_id,)]


def test_record_ticks__called_as_beat_does__keeps_the_connection_that_holds_its_leadership(
    committed: None,
) -> None:
    connection.ensure_connection()
    held = connection.connection
    detections.record_ticks([])
    assert connection.connection is held


def test_execute_run__called_in_process__names_its_worker(in_tenant: Tenant, flights: Path) -> None:
    run = make_run(make_flights_monitor(flights), week=2)
    detections.execute_run(tenant_id=str(run.tenant_id), run_id=str(run.id))
    assert DetectionRun.objects.values_list("verdict", "worker").get() == ("ok", "local")
