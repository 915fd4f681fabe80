"""Outcomes count once, whatever is killed: by the API with retries, and by Kafka."""

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from threading import Event, Thread
from uuid import UUID, uuid4

import numpy as np
import pytest
import requests
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from algorithms.concept_drift.detector_registry import ConceptMethod, new_detector
from drift_detector.embedded.state import unused_port
from drift_detector.events.kafka_clients import create_producer
from drift_detector.tenancy import services as tenancy
from drift_detector.tenancy.models import Role, Tenant
from drift_detector.tenancy.rights import SCOPES
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.drift_detector.events.conftest import BROKER
from tests.e2e.conftest import launch, stopped_together, wait_until, web_command
from tests.factories import make_monitor, rows_of

WEB_KILLS, CONSUMER_KILLS = 5, 5
ENOUGH = 3000
BATCH = 50
DICE = random.Random(4)


def errors(count: int, seed: int) -> list[int]:
    """Errors whose rate goes up and down."""
    rates = np.resize(np.repeat([0.1, 0.5], 600), count)
    found: list[int] = (np.random.default_rng(seed).random(count) < rates).astype(int).tolist()
    return found


@pytest.fixture
def monitor(committed_tenant: Tenant) -> Monitor:
    with tenant_scope(committed_tenant.id):
        return make_monitor(concept_methods=list(ConceptMethod))


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"outcomes-{uuid4()}"
    monkeypatch.setenv("AUMOS_DRIFT_OUTCOMES__TOPIC", name)
    admin = AdminClient({"bootstrap.servers": BROKER})
    for future in admin.create_topics([NewTopic(name, 1)]).values():
        future.result(10)
    return name


@contextmanager
def killed(process: Popen[bytes]) -> Iterator[None]:
    """A process that is killed when the block ends, in whichever way it ends."""
    try:
        yield
    finally:
        process.kill()
        process.wait()


def accepted(monitor: Monitor, stream: str) -> int:
    """Outcomes that the database has of a stream."""
    query = "SELECT sequence FROM drf_outcome_streams WHERE monitor_id = %s AND name = %s"
    found = rows_of(monitor.tenant_id, query, monitor.id, stream)
    return int(found[0][0]) if found else 0


def check_unbroken(monitor: Monitor, stream: str, seen: list[int]) -> None:
    """The states are those of detectors that saw everything at once, and each of their drifts is a run, once."""
    query = """SELECT method, state, drifts FROM drf_detector_states s JOIN drf_outcome_streams o ON o.id = s.stream_id
               WHERE o.monitor_id = %s AND o.name = %s"""
    drifts = 0
    for method, state, counted in rows_of(monitor.tenant_id, query, monitor.id, stream):
        unbroken = new_detector(ConceptMethod(method))
        expected = len(unbroken.update_many(seen).changes)
        assert (state, counted) == (unbroken.as_json(), expected)
        drifts += expected
    runs = """SELECT count(*) FROM drf_runs r JOIN drf_detections d ON d.run_id = r.id WHERE r.monitor_id = %s
              AND r.trigger = 'outcomes' AND d.details->0->'explanation'->>'stream' = %s"""
    assert rows_of(monitor.tenant_id, runs, monitor.id, stream) == [(drifts,)]
    assert drifts > 0


@pytest.mark.slow
def test_outcomes__web_killed_again_and_again__states_are_those_of_an_unbroken_run(
    monitor: Monitor, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with tenant_scope(monitor.tenant_id):
        _, key = tenancy.create_api_key(name="e2e", scopes=SCOPES[Role.OPERATOR])
    port, stream, sent, stopped = unused_port(), errors(200_000, 1), list[int](), Event()
    address = f"http://127.0.0.1:{port}"
    client = Thread(target=post_until, args=(address, key, monitor.id, stream, sent, stopped))
    request.addfinalizer(stopped.set)
    client.start()
    for _ in range(WEB_KILLS):
        with killed(launch("web", web_command(port), tmp_path)):
            wait_until(has_grown(sent))
            time.sleep(DICE.uniform(0, 0.8))
    with stopped_together() as processes:
        processes.append(launch("web", web_command(port), tmp_path))
        wait_until(
            lambda: len(sent) >= ENOUGH
        )  # a loaded machine has not come far between the kills
        stopped.set()
        client.join(60)
    assert accepted(monitor, "web") == len(sent)
    check_unbroken(monitor, "web", sent)


def has_grown(sent: list[int]) -> Callable[[], bool]:
    before = len(sent)
    return lambda: len(sent) > before


def post_until(
    url: str, key: str, monitor_id: UUID, stream: list[int], sent: list[int], stopped: Event
) -> None:
    """Send batches one after the other, each again and again until there is an answer to it, until told to stop."""
    address = f"{url}/api/v1/monitors/{monitor_id}/outcomes?stream=web"
    for start in range(0, len(stream), BATCH):
        if stopped.is_set():
            return
        outcomes = [{"error": value} for value in stream[start : start + BATCH]]
        while True:
            try:
                answer = requests.post(
                    address,
                    json={"batch_id": f"b{start}", "outcomes": outcomes},
                    headers={"Authorization": f"Bearer {key}"},
                    timeout=10,
                )
            except requests.RequestException:
                continue
            assert answer.ok, answer.text
            assert answer.json()["first_sequence"] == start + 1
            sent += stream[start : start + BATCH]
            break


@pytest.mark.slow
def test_outcomes__consumer_killed_again_and_again__states_are_those_of_an_unbroken_run(
    monitor: Monitor, topic: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    stream, stopped = errors(200_000, 2), Event()
    sent: list[int] = []
    sender = Thread(target=send_until, args=(topic, monitor, stream, sent, stopped))
    request.addfinalizer(stopped.set)
    sender.start()
    consume = [sys.executable, "manage.py", "consume_outcomes", "--partitions", "0"]
    for _ in range(CONSUMER_KILLS):
        before = accepted(monitor, "kafka")
        with killed(launch("app", consume, tmp_path)):
            wait_until(more_than(monitor, before))
            time.sleep(DICE.uniform(0, 0.2))
    wait_until(lambda: len(sent) >= ENOUGH)
    stopped.set()
    sender.join()
    with stopped_together() as processes:
        processes.append(launch("app", consume, tmp_path))
        wait_until(lambda: accepted(monitor, "kafka") >= len(sent))
    assert accepted(monitor, "kafka") == len(sent)
    check_unbroken(monitor, "kafka", stream[: len(sent)])


def more_than(monitor: Monitor, before: int) -> Callable[[], bool]:
    return lambda: accepted(monitor, "kafka") > before


def send_until(
    topic: str, monitor: Monitor, stream: list[int], sent: list[int], stopped: Event
) -> None:
    """Some outcomes at a time, in messages of one outcome each, until told to stop."""
    producer = create_producer()
    target = {"tenant_id": str(monitor.tenant_id), "monitor_id": str(monitor.id), "stream": "kafka"}
    for value in stream:
        producer.produce(topic, value=json.dumps(target | {"error": value}).encode())
        sent.append(value)
        if len(sent) % BATCH == 0:
            producer.flush()
            if stopped.wait(0.2):  # what a killed consumer has left is not to take minutes
                return
    producer.flush()
