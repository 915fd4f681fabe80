import os
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from drift_detector.events.kafka import create_producer
from drift_detector.events.models import OutboxEvent
from drift_detector.events.relay import Relay
from drift_detector.events.services import EventType, emit
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from tests.conftest import connected_as, role_url

BROKER = os.environ["AUMOS_DRIFT_KAFKA__BOOTSTRAP_SERVERS"]

type Emit = Callable[..., OutboxEvent]


def data_of(event_type: EventType, key: UUID) -> dict[str, Any]:
    """The smallest data that the type's schema accepts, with floats, None and non-ASCII text among it."""
    more: dict[EventType, dict[str, Any]] = {
        EventType.DETECTED: {"methods": ["ks"], "baseline_version": 1, "rows": 2000},
        EventType.ALERT_RAISED: {"alert_id": str(uuid4()), "summary": "Flüge: drift in délai"},
        EventType.RETRAINING_REQUIRED: {"alert_id": str(uuid4()), "reason": "drift"},
    }
    feature = {"feature": "délai", "method": "psi", "statistic": 0.1 + 0.2, "p_value": None, "effect_size": 1e-300}
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
    """Commit an event: `write(key)`, `write(key, EventType.ALERT_RAISED)`."""

    def emit_and_commit(
        key: UUID, event_type: EventType = EventType.DETECTED, cause: UUID | None = None
    ) -> OutboxEvent:
        with tenant_scope(committed_tenant.id):
            emit(event_type, cause=cause or uuid4(), key=key, data=data_of(event_type, key))
            return OutboxEvent.objects.latest("id")

    return emit_and_commit


def steps(count: int = 1, producer: Callable[[], Producer] = create_producer) -> list[bool]:
    """What so many rounds of one relay answer, on a connection as the relay's role."""
    with connected_as(role_url("relay")):
        relay = Relay(producer)
        return [relay.step() for _ in range(count)]


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
