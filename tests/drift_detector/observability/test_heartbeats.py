"""`/metrics` and `/healthz` of the processes that are not web, asked by HTTP."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.utils import timezone

from drift_detector.observability.heartbeats import Heartbeat, serve

Ask = Callable[[str], requests.Response]


@pytest.fixture
def heartbeat() -> Heartbeat:
    return Heartbeat("relay", pause=timedelta(seconds=30))


@pytest.fixture
def ask(heartbeat: Heartbeat) -> Iterator[Ask]:
    server = serve(heartbeat, "127.0.0.1", 0)
    with requests.Session() as session:
        yield lambda path: session.get(f"http://127.0.0.1:{server.server_port}{path}", timeout=10)
    server.shutdown()
    server.server_close()


def hours_ago(hours: int) -> Any:
    return timezone.now() - timedelta(hours=hours)


def test_healthz__after_a_round__says_who_it_is_and_what_it_did(
    heartbeat: Heartbeat, ask: Ask
) -> None:
    heartbeat.record("worked")
    answer = ask("/healthz")
    said = answer.json()
    assert (answer.status_code, said["status"], said["process"], said["pid"]) == (
        200,
        "ok",
        "relay",
        os.getpid(),
    )
    assert (said["started"], said["limit_seconds"]) == (heartbeat.started.isoformat(), 30 + 120)
    assert said["last_round"]["did"] == "worked"
    assert said["started"] < said["last_round"]["at"] < timezone.now().isoformat()


def test_healthz__no_round_since_the_start__is_well_until_one_is_overdue(
    heartbeat: Heartbeat, ask: Ask
) -> None:
    answer = ask("/healthz")
    assert (answer.status_code, answer.json()["last_round"]) == (200, None)
    heartbeat.started = hours_ago(1)
    answer = ask("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (503, "overdue")


def test_healthz__last_round_too_long_ago__503_until_the_next(
    heartbeat: Heartbeat, ask: Ask
) -> None:
    heartbeat.last = ("idle", hours_ago(1))
    assert ask("/healthz").status_code == 503
    heartbeat.record("idle")
    assert ask("/healthz").status_code == 200


def test_metrics__a_round__is_exposed_with_its_limit(heartbeat: Heartbeat, ask: Ask) -> None:
    heartbeat.record("idle")
    answer = ask("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert 'drift_round_limit_seconds{process="relay"} 150.0' in answer.text
    assert 'drift_rounds_total{did="idle",process="relay"}' in answer.text


def test_anything_else__is_not_found(ask: Ask) -> None:
    assert ask("/admin").status_code == 404


def test_serve__address_taken__stops_with_a_message(heartbeat: Heartbeat) -> None:
    first = serve(heartbeat, "127.0.0.1", 0)
    with pytest.raises(
        SystemExit, match=f"127.0.0.1:{first.server_port} of AUMOS_DRIFT_METRICS__HOST"
    ):
        serve(heartbeat, "127.0.0.1", first.server_port)
    first.shutdown()
    first.server_close()
