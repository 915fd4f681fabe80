"""The relay: outbox rows become Kafka messages, at least once and in order per key."""

import json
from collections.abc import Callable, Iterable
from uuid import UUID

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from django.db import connection
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from drift_detector.events.kafka import create_producer
from drift_detector.events.models import OutboxEvent

log = structlog.get_logger(__name__)

BATCH_SIZE = 500
# One relay publishes at a time; a second one waits for the lock of the first.
ADVISORY_LOCK = 0x64726674  # "drft"


class Relay:
    """Publishes what is unpublished; `step` is one round.

    A row is marked as published only when the broker has confirmed it. When a message fails, the later ones of its
    key in the round stay unpublished too, so a consumer sees them again after it, with the ids they had.
    """

    def __init__(self, producer_factory: Callable[[], Producer] = create_producer) -> None:
        self._create_producer = producer_factory
        self._producer = producer_factory()
        self._errors: dict[int, str] = {}
        self._confirmed: set[int] = set()

    def step(self) -> bool:
        """Publish one batch; True when there was one and all of it went through."""
        if not _is_leader():
            return False
        events = list(_next_events()[:BATCH_SIZE])
        if not events:
            return False
        self._publish(events)
        published = in_order(events, self._confirmed)
        OutboxEvent.objects.filter(id__in=published).update(published_at=timezone.now(), last_error="")
        for event_id, reason in self._errors.items():
            OutboxEvent.objects.filter(id=event_id).update(attempts=F("attempts") + 1, last_error=reason)
        log.info("events_published", published=len(published), failed=len(events) - len(published))
        return len(published) == len(events)

    def _publish(self, events: list[OutboxEvent]) -> None:
        self._errors, self._confirmed = {}, set()
        for event in events:
            try:
                self._producer.produce(
                    event.topic,
                    key=str(event.key),
                    value=json.dumps(event.envelope),
                    headers={"content-type": "application/cloudevents+json; charset=UTF-8"},
                    on_delivery=self._note_delivery(event.pk),
                )
            except (KafkaException, BufferError) as error:  # refused before it was sent: too large, or a full queue
                self._errors[event.pk] = str(error)
        self._flush()

    def _flush(self) -> None:
        """Wait for the broker's word on everything sent. A fatal error is raised here, and ends the producer's life."""
        try:
            self._producer.flush()
        except KafkaException as error:
            log.warning("producer_replaced", error=str(error))
            self._producer = self._create_producer()

    def _note_delivery(self, event_id: int) -> Callable[[KafkaError | None, Message], None]:
        def note(error: KafkaError | None, message: Message) -> None:
            if error is None:
                self._confirmed.add(event_id)
            else:
                self._errors[event_id] = error.str()

        return note


def _next_events() -> QuerySet[OutboxEvent]:
    """What is unpublished, oldest first; of a key with an event that has failed, that event alone."""
    unpublished = OutboxEvent.objects.filter(published_at__isnull=True)
    failed = unpublished.filter(attempts__gt=0)
    return unpublished.filter(Q(attempts__gt=0) | ~Q(key__in=failed.values("key"))).order_by("id")


def in_order(events: Iterable[OutboxEvent], confirmed: set[int]) -> list[int]:
    """The events that may be marked as published: confirmed, and none of their key before them failed."""
    stopped: set[UUID] = set()
    published = []
    for event in events:
        if event.pk not in confirmed:
            stopped.add(event.key)
        elif event.key not in stopped:
            published.append(event.pk)
    return published


def _is_leader() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = %(lock)s
                              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                              AND pid = pg_backend_pid()) OR pg_try_advisory_lock(%(lock)s)""",
            {"lock": ADVISORY_LOCK},
        )
        return bool(cursor.fetchone()[0])
