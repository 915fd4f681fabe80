import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.db import connection
from django.utils import timezone

from detections.models import DetectionRun
from drift_detector.celery import BROKER_RUN_ID_KEY
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from tests.conftest import role_url
from tests.factories import (
    eventually,
    expire_lease,
    make_monitor,
    make_run,
    rows_of,
    take,
    wake_ups,
)


@pytest.fixture
def reconciler(committed_tenant: Tenant) -> Iterator[subprocess.Popen[bytes]]:
    """`manage.py reconcile` as the scheduler's role, once a second."""
    name = str(connection.settings_dict["NAME"])
    environment = os.environ | {
        "AUMOS_DRIFT_DATABASE__URL": role_url("scheduler", name),
        "AUMOS_DRIFT_RUNS__RECONCILE_SECONDS": "1",
    }
    command = [sys.executable, str(Path(__file__).parents[2] / "manage.py"), "reconcile"]
    process = subprocess.Popen(command, env=environment)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def run(committed_tenant: Tenant) -> DetectionRun:
    with tenant_scope(committed_tenant.id):
        return make_run(make_monitor(), enqueued_at=timezone.now())


def test_reconcile__broker_emptied__what_was_enqueued_is_enqueued_again_at_once(
    run: DetectionRun, reconciler: subprocess.Popen[bytes]
) -> None:
    sent = {"tenant_id": str(run.tenant_id), "run_id": str(run.id)}
    with redis.Redis.from_url(os.environ["AUMOS_DRIFT_REDIS__URL"]) as client:
        for _ in range(2):  # the first is that of a broker that was never asked
            client.flushdb()
            assert eventually(lambda: wake_ups("detections.execute_run")) == [sent]
            eventually(lambda: client.exists(BROKER_RUN_ID_KEY))


def test_reconcile__running__takes_abandoned_runs_back_and_ends_on_term(
    run: DetectionRun, reconciler: subprocess.Popen[bytes]
) -> None:
    take(run)
    expire_lease(run)
    returned = "SELECT reason FROM drf_runs WHERE status = 'queued'"
    assert eventually(lambda: rows_of(run.tenant_id, returned)) == [
        ("The worker stopped answering.",)
    ]
    eventually(
        lambda: (
            {"tenant_id": str(run.tenant_id), "run_id": str(run.id)}
            in wake_ups("detections.execute_run")
        )
    )
    reconciler.send_signal(signal.SIGTERM)
    assert reconciler.wait(20) == 0
