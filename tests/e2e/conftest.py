"""The real processes of the service, against the test's database, Valkey and broker."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest
import requests
from django.conf import settings

from drift_detector.embedded.state import unused_port
from drift_detector.tenancy import services as tenancy
from drift_detector.tenancy.models import Role
from drift_detector.tenancy.rights import SCOPES
from drift_detector.tenancy.scope import tenant_scope
from tests.conftest import role_url
from tests.data import DRIFTED_WEEK, flights_like

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = (
    180  # for what hangs; a minute of cron on a loaded machine takes longer than a minute
)
# One for each test process, and not the one in which tests look for their wake-ups: real workers take what they find.
REDIS_DATABASE = f"/{8 + int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0').removeprefix('gw')) % 8}"
BEAT = ["beat", "--scheduler", "drift_detector.scheduling.scheduler:TickScheduler", "--pidfile="]


# One client sends more than a client of the world does.
WIDE_LIMITS = {
    f"AUMOS_DRIFT_{name}": str(10**12)
    for name in (
        "THROTTLE__REQUESTS_PER_KEY",
        "THROTTLE__REQUESTS_PER_TENANT",
        "QUOTAS__OUTCOME_ROWS_PER_DAY",
    )
}


class Service:
    """The service, from outside: its address and a key."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {key}"

    def get(self, path: str, **options: Any) -> Any:
        response = self._session.get(self._url + path, timeout=60, **options)
        assert response.ok, response.text
        return response.json()

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        response = self._session.post(self._url + path, json=body or {}, timeout=90, **options)
        assert response.ok, response.text
        return response.json()

    def create_monitor(self, fields: dict[str, Any]) -> Any:
        """Create a monitor; workers of a loaded machine may not be there before the request is answered."""
        answer = self.post("/api/v1/monitors", fields)
        if "answer_status" not in answer:
            return answer
        return wait_until(lambda: self.get(f"/api/v1/jobs/{answer['id']}")["answer"])


@pytest.fixture
def service(committed: None, tmp_path: Path) -> Iterator[Service]:
    """Web, two workers, beat, reconciler and relay, each as its own role."""
    tenant = tenancy.create_tenant(slug="acme", name="Acme")
    with tenant_scope(tenant.id):
        _, key = tenancy.create_api_key(name="e2e", scopes=SCOPES[Role.OPERATOR])
    port = unused_port()
    celery = [sys.executable, "-m", "celery", "-A", "drift_detector"]
    manage = [sys.executable, "manage.py"]
    with stopped_together() as processes:
        for role, command in [
            ("web", web_command(port)),
            ("app", [*celery, "worker", "--concurrency", "1", "--hostname", "one@e2e"]),
            ("app", [*celery, "worker", "--concurrency", "1", "--hostname", "two@e2e"]),
            ("scheduler", [*celery, *BEAT]),
            ("scheduler", [*manage, "reconcile"]),
            ("relay", [*manage, "relay"]),
        ]:
            processes.append(launch(role, command, tmp_path))
        wait_until(lambda: is_listening(port))
        yield Service(f"http://127.0.0.1:{port}", key)


@pytest.fixture
def recent_data(tmp_path: Path) -> dict[str, Any]:
    """A monitor's fields over a week of reference and an hour of drifted rows around now, on a one-minute cron."""
    now = datetime.now(UTC)
    reference = flights_like(week=0, start=now - timedelta(days=30))
    drifted = flights_like(week=DRIFTED_WEEK, start=now - timedelta(days=3.5))
    for name, table in (("reference", reference), ("current", drifted)):
        pq.write_table(table, tmp_path / f"{name}.parquet")
    return {
        "name": "Recent flights",
        "model_id": "6f1b1b3e-5a54-4c89-9c40-5f0f5a6b7c8d",
        "reference_data_uri": str(tmp_path / "reference.parquet"),
        "current_data_uri": str(tmp_path / "current.parquet"),
        "timestamp_column": "departs_at",
        "window": "P1D",
        "schedule_cron": "* * * * *",
    }


def web_command(port: int) -> list[str]:
    return [sys.executable, "-m", "drift_detector.front", "127.0.0.1", str(port)]


def launch(
    role: str, command: list[str], folder: Path, *, database: str | None = None
) -> subprocess.Popen[bytes]:
    """Start a process of the service as its role, at another address of the database if there is one."""
    environment = {
        **os.environ,
        **WIDE_LIMITS,
        "AUMOS_DRIFT_DATABASE__URL": database or role_url(role),
        "AUMOS_DRIFT_REDIS__URL": urlsplit(str(settings.ENV.redis.url))
        ._replace(path=REDIS_DATABASE)
        .geturl(),
        "AUMOS_DRIFT_DATA__ALLOWED_ROOTS": f'["{folder}"]',
        "AUMOS_DRIFT_ALLOWED_HOSTS": '["127.0.0.1"]',
        "AUMOS_DRIFT_STATIC_ROOT": str(folder),
        "AUMOS_DRIFT_RETRAINING_COOLDOWN_SECONDS": "3600",
    }
    return subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)


@contextmanager
def stopped_together() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Stop processes as a supervisor does; each has to end by itself, and well."""
    processes: list[subprocess.Popen[bytes]] = []
    try:
        yield processes
        for process in processes:
            process.send_signal(signal.SIGTERM)
        assert [process.args for process in processes if process.wait(40) != 0] == []
    finally:
        for process in processes:
            process.kill()
            process.wait()


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """Poll until the condition gives something true, and return that."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)
    return result
