"""Sends events to Kafka and collects its delivery reports."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from drift_detector.events.broker_watch import BrokerWatch
from drift_detector.events.kafka_clients import WatchedProducer
from drift_detector.events.models import OutboxEvent

log = structlog.get_logger(__name__)

# Errors that no later try can change, so the event is dead-lettered in the end. All other errors
# (timeouts, missing topics or rights) can be repaired meanwhile.
PERMANENT = {
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.RECORD_LIST_TOO_LARGE,
    KafkaError.INVALID_MSG_SIZE,
    KafkaError.INVALID_RECORD,
    KafkaError.INVALID_TIMESTAMP,
    KafkaError.TOPIC_EXCEPTION,
}
# Errors of every event while the broker is unavailable; they say nothing about one topic.
UNAVAILABLE = {
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._AUTHENTICATION,
    KafkaError._MSG_TIMED_OUT,
    KafkaError._PURGE_INFLIGHT,
    KafkaError._PURGE_QUEUE,
    KafkaError._RESOLVE,
    KafkaError._SSL,
    KafkaError._TIMED_OUT,
    KafkaError._TIMED_OUT_QUEUE,
    KafkaError._TRANSPORT,
    KafkaError.BROKER_NOT_AVAILABLE,
    KafkaError.NETWORK_EXCEPTION,
    KafkaError.REQUEST_TIMED_OUT,
}
# Errors of every event of a producer that the broker no longer knows, such as after it was out of reach; the next
# producer has an identity of its own. librdkafka calls some of them fatal, and only some of them.
OF_PRODUCER = {
    KafkaError._FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.INVALID_PRODUCER_ID_MAPPING,
    KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
    KafkaError.PRODUCER_FENCED,
    KafkaError.UNKNOWN_PRODUCER_ID,
}
# librdkafka reports a topic with an invalid name as unknown, which would be worth waiting for.
TOPIC_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
HEADERS: dict[str, str | bytes | None] = {
    "content-type": "application/cloudevents+json; charset=UTF-8"
}


@dataclass(slots=True)
class DeliveryReports:
    """The delivery reports of the events that were sent, by the ids of their rows.

    An event without a report was sent by a producer that broke; it may have arrived or not.

    Attributes:
        confirmed: Events that arrived.
        refused: Events that Kafka can never take, with the reason.
        blocked: Events that Kafka does not take yet, because their topic is missing or forbidden.
        undelivered: Events for which the broker was not reached in time.
        lost_producer: The error by which the broker no longer knows the producer; None as long as it does.
    """

    confirmed: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)
    blocked: dict[int, str] = field(default_factory=dict)
    undelivered: dict[int, str] = field(default_factory=dict)
    lost_producer: KafkaError | None = None

    def add_error(self, event: OutboxEvent, error: KafkaError) -> None:
        """Add the report of an event that failed."""
        if error.code() in PERMANENT or not TOPIC_NAME.fullmatch(event.topic):
            self.refused[event.pk] = error.str()
        elif error.code() in UNAVAILABLE:
            self.undelivered[event.pk] = error.str()
        elif error.code() in OF_PRODUCER:
            self.lost_producer = error
        else:
            self.blocked[event.pk] = error.str()

    @property
    def decided(self) -> int:
        """The number of events that the broker has confirmed, refused or blocked."""
        return len(self.confirmed) + len(self.refused) + len(self.blocked)


class Sender:
    """Sends with one producer, and replaces it after a fatal error, or once the broker no longer knows it."""

    def __init__(self, producer_factory: Callable[[], Producer]) -> None:
        self._create_producer = producer_factory
        self._producer = producer_factory()

    def check(self) -> None:
        """Let the producer tell of its troubles; call it in each round, also in one without events."""
        if isinstance(self._producer, WatchedProducer):
            self._producer.check()

    def send(self, events: Iterable[OutboxEvent]) -> DeliveryReports:
        """Send events that do not depend on each other, and wait for all delivery reports."""
        reports = DeliveryReports()
        try:
            for event in events:
                self._produce(event, reports)
            self._producer.flush()
        except KafkaException as error:
            self._replace(error.args[0])
        else:
            if reports.lost_producer is not None:
                self._replace(reports.lost_producer)
        return reports

    def _replace(self, error: KafkaError) -> None:
        log.warning("producer_replaced", error=str(error))
        self._producer = self._create_producer()

    def _produce(self, event: OutboxEvent, reports: DeliveryReports) -> None:
        try:
            self._hand_over(event, reports)
        except KafkaException as error:
            if _is_fatal(error):
                raise
            reports.add_error(event, error.args[0])
        except BufferError as error:
            reports.undelivered[event.pk] = str(error)
        except Exception as error:
            log.exception("event_unusable", event_id=str(event.event_id))
            reports.refused[event.pk] = f"{type(error).__name__}: {error}"

    def _hand_over(self, event: OutboxEvent, reports: DeliveryReports) -> None:
        self._producer.produce(
            event.topic,
            key=str(event.key),
            value=json.dumps(event.envelope),
            headers=HEADERS,
            on_delivery=_on_delivery(event, reports, self._watch),
        )

    @property
    def _watch(self) -> BrokerWatch | None:
        return self._producer.watch if isinstance(self._producer, WatchedProducer) else None


def _on_delivery(
    event: OutboxEvent, reports: DeliveryReports, watch: BrokerWatch | None
) -> Callable[[KafkaError | None, Message], None]:
    def add(error: KafkaError | None, message: Message) -> None:
        if watch is not None:
            watch.on_delivery(event.topic, error)
        if error is None:
            reports.confirmed.add(event.pk)
        else:
            reports.add_error(event, error)

    return add


def _is_fatal(error: KafkaException) -> bool:
    reason: KafkaError = error.args[0]
    return reason.fatal() or reason.code() == KafkaError._FATAL
