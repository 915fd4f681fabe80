"""Outcomes from a real broker, with a database that other connections see."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import numpy as np
import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from django.conf import LazySettings
from django.db import OperationalError

from algorithms.concept_drift.detector_registry import ConceptMethod, new_detector
from detections.models import ConsumerOffset, DetectorState, OutcomeBatch, OutcomeStream
from detections.outcomes.consumer import OutcomeConsumer
from detections.outcomes.ingest import lock_stream
from detections.outcomes.outcome_tables import rows_from_json
from detections.outcomes.services import accept_outcomes
from drift_detector.events.kafka_clients import create_producer
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_tenant, set_quotas
from monitors.models import Monitor
from monitors.sources import table_from_bytes
from tests.conftest import role_url
from tests.drift_detector.events.conftest import BROKER
from tests.factories import at_once, eventually, make_monitor

type Send = Callable[..., None]

ROUNDS, MANY = 3, 20_000


@pytest.fixture
def topic(override: Callable[..., None]) -> str:
    """A topic of two partitions, and one for dead letters."""
    name = f"outcomes-{uuid4()}"
    override(outcomes={"topic": name, "dead_letter_topic": f"{name}-dead", "group": name})
    admin = AdminClient(
        {"bootstrap.servers": BROKER}
    )  # kept, or it ends before the broker has answered
    made = admin.create_topics([NewTopic(name, 2), NewTopic(f"{name}-dead", 1)])
    for future in made.values():
        future.result(10)
    return name


@pytest.fixture
def monitor(committed_tenant: Tenant) -> Monitor:
    with tenant_scope(committed_tenant.id):
        return make_monitor()


@pytest.fixture
def send(topic: str, monitor: Monitor) -> Send:
    """Put messages into a partition: bodies, which are for the monitor unless they say otherwise, or bytes."""
    producer: Producer = create_producer()

    def produce(*bodies: Any, partition: int = 0) -> None:
        for body in bodies:
            target = {"tenant_id": str(monitor.tenant_id), "monitor_id": str(monitor.id)}
            value = body if isinstance(body, bytes) else json.dumps(target | body).encode()
            producer.produce(topic, value=value, partition=partition)
        producer.flush()

    return produce


def consume(steps: int = 1) -> None:
    consumer = OutcomeConsumer([0])
    for _ in range(steps):
        eventually(consumer.step)
    consumer.close()


def dead_letters(topic: str) -> list[tuple[bytes | None, str]]:
    """Each dead letter with its reason, up to the last one."""
    consumer = Consumer(
        {"bootstrap.servers": BROKER, "group.id": str(uuid4()), "enable.auto.commit": False}
    )
    consumer.assign([TopicPartition(f"{topic}-dead", 0, 0)])
    found = []
    while (message := consumer.poll(3)) is not None:
        reason = dict(message.headers() or [])["reason"]
        assert isinstance(reason, bytes)
        found.append((message.value(), reason.decode()))
    consumer.close()
    return found


def seen(monitor: Monitor) -> int:
    with tenant_scope(monitor.tenant_id):
        return sum(OutcomeStream.objects.values_list("sequence", flat=True))


def test_step__single_outcomes_and_batches__reach_the_detectors_in_order(
    send: Send, monitor: Monitor
) -> None:
    errors = (np.random.default_rng(0).random(60) < 0.3).astype(int).tolist()
    send(*({"error": value} for value in errors[:30]))
    send({"outcomes": [{"prediction": value, "label": 0} for value in errors[30:]]})
    consume()
    with tenant_scope(monitor.tenant_id):
        for state in DetectorState.objects.all():
            unbroken = new_detector(ConceptMethod(state.method))
            unbroken.update_many(errors)
            assert state.state == unbroken.as_json()


def test_step__another_consumer_from_the_beginning__takes_nothing_twice(
    send: Send, monitor: Monitor
) -> None:
    send({"error": 1}, {"error": 0})
    first, second = OutcomeConsumer([0]), OutcomeConsumer([0])
    eventually(first.step)
    eventually(second.step)  # it was placed before the first one had read anything
    assert seen(monitor) == 2
    for each in (first, second):
        each.close()


def test_step__after_a_restart__goes_on_where_the_database_says(
    send: Send, monitor: Monitor, topic: str
) -> None:
    send({"error": 1}, {"error": 0})
    consume()
    send({"error": 1})
    consume()
    assert seen(monitor) == 3
    assert ConsumerOffset.objects.get(topic=topic).next_offset == 3


def test_step__batch_id_again__counts_once(send: Send, monitor: Monitor) -> None:
    send(*[{"batch_id": "a", "outcomes": [{"error": 1}] * 5}] * 3)
    consume()
    assert seen(monitor) == 5


def test_step__batch_id_of_other_outcomes__is_a_dead_letter(
    send: Send, monitor: Monitor, topic: str
) -> None:
    first, other = [{"error": 1}], [{"error": 0}] * 3
    send(*({"batch_id": "a", "outcomes": outcomes} for outcomes in (first, other, first)))
    send({"batch": "a", "outcomes": first})
    consume()
    assert seen(monitor) == 1
    [(value, reason), (_, unknown)] = dead_letters(topic)
    assert json.loads(value or b"")["outcomes"] == other
    assert "'a'" in reason
    assert unknown == "There is no field 'batch'; the nearest is 'batch_id'."


def test_step__unusable__is_dead_lettered_and_the_rest_goes_on(
    send: Send, monitor: Monitor, topic: str
) -> None:
    other = {"monitor_id": str(uuid4()), "error": 1}
    unusable = [
        b"\xff",
        b"[1]",
        b'{"monitor_id": 5}',
        json.dumps({"tenant_id": str(monitor.tenant_id)}).encode(),
    ]
    send(
        {"error": 1},
        *unusable,
        {"error": 7},
        {"error": 0},
        other,
        {"outcomes": 5},
        {"stream": "x" * 101, "error": 1},
    )
    send({"error": 1})
    consume()
    letters = dead_letters(topic)
    assert seen(monitor) == 3
    assert [value for value, _ in letters[:4]] == unusable
    assert len(letters) == 8
    assert "needs an error_scale" in letters[4][1]
    assert "no such monitor" in letters[5][1]


def test_step__message_that_crashes__is_dead_lettered_and_the_rest_goes_on(
    send: Send, monitor: Monitor, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = accept_outcomes

    def fragile(**given: Any) -> Any:
        if "bad" in given["batch_id"]:
            raise RuntimeError("broken")
        return real(**given)

    monkeypatch.setattr("detections.outcomes.consumer.accept_outcomes", fragile)
    deep = b'{"error": ' + b"[" * 9000 + b"]" * 9000 + b"}"
    send(
        {"batch_id": "bad", "error": 1},
        {"error": 1},
        deep,
        {"stream": "\ud800", "error": 1},
        {"error": 0},
    )
    consume()
    assert seen(monitor) == 2
    assert "broken" in [reason for _, reason in dead_letters(topic)]


def test_step__largest_unusable_message__is_dead_lettered_in_part(
    send: Send, monitor: Monitor, topic: str
) -> None:
    send(b"x" * 990_000, {"error": 1})
    consume()
    assert seen(monitor) == 1
    assert len(dead_letters(topic)[0][0] or b"") == 500_000


def test_step__batches_with_ids_among_others__keep_the_topics_order(
    send: Send, monitor: Monitor
) -> None:
    named = [{"batch_id": name, "error": error} for name, error in (("z", 1), ("b", 0), ("a", 1))]
    send({"error": 0}, *named, {"error": 1}, {"error": 0})
    consume()
    with tenant_scope(monitor.tenant_id):
        assert in_order() == [0, 1, 0, 1, 1, 0]


def in_order() -> list[float]:
    """The errors of all batches in the order of their numbers."""
    contents = OutcomeBatch.objects.order_by("first_sequence").values_list("content", flat=True)
    return [
        error
        for content in contents
        for error in table_from_bytes(bytes(content or b""))["error"].to_pylist()
    ]


def test_step__two_consumers_and_streams_in_opposite_orders__do_not_wait_for_each_other(
    send: Send, monitor: Monitor, committed_tenant: Tenant
) -> None:
    with tenant_scope(committed_tenant.id):
        other = make_monitor()
    consumers = [OutcomeConsumer([partition]) for partition in (0, 1)]
    for _ in range(ROUNDS):
        for partition, order in enumerate(((monitor, other), (other, monitor))):
            bodies = (
                {"monitor_id": str(each.id), "outcomes": [{"error": 1}] * MANY} for each in order
            )
            send(*bodies, partition=partition)
        at_once(*(partial(eventually, consumer.step) for consumer in consumers))
    for consumer in consumers:
        consumer.close()
    wanted = ROUNDS * 4 * MANY
    assert seen(monitor) == wanted  # of the tenant's two monitors


def test_step__drift_while_a_request_holds_another_stream_of_the_monitor__lets_it_pass(
    send: Send, monitor: Monitor
) -> None:
    rising = [{"error": int(n > 300)} for n in range(600)]
    send({"stream": "a", "outcomes": rising}, {"stream": "b", "outcomes": rising})

    def request() -> None:
        with tenant_scope(monitor.tenant_id):
            lock_stream(monitor.id, "b")
            eventually(someone_waits)
            rows = rows_from_json(rising)
            assert accept_outcomes(monitor=monitor, stream="b", batch_id="x", rows=rows).signals

    at_once(request, consume)
    assert seen(monitor) == 1800


def someone_waits() -> bool:
    """Whether a session of this database waits for another's lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(role_url("commands")) as database:
        return database.execute(query).fetchone() != (0,)


def test_step__outcomes_over_the_quota__are_dead_lettered_and_other_tenants_go_on(
    send: Send, topic: str, monitor: Monitor
) -> None:
    rival = create_tenant(slug="rival", name="Rival")
    with tenant_scope(rival.id):
        theirs = make_monitor()
    with tenant_scope(monitor.tenant_id):
        set_quotas(outcome_rows_per_day=2)
    send(*({"error": value} for value in (0, 1, 0)))
    send({"error": 1, "tenant_id": str(rival.id), "monitor_id": str(theirs.id)})
    consume()
    assert (seen(monitor), seen(theirs)) == (2, 1)
    [(_, reason)] = dead_letters(topic)
    assert "The quota of 2 outcomes a day has no room for 1 more: 2 are used, until " in reason


def test_step__monitor_of_another_tenant__is_dead_lettered(
    send: Send, monitor: Monitor, topic: str
) -> None:
    send({"tenant_id": str(uuid4()), "error": 1})
    consume()
    assert seen(monitor) == 0
    assert "no such monitor" in dead_letters(topic)[0][1]


def test_step__empty_message__is_dead_lettered(send: Send, topic: str, monitor: Monitor) -> None:
    send(b"", {"error": 1})
    consume()
    assert seen(monitor) == 1
    assert len(dead_letters(topic)) == 1


def test_step__in_a_consumer_group__takes_its_partitions_over(send: Send, monitor: Monitor) -> None:
    send({"error": 1}, {"error": 0})
    consumer = OutcomeConsumer()
    eventually(consumer.step)
    consumer.close()
    assert seen(monitor) == 2


def test_step__database_away__reads_the_messages_again(
    send: Send, monitor: Monitor, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    send({"error": 1}, {"error": 0})
    consumer = OutcomeConsumer([0])
    with monkeypatch.context() as patched:
        # the fault comes in the middle of a transaction
        patched.setattr("detections.outcomes.consumer.accept_outcomes", _fail)
        with pytest.raises(OperationalError):
            eventually(consumer.step)
    eventually(consumer.step)
    consumer.close()
    assert seen(monitor) == 2


def _fail(**_: Any) -> None:
    raise OperationalError("away")


@pytest.fixture
def mock_broker(override: Callable[..., None]) -> Iterator[None]:
    """librdkafka's mock cluster, which unlike Tansu says that an offset is out of range."""
    owner = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 0})
    broker = next(iter(owner.list_topics(timeout=10).brokers.values()))
    override(
        kafka={"bootstrap_servers": f"{broker.host}:{broker.port}"},
        outcomes={"topic": "mock", "group": "mock"},
    )
    yield
    owner.flush()  # it lives until here


@pytest.mark.usefixtures("mock_broker")
def test_step__topic_made_anew_with_fewer_messages__begins_at_its_beginning(
    monitor: Monitor,
) -> None:
    producer = create_producer()
    target = {"tenant_id": str(monitor.tenant_id), "monitor_id": str(monitor.id)}
    for error in (1, 0, 1):
        producer.produce("mock", partition=0, value=json.dumps(target | {"error": error}))
    producer.flush()
    ConsumerOffset.objects.create(group="mock", topic="mock", partition=0, next_offset=100)
    consume()
    assert seen(monitor) == 3
    assert ConsumerOffset.objects.get(topic="mock").next_offset == 3
