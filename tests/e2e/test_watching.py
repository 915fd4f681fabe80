"""Real processes, watched from outside: what they count, say of themselves, and trace."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from drift_detector.embedded.state import unused_port
from drift_detector.tenancy import services as tenancy
from drift_detector.tenancy.models import Role, Tenant
from drift_detector.tenancy.rights import SCOPES
from drift_detector.tenancy.scope import tenant_scope
from tests.drift_detector.collector import Collector, attributes, collecting
from tests.e2e.conftest import (
    BEAT,
    Service,
    is_listening,
    launch,
    stopped_together,
    wait_until,
    web_command,
)
from tests.factories import make_flights_monitor

pytestmark = pytest.mark.slow

CELERY = [sys.executable, "-m", "celery", "-A", "drift_detector"]
WORKER = [
    *CELERY,
    "worker",
    "--concurrency",
    "2",
    "--hostname",
    "watched@e2e",
    "--max-tasks-per-child",
    "1",
]


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """Where the next process that is launched is to be watched."""
    port = unused_port()
    monkeypatch.setenv("AUMOS_DRIFT_METRICS__PORT", str(port))
    return port


def samples(port: int, name: str) -> dict[str, float]:
    """The samples of a metric by their labels' values."""
    text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text
    found = (each for family in text_string_to_metric_families(text) for each in family.samples)
    return {" ".join(each.labels.values()): each.value for each in found if each.name == name}


def last_round(port: int) -> dict[str, Any] | None:
    answer = requests.get(f"http://127.0.0.1:{port}/healthz", timeout=30)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] | None = answer.json()["last_round"]
    return found


def request_runs(service: Service, monitor_id: object, count: int) -> list[dict[str, Any]]:
    return [service.post(f"/api/v1/monitors/{monitor_id}/run?wait=60") for _ in range(count)]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as collector:
        monkeypatch.setenv("AUMOS_DRIFT_TRACING__ENDPOINT", collector.url)
        yield collector


def test_worker__runs_in_children_that_are_recycled__are_all_counted_and_traced_to_their_requests(
    committed_tenant: Tenant,
    flights: Path,
    port: int,
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with tenant_scope(committed_tenant.id):
        monitor = make_flights_monitor(flights)
        _, key = tenancy.create_api_key(name="e2e", scopes=SCOPES[Role.OPERATOR])
    web = unused_port()
    with stopped_together() as processes:
        processes.append(launch("app", WORKER, flights.parent))
        monkeypatch.delenv("AUMOS_DRIFT_METRICS__PORT")
        processes.append(launch("web", web_command(web), flights.parent))
        wait_until(lambda: is_listening(port) and is_listening(web))
        runs = request_runs(Service(f"http://127.0.0.1:{web}", key), monitor.id, 3)
        assert {run["status"] for run in runs} == {"succeeded"}
        wait_until(lambda: samples(port, "drift_run_attempts_total")["succeeded"] == 3)
        assert samples(port, "drift_run_phase_seconds_count")["evaluate"] == 3
        assert samples(port, "drift_run_attempts_in_progress") in ({}, {"": 0})
        assert wait_until(lambda: last_round(port))["did"] == "heartbeat"
        traced = wait_until(
            lambda: len(found := collector.named("detections.execute_run")) == 3 and found
        )
    assert {attributes(span)["drift.run_id"] for span in traced} == {run["id"] for run in runs}
    requested = collector.named("POST api/v1/monitors/<uuid:pk>/run")
    assert {span.parent_span_id for span in traced} == {span.span_id for span in requested}
    assert {span.trace_id for span in traced} == {span.trace_id for span in requested}


@pytest.mark.parametrize(
    ("role", "command", "process"),
    [
        ("scheduler", [*CELERY, *BEAT], "beat"),
        ("scheduler", [sys.executable, "manage.py", "reconcile"], "reconciler"),
        ("relay", [sys.executable, "manage.py", "relay"], "relay"),
        ("app", [sys.executable, "manage.py", "consume_outcomes"], "consumer"),
    ],
)
def test_process__after_a_round__says_who_it_is_and_when_it_was(
    committed: None, tmp_path: Path, port: int, role: str, command: list[str], process: str
) -> None:
    with stopped_together() as processes:
        processes.append(launch(role, command, tmp_path))
        wait_until(lambda: is_listening(port))
        assert wait_until(lambda: last_round(port))["did"] in ("idle", "tick")
        assert list(samples(port, "drift_last_round_timestamp_seconds")) == [process]
        assert samples(port, "process_resident_memory_bytes")[""] > 0
