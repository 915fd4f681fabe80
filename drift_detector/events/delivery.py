"""Sending events to the broker, and what it answers."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from drift_detector.events.models import OutboxEvent

log = structlog.get_logger(__name__)

# What no later try can change. All else (timeouts, missing topics or rights) may be mended meanwhile.
POISON = {
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.RECORD_LIST_TOO_LARGE,
    KafkaError.INVALID_MSG_SIZE,
    KafkaError.INVALID_RECORD,
    KafkaError.INVALID_TIMESTAMP,
    KafkaError.TOPIC_EXCEPTION,
}
# What befalls every event when the broker is away, and says nothing of one's topic.
AWAY = {
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
# librdkafka calls a topic unknown, and so worth waiting for, once a broker has told it that the name is invalid.
TOPIC_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
HEADERS: dict[str, str | bytes | None] = {
    "content-type": "application/cloudevents+json; charset=UTF-8"
}


@dataclass(slots=True)
class Answers:
    """What became of the events that were sent, by the ids of their rows.

    An event that is nowhere here got no answer, as its producer broke; it may have arrived or not.

    Attributes:
        confirmed: They arrived.
        refused: No later try can change that.
        blocked: The broker doesn't take them as long as their topic is missing, forbidden or the like.
        undelivered: The broker was not reached in time.
    """

    confirmed: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)
    blocked: dict[int, str] = field(default_factory=dict)
    undelivered: dict[int, str] = field(default_factory=dict)

    def note_error(self, event: OutboxEvent, error: KafkaError) -> None:
        if error.code() in POISON or not TOPIC_NAME.fullmatch(event.topic):
            self.refused[event.pk] = error.str()
        elif error.code() in AWAY:
            self.undelivered[event.pk] = error.str()
        else:
            self.blocked[event.pk] = error.str()

    @property
    def decided(self) -> int:
        """How many events the broker has spoken of."""
        return len(self.confirmed) + len(self.refused) + len(self.blocked)


class Sender:
    """A producer, and a new one after an error that it can't go on from."""

    def __init__(self, producer_factory: Callable[[], Producer]) -> None:
        self._create_producer = producer_factory
        self._producer = producer_factory()

    def send(self, events: Iterable[OutboxEvent]) -> Answers:
        """Send events that do not depend on each other, and wait for the broker's word on every one."""
        answers = Answers()
        try:
            for event in events:
                self._produce(event, answers)
            self._producer.flush()
        except KafkaException as error:
            log.warning("producer_replaced", error=str(error))
            self._producer = self._create_producer()
        return answers

    def _produce(self, event: OutboxEvent, answers: Answers) -> None:
        try:
            self._producer.produce(
                event.topic,
                key=str(event.key),
                value=json.dumps(event.envelope),
                headers=HEADERS,
                on_delivery=_noting(event, answers),
            )
        except KafkaException as error:
            if _is_fatal(error):
                raise
            answers.note_error(event, error.args[0])
        except BufferError as error:
            answers.undelivered[event.pk] = str(error)
        except Exception as error:
            log.exception("event_unusable", event_id=str(event.event_id))
            answers.refused[event.pk] = f"{type(error).__name__}: {error}"


def _noting(event: OutboxEvent, answers: Answers) -> Callable[[KafkaError | None, Message], None]:
    def note(error: KafkaError | None, message: Message) -> None:
        if error is None:
            answers.confirmed.add(event.pk)
        else:
            answers.note_error(event, error)

    return note


def _is_fatal(error: KafkaException) -> bool:
    reason: KafkaError = error.args[0]
    return reason.fatal() or reason.code() == KafkaError._FATAL
