import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from django.db import connection

from drift_detector.events.kafka_clients import WatchedProducer, create_producer
from drift_detector.events.models import OutboxEvent
from drift_detector.events.relay import Relay
from drift_detector.events.services import EventType, emit
from drift_detector.observability.troubles import troubles
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from tests.conftest import connected_as, role_url
from tests.factories import eventually, rows_of

BROKER = os.environ["AUMOS_DRIFT_KAFKA__BOOTSTRAP_SERVERS"]

NOON = "2024-01-29T12:00:00+00:00"
ALERT = {"alert_id": str(uuid4()), "summary": "Flüge: drift in délai", "kind": "statistical"}

type Emit = Callable[..., OutboxEvent]


def data_of(event_type: EventType, key: UUID) -> dict[str, Any]:
    """The smallest data that the type's schema accepts, with floats, None and non-ASCII text among it."""
    more: dict[EventType, dict[str, Any]] = {
        EventType.DETECTED: {"methods": ["ks"], "baseline_version": 1, "rows": 2000},
        EventType.ALERT_RAISED: {"alert_id": str(uuid4()), "summary": "Flüge: drift in délai"},
        EventType.RETRAINING_REQUIRED: {"alert_id": str(uuid4()), "reason": "drift"},
        EventType.ALERT_RESOLVED: ALERT | {"resolved_at": NOON, "resolved_by": ""},
        EventType.ALERT_ACKNOWLEDGED: ALERT
        | {"acknowledged_at": NOON, "acknowledged_by": "user:ana", "reason": "", "note": "Séen."},
    }
    feature = {
        "feature": "délai",
        "method": "psi",
        "statistic": 0.1 + 0.2,
        "p_value": None,
        "effect_size": 1e-300,
    }
    return more[event_type] | {
        "monitor_id": str(key),
        "monitor_name": "Flüge",
        "model_id": str(uuid4()),
        "run_id": str(uuid4()),
        "window_start": "2024-01-22T00:00:00+00:00",
        "window_end": "2024-01-29T00:00:00+00:00",
        "severity": "critical",
        "drifted_features": [feature],
    }


@pytest.fixture
def write(committed_tenant: Tenant) -> Emit:
    """Commit an event: `write(key)`, `write(key, EventType.ALERT_RAISED)`, `write(key, severity="info")`."""

    def emit_and_commit(
        key: UUID, event_type: EventType = EventType.DETECTED, **changes: Any
    ) -> OutboxEvent:
        with tenant_scope(committed_tenant.id):
            emit(event_type, cause=uuid4(), key=key, data=data_of(event_type, key) | changes)
            return OutboxEvent.objects.latest("id")

    return emit_and_commit


def steps(count: int = 1, producer: Callable[[], Producer] = create_producer) -> list[bool]:
    """What so many rounds of one relay answer, on a connection as the relay's role."""
    with connected_as(role_url("relay")):
        relay = Relay(producer)
        return [relay.step() for _ in range(count)]


def key_in(partition: int) -> UUID:
    """A key whose events one relay publishes: its last hexadecimal digit is the partition."""
    return UUID(f"{uuid4().hex[:-1]}{partition:x}")


def stored(event: OutboxEvent, *columns: str) -> Any:
    """A column of the event's row, or several, as the database has them now."""
    (row,) = rows_of(
        event.tenant_id, f"SELECT {', '.join(columns)} FROM drf_outbox WHERE id = %s", event.pk
    )
    return row if len(columns) > 1 else row[0]


def change(event: OutboxEvent, assignment: str, *values: Any) -> None:
    """Change the event's row behind everybody's back: `change(event, "topic = %s", "other")`."""
    query = f"UPDATE drf_outbox SET {assignment} WHERE id = %s RETURNING id"
    assert rows_of(event.tenant_id, query, *values, event.pk)


type Session = Callable[..., Any]


@contextmanager
def relay_sessions(count: int) -> Iterator[list[Session]]:
    """So many sessions of the relay's role at once; each calls what it is given, on a connection of its own."""
    with connected_as(role_url("relay")), ExitStack() as stack:
        pools = [stack.enter_context(ThreadPoolExecutor(1)) for _ in range(count)]
        for pool in pools:
            stack.callback(_end_session, pool)
        yield [
            lambda call, *values, pool=pool: pool.submit(call, *values).result(60) for pool in pools
        ]


def end_session() -> None:
    """To be called in a session: its connection is the thread's own."""
    connection.close()


def _end_session(pool: ThreadPoolExecutor) -> None:
    pool.submit(end_session).result(10)


def messages(*topics: str, key: UUID | None = None) -> list[Message]:
    """All that the broker holds now in these topics, or what it holds with the key; in order within a partition.

    Tansu's high watermark counts a batch as one record, so the end of a partition is known by a mark written there.
    """
    ends = _mark_ends(topics)
    consumer = Consumer({"bootstrap.servers": BROKER, "group.id": "test"})
    consumer.assign([TopicPartition(topic, number, 0) for topic, number in ends])
    found: list[Message] = []
    while ends:
        message = consumer.poll(10)
        assert message is not None, f"the broker does not hand out {ends}"
        assert message.error() is None, message.error()
        place = (str(message.topic()), int(message.partition() or 0))
        if place not in ends:
            continue
        if int(message.offset() or 0) >= ends[place]:
            ends.pop(place)
        elif message.key() is not None:
            found.append(message)
    consumer.close()
    return [message for message in found if key is None or message.key() == str(key).encode()]


def _mark_ends(topics: Sequence[str]) -> dict[tuple[str, int], int]:
    """Write a message without key and value to each partition; returns its offset there."""
    producer, ends = Producer({"bootstrap.servers": BROKER}), {}

    def note(error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        ends[str(message.topic()), int(message.partition() or 0)] = int(message.offset() or 0)

    for topic in topics:
        for number in producer.list_topics(topic, timeout=10).topics[topic].partitions:
            producer.produce(topic, partition=number, on_delivery=note)
    producer.flush()
    return ends


def wait_for_trouble(producer: WatchedProducer) -> None:
    """Poll a producer until this process has a trouble to show."""

    def look() -> bool:
        producer.check()
        return bool(troubles())

    eventually(look)
