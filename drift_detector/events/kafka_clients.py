"""Kafka clients, configured in one place."""

from typing import Any, Literal

from confluent_kafka import Consumer, Producer
from django.conf import settings


def create_producer(**overrides: Any) -> Producer:
    """An idempotent producer that waits for all in-sync replicas."""
    return Producer(
        _common()
        | {
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 5,
            "delivery.timeout.ms": 15_000,
            # Well before that: what waits for a topic that is missing would time out, as if the broker was away.
            "topic.metadata.propagation.max.ms": 3_000,
        }
        | overrides
    )


def create_consumer(*, group: str, reset: Literal["earliest", "error"]) -> Consumer:
    """A consumer that commits nothing by itself.

    Args:
        group: Its consumer group.
        reset: Where to go on when the broker does not have an offset: at the beginning, or not at all.
    """
    return Consumer(
        _common()
        | {
            "group.id": group,
            "auto.offset.reset": reset,
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
            "allow.auto.create.topics": True,
        }
    )


def _common() -> dict[str, Any]:
    kafka = settings.ENV.kafka
    return {
        "bootstrap.servers": kafka.bootstrap_servers,
        "client.id": "aumos-drift-detector",
        **kafka.config,
    }
