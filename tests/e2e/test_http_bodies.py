"""Request bodies as they come over the wire, read by the web process."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from drift_detector.embedded.state import unused_port
from drift_detector.tenancy import services as tenancy
from drift_detector.tenancy.models import Role, Tenant
from drift_detector.tenancy.rights import SCOPES
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.e2e.conftest import (
    is_listening,
    launch,
    stopped_together,
    wait_until,
    web_command,
)
from tests.factories import make_monitor

OUTCOMES = [{"prediction": 1, "label": 0}] * 3
LIMIT = 200_000


class Web:
    """The web process: its port, a key and a monitor."""

    def __init__(self, port: int, key: str, monitor: Monitor) -> None:
        self.port, self.key = port, key
        self.path = f"/api/v1/monitors/{monitor.id}/outcomes"

    def post(self, body: object, **headers: str) -> requests.Response:
        """Post a body; an iterator goes out in chunks."""
        return requests.post(
            f"http://127.0.0.1:{self.port}{self.path}",
            data=body,  # type: ignore[arg-type]
            headers={"Authorization": f"Bearer {self.key}", **headers},
            timeout=60,
        )


@pytest.fixture
def web(committed_tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("AUMOS_DRIFT_DATA__MAX_INLINE_BYTES", str(LIMIT))
    with tenant_scope(committed_tenant.id):
        monitor = make_monitor()
        _, key = tenancy.create_api_key(name="wire", scopes=SCOPES[Role.OPERATOR])
    port = unused_port()
    with stopped_together() as processes:
        processes.append(launch("web", web_command(port), tmp_path))
        wait_until(lambda: is_listening(port))
        yield Web(port, key, monitor)


def chunks(text: str) -> Iterator[bytes]:
    """The text in chunks of seven bytes."""
    data = text.encode()
    for start in range(0, len(data), 7):
        yield data[start : start + 7]


@pytest.mark.slow
def test_body__in_chunks__is_read_whole_or_refused(web: Web) -> None:
    as_json = web.post(chunks(json.dumps(OUTCOMES)), **{"Content-Type": "application/json"})
    assert (as_json.status_code, as_json.json()["rows"]) == (200, 3)
    lines = "\n".join(map(json.dumps, OUTCOMES))
    as_lines = web.post(chunks(lines), **{"Content-Type": "application/x-ndjson"})
    assert (as_lines.status_code, as_lines.json()["rows"]) == (200, 3)
    for kind in ("application/json", "application/x-ndjson", "application/vnd.apache.arrow.stream"):
        assert web.post(iter([]), **{"Content-Type": kind}).status_code == 400
        assert web.post(b"", **{"Content-Type": kind}).status_code == 400


@pytest.mark.slow
def test_body__over_the_limit__is_413_however_it_comes(web: Web) -> None:
    large = json.dumps([{"prediction": 1, "label": 0, "prediction_id": "x" * 100}] * 3000)
    for body in (large.encode(), chunks(large)):
        for kind in ("application/json", "application/x-ndjson"):
            answer = web.post(body, **{"Content-Type": kind})
            assert answer.status_code == 413, answer.text
            assert answer.headers["Content-Type"] == "application/problem+json"
            body = chunks(large) if not isinstance(body, bytes) else body


@pytest.mark.slow
def test_body__broken_chunk__is_refused_and_nothing_is_taken(web: Web) -> None:
    request = (
        f"POST {web.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {web.key}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        '5\r\n[{"pr\r\nzz\r\n'
    )
    with socket.create_connection(("127.0.0.1", web.port), timeout=30) as connection:
        connection.sendall(request.encode())
        connection.shutdown(socket.SHUT_WR)
        assert b" 400 " in connection.recv(1000).split(b"\r\n")[0]
