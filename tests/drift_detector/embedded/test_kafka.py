import time

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from drift_detector.embedded.kafka import PARTITIONS, TOPICS
from drift_detector.embedded.stack import Stack

PATIENCE_SECONDS = 30


def produce(stack: Stack, topic: str, *values: bytes) -> list[Message]:
    delivered: list[Message] = []
    producer = Producer(
        {"bootstrap.servers": stack.kafka.url, "acks": "all", "enable.idempotence": True}
    )
    for value in values:
        producer.produce(
            topic,
            key=b"monitor",
            value=value,
            on_delivery=lambda _, message: delivered.append(message),
        )
    assert producer.flush(PATIENCE_SECONDS) == 0
    return delivered


def consume(consumer: Consumer, count: int) -> list[bytes | None]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    values: list[bytes | None] = []
    while len(values) < count and time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is not None:
            assert message.error() is None
            values.append(message.value())
    consumer.close()
    return values


def test_topics__started__exist_with_all_partitions(stack: Stack) -> None:
    topics = (
        AdminClient({"bootstrap.servers": stack.kafka.url})
        .list_topics(timeout=PATIENCE_SECONDS)
        .topics
    )
    assert {name: len(topic.partitions) for name, topic in topics.items()} == dict.fromkeys(
        TOPICS, PARTITIONS
    )


def test_produce__idempotent_with_all_acks__every_delivery_confirmed(stack: Stack) -> None:
    delivered = produce(stack, "drift.alert_raised", b"1", b"2", b"3")
    assert [message.offset() for message in delivered if message.error() is None] == [0, 1, 2]


@pytest.mark.parametrize("way", ["assign", "subscribe"])
def test_consume__after_produce__same_values_in_order(stack: Stack, way: str) -> None:
    sent = [f"{way} {number}".encode() for number in range(5)]
    first = produce(stack, "drift.detected", *sent)[0]
    settings = {
        "bootstrap.servers": stack.kafka.url,
        "group.id": way,
        "auto.offset.reset": "earliest",
    }
    consumer = Consumer(settings | {"session.timeout.ms": 6000})
    if way == "assign":
        consumer.assign(
            [TopicPartition("drift.detected", first.partition() or 0, first.offset() or 0)]
        )
    else:
        consumer.subscribe(["drift.detected"])
    assert [
        value for value in consume(consumer, 10 if way == "subscribe" else 5) if value in sent
    ] == sent
