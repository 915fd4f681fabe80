"""Creates the Kafka clients, all with the same settings."""

from typing import Any, Literal

from confluent_kafka import Consumer, Producer
from django.conf import settings

from drift_detector.events.broker_watch import BrokerWatch, broker_answers


class WatchedProducer(Producer):
    """A producer whose log and troubles are told by its watch."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.watch = BrokerWatch("producer")
        super().__init__(config | {"logger": self.watch, "error_cb": self.watch.on_error})

    def check(self) -> None:
        """Take in what librdkafka has to say; call it in each round, also in one without work."""
        self.poll(0)
        self.watch.check(lambda: broker_answers(self))


class WatchedConsumer(Consumer):
    """A consumer whose log and troubles are told by its watch."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.watch = BrokerWatch("consumer")
        super().__init__(config | {"logger": self.watch, "error_cb": self.watch.on_error})

    def check(self) -> None:
        """Find out whether an outage has ended; `consume` takes in what librdkafka has to say."""
        self.watch.check(lambda: broker_answers(self))


def create_producer(**overrides: Any) -> WatchedProducer:
    """An idempotent producer that waits for all in-sync replicas.

    Args:
        overrides: Settings of librdkafka that replace these.
    """
    return WatchedProducer(
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


def create_consumer(*, group: str, reset: Literal["earliest", "error"]) -> WatchedConsumer:
    """A consumer that does not commit offsets by itself.

    Args:
        group: The consumer group.
        reset: The reaction to a missing offset: begin with the first message, or fail.
    """
    return WatchedConsumer(
        _common()
        | {
            "group.id": group,
            "auto.offset.reset": reset,
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
            "allow.auto.create.topics": True,
            # How soon the topic of a new tenant is found.
            "topic.metadata.refresh.interval.ms": 30_000,
        }
    )


def _common() -> dict[str, Any]:
    kafka = settings.ENV.kafka
    return {
        "bootstrap.servers": kafka.bootstrap_servers,
        "client.id": "aumos-drift-detector",
        "reconnect.backoff.max.ms": 10_000,
        # The other strategy begins with the shortest backoff again whenever all brokers are away,
        # which makes twenty tries a second. The addresses of `bootstrap.servers` are kept anyway.
        "metadata.recovery.strategy": "none",
        **kafka.config,
    }
