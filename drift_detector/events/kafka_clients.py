"""Creates the Kafka clients, all with the same settings."""

from typing import Any, Literal

from confluent_kafka import Consumer, Producer
from django.conf import settings

from drift_detector.events.broker_watch import BrokerWatch, broker_answers
from drift_detector.events.certificates import certificate_watch
from drift_detector.setting_groups.server_settings import Kafka


class WatchedProducer(Producer):
    """A producer whose log and troubles its watch reports."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.watch = BrokerWatch("producer")
        super().__init__(config | {"logger": self.watch, "error_cb": self.watch.on_error})

    def check(self) -> None:
        """Take in what librdkafka has to say; call it in each round, also in one without work."""
        self.poll(0)
        self.watch.check(lambda: broker_answers(self))
        certificate_watch().check()


class WatchedConsumer(Consumer):
    """A consumer whose log and troubles its watch reports."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.watch = BrokerWatch("consumer")
        super().__init__(config | {"logger": self.watch, "error_cb": self.watch.on_error})

    def check(self) -> None:
        """Find out whether an outage has ended; `consume` takes in what librdkafka has to say."""
        self.watch.check(lambda: broker_answers(self))
        certificate_watch().check()


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
    further = {name: value.get_secret_value() for name, value in kafka.config.items()}
    return {
        "bootstrap.servers": kafka.bootstrap_servers,
        "client.id": "aumos-drift-detector",
        "reconnect.backoff.max.ms": 10_000,
        # The other strategy begins with the shortest backoff again whenever all brokers are away,
        # which makes twenty tries a second. The addresses of `bootstrap.servers` are kept anyway.
        "metadata.recovery.strategy": "none",
        **_security(kafka),
        **further,
    }


def _security(kafka: Kafka) -> dict[str, str]:
    """The properties of TLS and of the login, without those that are not set."""
    login = {
        "sasl.mechanism": kafka.sasl_mechanism,
        "sasl.username": kafka.sasl_username,
        "sasl.password": kafka.sasl_password.get_secret_value(),
    }
    files = {
        "ssl.ca.location": kafka.ssl_ca_location,
        "ssl.certificate.location": kafka.ssl_certificate_location,
        "ssl.key.location": kafka.ssl_key_location,
        "ssl.key.password": kafka.ssl_key_password.get_secret_value(),
    }
    chosen = (login if kafka.sasl_username else {}) | files
    given = {name: str(value) for name, value in chosen.items() if value}
    return {"security.protocol": kafka.security_protocol} | given
