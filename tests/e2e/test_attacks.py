"""The attacks of `make attack` in their smallest form, against a real web process and a real worker.

Nothing is measured here; each attack gets its stated answer, and the service goes on. The guards by
themselves have tests of their own, which `docs/security.md` names.
"""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests

from drift_detector.embedded.state import unused_port
from drift_detector.tenancy import services as tenancy
from drift_detector.tenancy.models import Role, Tenant
from drift_detector.tenancy.rights import SCOPES
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.attack.hostile_files import make_all
from tests.e2e.conftest import (
    is_listening,
    launch,
    stopped_together,
    wait_until,
    web_command,
)

pytestmark = pytest.mark.slow
SETTINGS = {
    "THROTTLE__WRONG_KEYS_PER_ADDRESS": "3",
    "WEB__MAX_WAITING_PER_TENANT": "1",
    "WEB__MAX_FORM_BYTES": "1000",
    "RUNS__MAX_ATTEMPTS": "1",
}
WORKER = [sys.executable, "-m", "celery", "-A", "drift_detector", "worker", "--concurrency", "1"]
SOCKETS, PATIENCE_SECONDS = 40, 90


@dataclass(frozen=True)
class Target:
    """The service that is attacked, its worker, a key, and the folder that a tenant's data are in."""

    port: int
    key: str
    tenant: Tenant
    folder: Path
    worker: subprocess.Popen[bytes]

    def ask(
        self, path: str, body: Any = None, *, key: str = "", method: str = ""
    ) -> requests.Response:
        return requests.request(
            method or ("GET" if body is None else "POST"),
            f"http://127.0.0.1:{self.port}{path}",
            json=body,
            headers={"Authorization": f"Bearer {key or self.key}"},
            timeout=PATIENCE_SECONDS,
        )

    def is_well(self) -> bool:
        """True if the service answers those who do it no harm."""
        paths = ("/healthz", "/api/v1/monitors")
        return [self.ask(path).status_code for path in paths] == [200, 200]

    def answer_of(self, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        """The status and the body of an answer, of the job where the answer is one."""
        answer = self.ask(path, body)
        if answer.status_code != 202:
            return answer.status_code, answer.json()
        job = f"/api/v1/jobs/{answer.json()['id']}"
        found = wait_until(lambda: _finished(self.ask(job).json()))
        return found["answer_status"], found["answer"]


def _finished(job: dict[str, Any]) -> dict[str, Any] | None:
    return job if job["answer_status"] else None


@pytest.fixture
def target(
    committed_tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Target]:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(f"AUMOS_DRIFT_{name}", value)
    with tenant_scope(committed_tenant.id):
        _, key = tenancy.create_api_key(name="attacker", scopes=SCOPES[Role.OPERATOR])
    port = unused_port()
    with stopped_together() as processes:
        processes.append(launch("web", web_command(port), tmp_path))
        processes.append(launch("app", WORKER, tmp_path))
        wait_until(lambda: is_listening(port))
        yield Target(port, key, committed_tenant, tmp_path, processes[-1])


def test_attacks__each__gets_its_stated_answer_and_the_service_goes_on(target: Target) -> None:
    for attack in (slow_heads, wrong_keys, large_form, hostile_preview, hostile_run, quota):
        attack(target)
        assert target.is_well(), attack.__name__
        assert target.worker.poll() is None, attack.__name__
    waiters(target)
    assert target.is_well()


def slow_heads(target: Target) -> None:
    held = [socket.create_connection(("127.0.0.1", target.port)) for _ in range(SOCKETS)]
    for connection in held:
        connection.sendall(b"GET /api/v1/monitors HTT")
    assert target.is_well()
    for connection in held:
        connection.close()


def wrong_keys(target: Target) -> None:
    found = [target.ask("/api/v1/monitors", key=f"drift_{uuid4().hex}") for _ in range(5)]
    assert [answer.status_code for answer in found] == [401, 401, 401, 429, 429]
    assert int(found[-1].headers["Retry-After"]) > 0


def large_form(target: Target) -> None:
    with socket.create_connection(("127.0.0.1", target.port), timeout=30) as connection:
        connection.sendall(
            b"POST /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 300000000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        )
        assert b" 413 " in connection.recv(1000).split(b"\r\n")[0]


def hostile_preview(target: Target) -> None:
    (file,) = make_all(target.folder / "preview", ("arrow_forged_length",))
    status, problem = target.answer_of("/api/v1/monitors/preview", fields_of(file.uri))
    assert status == 400
    assert "unpacks to more than" in problem["errors"][0]["reason"]


def hostile_run(target: Target) -> None:
    """The data of a monitor become hostile after it was made."""
    (file,) = make_all(target.folder / "run", ("parquet_forged_page",))
    current = target.folder / "current.parquet"
    pq.write_table(pa.table({"n": range(1000), "text": list(map(str, range(1000)))}), current)
    status, monitor = target.answer_of("/api/v1/monitors", fields_of(str(current)))
    assert status == 201
    shutil.copy(file.uri, current)
    run = target.ask(f"/api/v1/monitors/{monitor['id']}/run", {}).json()
    ended = wait_until(lambda: _ended(target.ask(f"/api/v1/runs/{run['id']}").json()))
    assert (ended["status"], ended["verdict"]) == ("failed", "error")
    assert "it is damaged" in ended["reason"]


def _ended(run: dict[str, Any]) -> dict[str, Any] | None:
    return run if run["finished_at"] else None


def quota(target: Target) -> None:
    with tenant_scope(target.tenant.id):
        tenancy.set_quotas(monitors=1)
        before = Monitor.objects.count()
    body = fields_of(str(target.folder / "whole.parquet"))
    answer = target.ask("/api/v1/monitors", body)
    assert (answer.status_code, answer.json()["quota"]["limit"]) == (429, 1)
    with tenant_scope(target.tenant.id):
        assert Monitor.objects.count() == before == 1


def waiters(target: Target) -> None:
    """Two wait for runs that no worker does, where one has a place: the other is answered at once."""
    target.worker.terminate()
    assert target.worker.wait(60) == 0
    (monitor,) = target.ask("/api/v1/monitors").json()["results"]
    path = f"/api/v1/monitors/{monitor['id']}/run?wait=10"
    with ThreadPoolExecutor(2) as pool:
        asked: list[Future[requests.Response]] = [
            pool.submit(target.ask, path, {}) for _ in range(2)
        ]
        first, waiting = wait(asked, return_when=FIRST_COMPLETED)
        assert (len(first), len(waiting)) == (1, 1)
        assert first.pop().result().status_code == 202
        assert target.is_well()


def fields_of(uri: str) -> dict[str, Any]:
    return {
        "name": str(uuid4()),
        "model_id": str(uuid4()),
        "reference_data_uri": uri,
        "current_data_uri": uri,
        "schedule_cron": "0 0 1 1 *",
    }
