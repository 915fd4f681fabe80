"""Reads how far the relay is behind, over all tenants."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db.models import Count, Max, Min, Q, QuerySet

from drift_detector.events.models import IN_STATE, OutboxEvent

State = OutboxEvent.State


@dataclass(frozen=True, slots=True)
class Lag:
    """The unpublished events of a topic or partition.

    Attributes:
        group: The topic or the number of the partition.
        waiting: The number of events that wait to be published.
        oldest: The time at which the oldest waiting event was written.
        dead: The number of dead-lettered events.
        put_off: The number of waiting events that have failed before.
        reason: The last error of one waiting event; empty if none has failed.
    """

    group: str | int
    waiting: int = 0
    oldest: datetime | None = None
    dead: int = 0
    put_off: int = 0
    reason: str = ""


def get_lag(by: Literal["topic", "partition"]) -> list[Lag]:
    """The lag of each topic or partition that has unpublished events."""
    unpublished = OutboxEvent.objects.filter(published_at__isnull=True).values(by).order_by(by)
    waiting = IN_STATE[State.WAITING]
    counted = unpublished.annotate(
        waiting=Count("id", filter=waiting),
        oldest=Min("created_at", filter=waiting),
        dead=Count("id", filter=IN_STATE[State.DEAD]),
        put_off=Count("id", filter=waiting & Q(attempts__gt=0)),
        reason=Max("last_error", filter=waiting, default=""),
    )
    rows = counted.values_list(by, "waiting", "oldest", "dead", "put_off", "reason")
    return [Lag(*row) for row in rows]


def list_dead() -> QuerySet[OutboxEvent]:
    """The dead-lettered events, in the order in which they were written."""
    return OutboxEvent.objects.filter(IN_STATE[State.DEAD]).order_by("id")
