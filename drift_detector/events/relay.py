"""The relay: outbox rows become Kafka messages, at least once and in order per key."""

from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic
from uuid import UUID

import structlog
from confluent_kafka import Producer

from drift_detector.events import outbox
from drift_detector.events.delivery import Answers, Sender
from drift_detector.events.kafka_clients import create_producer
from drift_detector.events.models import OutboxEvent
from drift_detector.events.partitions import own_partitions
from drift_detector.events.selectors import get_lag
from drift_detector.observability.metrics import set_outbox

log = structlog.get_logger(__name__)

BATCH_SIZE = 500
LONGEST_REST_SECONDS = 60.0
FORGET_EVERY_SECONDS = 60.0
MEASURE_EVERY_SECONDS = 10.0

type Queues = dict[UUID, deque[OutboxEvent]]


class Relay:
    """Publishes what waits in its share of the partitions; `step` is one round.

    A row is marked as published only when the broker has confirmed it, and an event is sent only when the one before it
    in its key has been marked. What the broker does not take, or what fails while other events go through, is put off
    alone, and given up if it is refused for good. While the broker can't be reached for any, it is away: the relay
    rests, longer each time, and gives up nothing.
    """

    def __init__(self, producer_factory: Callable[[], Producer] = create_producer) -> None:
        self._sender = Sender(producer_factory)
        self._rest_seconds = 0.0
        self._rests_until = self._forgets_at = self._measures_at = monotonic()

    def step(self) -> bool:
        """Publish one batch; True when some of it went through, so that the next one may follow at once."""
        partitions = own_partitions()
        self._forget(partitions)
        self._measure()
        if monotonic() < self._rests_until:
            return False
        events = list(outbox.next_events(partitions)[:BATCH_SIZE])
        return bool(events) and self._publish(events)

    def _publish(self, events: list[OutboxEvent]) -> bool:
        queues, published = queues_of(events), 0
        while queues:
            wave = next_wave(queues)
            answers = self._sender.send(wave)
            outbox.mark_published(answers.confirmed)
            published += len(answers.confirmed)
            _settle_failures(wave, answers)
            if answers.decided < len(wave):
                self._settle_undelivered(wave, answers, is_away=not published)
                break
            advance(queues, wave, answers.confirmed)
        if published:
            self._rest_seconds = 0.0
        log.info("events_published", published=published, left=len(events) - published)
        return published > 0

    def _settle_undelivered(
        self, wave: list[OutboxEvent], answers: Answers, *, is_away: bool
    ) -> None:
        if is_away:
            outbox.note_outage(answers.undelivered)
            self._rest()
            return
        for event in wave:
            if event.pk in answers.undelivered:
                outbox.put_off(event, answers.undelivered[event.pk])

    def _rest(self) -> None:
        self._rest_seconds = min(LONGEST_REST_SECONDS, self._rest_seconds * 2 or 1.0)
        self._rests_until = monotonic() + self._rest_seconds
        log.warning("broker_unavailable", rest_seconds=self._rest_seconds)

    def _forget(self, partitions: list[int]) -> None:
        if monotonic() >= self._forgets_at:
            if forgotten := outbox.forget_published(partitions):
                log.info("events_forgotten", forgotten=forgotten)
            self._forgets_at = monotonic() + FORGET_EVERY_SECONDS

    def _measure(self) -> None:
        if monotonic() >= self._measures_at:
            topics = get_lag("topic")
            set_outbox(
                unpublished=sum(each.waiting for each in topics),
                oldest=min((each.oldest for each in topics if each.oldest), default=None),
                dead_letters=sum(each.dead for each in topics),
            )
            self._measures_at = monotonic() + MEASURE_EVERY_SECONDS


def _settle_failures(wave: list[OutboxEvent], answers: Answers) -> None:
    for event in wave:
        if event.pk in answers.refused:
            outbox.put_off_or_bury(event, answers.refused[event.pk])
        elif event.pk in answers.blocked:
            outbox.put_off(event, answers.blocked[event.pk])


def queues_of(events: Iterable[OutboxEvent]) -> Queues:
    """The events of each key, in their order."""
    queues: Queues = {}
    for event in events:
        queues.setdefault(event.key, deque()).append(event)
    return queues


def next_wave(queues: Queues) -> list[OutboxEvent]:
    """What may be in flight together: the first event of each key.

    One that failed before goes alone, after the others: brokers refuse whole batches of messages for one of them.
    """
    heads = [queue[0] for queue in queues.values()]
    return [event for event in heads if not event.attempts] or heads[:1]


def advance(queues: Queues, wave: Iterable[OutboxEvent], confirmed: set[int]) -> None:
    """Go on to the next event of the keys whose event was confirmed; the others are done for this round."""
    for event in wave:
        queue = queues[event.key]
        queue.popleft()
        if event.pk not in confirmed or not queue:
            del queues[event.key]
