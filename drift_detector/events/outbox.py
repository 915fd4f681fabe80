"""The outbox as the relay's role sees it: the events of all tenants."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from itertools import groupby
from time import monotonic
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from drift_detector.events.models import IN_STATE, OutboxEvent
from drift_detector.tenancy.acting import name_actor

log = structlog.get_logger(__name__)

MOST_REFUSALS = 5
MOST_DOUBLINGS = 6  # 64 seconds
PURGE_BATCH = 1000
PURGE_SECONDS = 3
State = OutboxEvent.State


def next_events(partitions: Collection[int]) -> QuerySet[OutboxEvent]:
    """The waiting events of these partitions, oldest first.

    A key with an event that is put off waits as a whole, so that its events stay in order.
    """
    waiting = OutboxEvent.objects.filter(IN_STATE[State.WAITING], partition__in=partitions)
    put_off = waiting.filter(not_before__gt=timezone.now())
    return waiting.exclude(key__in=put_off.values("key")).order_by("id")


def mark_published(ids: Collection[int]) -> None:
    """Mark events that Kafka has confirmed."""
    OutboxEvent.objects.filter(id__in=ids).update(
        published_at=timezone.now(), not_before=None, last_error=""
    )


def put_off(event: OutboxEvent, reason: str) -> None:
    """Try the event again after 2, 4, 8 … 64 seconds."""
    retry_at = timezone.now() + timedelta(seconds=2 ** min(event.attempts + 1, MOST_DOUBLINGS))
    OutboxEvent.objects.filter(id=event.pk).update(
        attempts=F("attempts") + 1, not_before=retry_at, last_error=reason
    )
    log.warning("event_put_off", **_log_fields(event), reason=reason)


def put_off_or_dead_letter(event: OutboxEvent, reason: str) -> None:
    """Put off an event that was refused; after too many refusals, dead-letter it.

    The key of a dead-lettered event continues without it.
    """
    if event.attempts + 1 < MOST_REFUSALS:
        put_off(event, reason)
        return
    OutboxEvent.objects.filter(id=event.pk).update(
        attempts=F("attempts") + 1, dead_at=timezone.now(), not_before=None, last_error=reason
    )
    log.error("event_dead", **_log_fields(event), reason=reason)


def _log_fields(event: OutboxEvent) -> dict[str, str]:
    return {"event_id": str(event.event_id), "topic": event.topic, "key": str(event.key)}


def record_outage(reasons: Mapping[int, str]) -> None:
    """Record why these events still wait; an unavailable broker does not count as an attempt.

    Args:
        reasons: The reasons by the ids of the events.
    """
    for reason, ids in groupby(sorted(reasons, key=reasons.__getitem__), key=reasons.__getitem__):
        OutboxEvent.objects.filter(id__in=list(ids)).update(last_error=reason)


def requeue(event_ids: Sequence[UUID] | None) -> int:
    """Publish dead-lettered events after all, with the ids, numbers and places that they had.

    Args:
        event_ids: The events; None means all that are dead-lettered.

    Returns:
        The number of events.
    """
    dead = OutboxEvent.objects.filter(IN_STATE[State.DEAD])
    if event_ids is not None:
        dead = dead.filter(event_id__in=event_ids)
    with transaction.atomic():
        name_actor()
        return dead.update(dead_at=None, attempts=0)


def purge_published(partitions: Collection[int]) -> int:
    """Remove published events older than their retention, in batches and for a few seconds.

    The next round continues. Returns the number of removed events.
    """
    oldest = timezone.now() - timedelta(days=settings.ENV.events.retention_days)
    published = OutboxEvent.objects.filter(published_at__lt=oldest, partition__in=partitions)
    old = published.order_by("published_at").values_list("id", flat=True)
    return _delete_in_batches(old)


def _delete_in_batches(ids: QuerySet[OutboxEvent, int]) -> int:
    removed, deadline = 0, monotonic() + PURGE_SECONDS
    while batch := list(ids[:PURGE_BATCH]):
        removed += OutboxEvent.objects.filter(id__in=batch).delete()[0]
        if len(batch) < PURGE_BATCH or monotonic() > deadline:
            break
    return removed
