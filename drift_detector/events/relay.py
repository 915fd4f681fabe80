"""The relay publishes outbox rows to Kafka, at least once and in order per key."""

from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic
from uuid import UUID

import structlog
from confluent_kafka import Producer

from drift_detector.events import outbox
from drift_detector.events.delivery import DeliveryReports, Sender
from drift_detector.events.kafka_clients import create_producer
from drift_detector.events.models import OutboxEvent
from drift_detector.events.partitions import own_partitions
from drift_detector.events.selectors import Lag, get_lag
from drift_detector.observability.metrics import set_outbox

log = structlog.get_logger(__name__)

BATCH_SIZE = 500
LONGEST_REST_SECONDS = 60.0
PURGE_EVERY_SECONDS = 60.0
MEASURE_EVERY_SECONDS = 10.0

type Queues = dict[UUID, deque[OutboxEvent]]


class Relay:
    """Publishes the waiting events of its share of the partitions; `step` is one round.

    A row is marked as published only when Kafka has confirmed it. An event is sent only when the one
    before it in its key is marked. An event that Kafka does not take, or that fails while others are
    published, is put off; it is dead-lettered if Kafka keeps refusing it. If no event of a round
    reaches Kafka, the broker is unavailable: the relay rests, longer each time, and dead-letters
    nothing.
    """

    def __init__(self, producer_factory: Callable[[], Producer] = create_producer) -> None:
        self._sender = Sender(producer_factory)
        self._rest_seconds = 0.0
        self._rests_until = self._purges_at = self._measures_at = monotonic()

    def step(self) -> bool:
        """Publish one batch; True if an event was published, so that the next batch follows at once."""
        partitions = own_partitions()
        self._purge(partitions)
        self._measure()
        self._sender.check()
        if monotonic() < self._rests_until:
            return False
        events = list(outbox.next_events(partitions)[:BATCH_SIZE])
        return bool(events) and self._publish(events)

    def _publish(self, events: list[OutboxEvent]) -> bool:
        published = self._publish_waves(queues_of(events))
        if published:
            self._rest_seconds = 0.0
        log.info("events_published", published=published, left=len(events) - published)
        return published > 0

    def _publish_waves(self, queues: Queues) -> int:
        """Publish wave after wave, until one is not decided; returns the number of published events."""
        published = 0
        while queues:
            wave = next_wave(queues)
            reports = self._send(wave)
            published += len(reports.confirmed)
            if reports.decided < len(wave):
                self._put_off_undelivered(wave, reports, is_unavailable=not published)
                break
            advance(queues, wave, reports.confirmed)
        return published

    def _send(self, wave: list[OutboxEvent]) -> DeliveryReports:
        """Send a wave, and record the events that Kafka confirmed, refused or blocked."""
        reports = self._sender.send(wave)
        outbox.mark_published(reports.confirmed)
        _put_off_failed(wave, reports)
        return reports

    def _put_off_undelivered(
        self, wave: list[OutboxEvent], reports: DeliveryReports, *, is_unavailable: bool
    ) -> None:
        if is_unavailable:
            outbox.record_outage(reports.undelivered)
            self._rest()
            return
        for event in wave:
            if event.pk in reports.undelivered:
                outbox.put_off(event, reports.undelivered[event.pk])

    def _rest(self) -> None:
        self._rest_seconds = min(LONGEST_REST_SECONDS, self._rest_seconds * 2 or 1.0)
        self._rests_until = monotonic() + self._rest_seconds
        log.warning("broker_unavailable", rest_seconds=self._rest_seconds)

    def _purge(self, partitions: list[int]) -> None:
        if monotonic() >= self._purges_at:
            if purged := outbox.purge_published(partitions):
                log.info("events_purged", purged=purged)
            self._purges_at = monotonic() + PURGE_EVERY_SECONDS

    def _measure(self) -> None:
        if monotonic() >= self._measures_at:
            _set_metrics(get_lag("topic"))
            self._measures_at = monotonic() + MEASURE_EVERY_SECONDS


def _set_metrics(topics: list[Lag]) -> None:
    set_outbox(
        unpublished=sum(each.waiting for each in topics),
        oldest=min((each.oldest for each in topics if each.oldest), default=None),
        dead_letters=sum(each.dead for each in topics),
    )


def _put_off_failed(wave: list[OutboxEvent], reports: DeliveryReports) -> None:
    for event in wave:
        if event.pk in reports.refused:
            outbox.put_off_or_dead_letter(event, reports.refused[event.pk])
        elif event.pk in reports.blocked:
            outbox.put_off(event, reports.blocked[event.pk])


def queues_of(events: Iterable[OutboxEvent]) -> Queues:
    """Group events by their key, in their order."""
    queues: Queues = {}
    for event in events:
        queues.setdefault(event.key, deque()).append(event)
    return queues


def next_wave(queues: Queues) -> list[OutboxEvent]:
    """The events that can be in flight together: the first event of each key.

    An event that has failed before is sent alone, after the others: Kafka refuses a whole batch of
    messages because of one of them.
    """
    heads = [queue[0] for queue in queues.values()]
    return [event for event in heads if not event.attempts] or heads[:1]


def advance(queues: Queues, wave: Iterable[OutboxEvent], confirmed: set[int]) -> None:
    """Move each key whose event was confirmed to its next event; the other keys end this round."""
    for event in wave:
        queue = queues[event.key]
        queue.popleft()
        if event.pk not in confirmed or not queue:
            del queues[event.key]
