"""Creates the Kafka clients, all with the same settings."""

from typing import Any, Literal

from confluent_kafka import Consumer, Producer
from django.conf import settings


def create_producer(**overrides: Any) -> Producer:
    """An idempotent producer that waits for all in-sync replicas.

    Args:
        overrides: Settings of librdkafka that replace these.
    """
    return Producer(
        _common()
        | {
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 5,
            "delivery.timeout.ms": 15_000,
            # Less than the delivery timeout: otherwise a message for a missing topic would time
            # out, as if the broker were unavailable.
            "topic.metadata.propagation.max.ms": 3_000,
        }
        | overrides
    )


def create_consumer(*, group: str, reset: Literal["earliest", "error"]) -> Consumer:
    """A consumer that does not commit offsets by itself.

    Args:
        group: The consumer group.
        reset: The reaction to a missing offset: begin with the first message, or fail.
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
