from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from django.db import connection
from rest_framework.test import APIClient

from detections.models import DetectionRun
from detections.runs.execution import execute
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.conftest import client_of
from tests.factories import make_flights_monitor
from tests.remembered_fits import remembered_fits  # noqa: F401
from tests.run_fixtures import committed_monitor, committed_run, flights_monitor, monitor, run  # noqa: F401


@pytest.fixture
def committed_api(committed_tenant: Tenant) -> APIClient:
    return client_of(committed_tenant.id)


@pytest.fixture
def live_monitor(committed_tenant: Tenant, flights: Path) -> Iterator[Monitor]:
    """A committed monitor of `flights`, and a worker that executes what is queued."""
    with tenant_scope(committed_tenant.id):
        monitor = make_flights_monitor(flights)
    with _worker(committed_tenant):
        yield monitor


@contextmanager
def _worker(tenant: Tenant) -> Iterator[None]:
    stopped = Event()

    def work() -> None:
        while not stopped.wait(0.02):
            with tenant_scope(tenant.id):
                queued = list(
                    DetectionRun.objects.filter(status="queued").values_list("id", flat=True)
                )
            for run_id in queued:
                execute(tenant_id=tenant.id, run_id=run_id, worker="thread")
        connection.close()

    thread = Thread(target=work)
    thread.start()
    yield
    stopped.set()
    thread.join()
