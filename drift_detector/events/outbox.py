"""The outbox as the relay's role sees it: the events of all tenants."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from itertools import groupby
from time import monotonic
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import F, QuerySet
from django.utils import timezone

from drift_detector.events.models import IN_STATE, OutboxEvent

log = structlog.get_logger(__name__)

MOST_REFUSALS = 5
LONGEST_DOUBLING = 6  # 64 seconds
FORGET_BATCH = 1000
FORGET_SECONDS = 3
State = OutboxEvent.State


def next_events(partitions: Collection[int]) -> QuerySet[OutboxEvent]:
    """What waits in these partitions, oldest first; none of a key with an event that is to be tried later."""
    waiting = OutboxEvent.objects.filter(IN_STATE[State.WAITING], partition__in=partitions)
    put_off = waiting.filter(not_before__gt=timezone.now())
    return waiting.exclude(key__in=put_off.values("key")).order_by("id")


def mark_published(ids: Collection[int]) -> None:
    OutboxEvent.objects.filter(id__in=ids).update(
        published_at=timezone.now(), not_before=None, last_error=""
    )


def put_off(event: OutboxEvent, reason: str) -> None:
    """Try the event again after 2, 4, 8 … 64 seconds."""
    pause = timedelta(seconds=2 ** min(event.attempts + 1, LONGEST_DOUBLING))
    OutboxEvent.objects.filter(id=event.pk).update(
        attempts=F("attempts") + 1, not_before=timezone.now() + pause, last_error=reason
    )
    log.warning(
        "event_put_off",
        event_id=str(event.event_id),
        topic=event.topic,
        key=str(event.key),
        reason=reason,
    )


def put_off_or_bury(event: OutboxEvent, reason: str) -> None:
    """Try an event again that was refused, or give it up, so that its key goes on without it."""
    if event.attempts + 1 < MOST_REFUSALS:
        put_off(event, reason)
        return
    OutboxEvent.objects.filter(id=event.pk).update(
        attempts=F("attempts") + 1, dead_at=timezone.now(), not_before=None, last_error=reason
    )
    log.error(
        "event_dead",
        event_id=str(event.event_id),
        topic=event.topic,
        key=str(event.key),
        reason=reason,
    )


def note_outage(reasons: Mapping[int, str]) -> None:
    """Leave word why these events still wait; a broker that is away is no fault of theirs, and no attempt."""
    for reason, ids in groupby(sorted(reasons, key=reasons.__getitem__), key=reasons.__getitem__):
        OutboxEvent.objects.filter(id__in=list(ids)).update(last_error=reason)


def requeue(event_ids: Sequence[UUID] | None) -> int:
    """Have dead events published after all, with the ids, numbers and places they had; None means all of them.

    Returns:
        How many there were.
    """
    dead = OutboxEvent.objects.filter(IN_STATE[State.DEAD])
    if event_ids is not None:
        dead = dead.filter(event_id__in=event_ids)
    return dead.update(dead_at=None, attempts=0)


def forget_published(partitions: Collection[int]) -> int:
    """Remove what was published long ago, some rows at a time and for some seconds; the next round goes on."""
    oldest = timezone.now() - timedelta(days=settings.ENV.events.retention_days)
    published = OutboxEvent.objects.filter(published_at__lt=oldest, partition__in=partitions)
    old = published.order_by("published_at").values_list("id", flat=True)
    removed, until = 0, monotonic() + FORGET_SECONDS
    while ids := list(old[:FORGET_BATCH]):
        removed += OutboxEvent.objects.filter(id__in=ids).delete()[0]
        if len(ids) < FORGET_BATCH or monotonic() > until:
            break
    return removed
