"""Reads how far the relay is behind, over all tenants."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db.models import Aggregate, Count, Max, Min, Q, QuerySet

from drift_detector.events.models import IN_STATE, OutboxEvent

State = OutboxEvent.State


WAITING, DEAD = IN_STATE[State.WAITING], IN_STATE[State.DEAD]
# In the order of the fields of `Lag`.
MEASURES: dict[str, Aggregate] = {
    "waiting": Count("id", filter=WAITING),
    "oldest": Min("created_at", filter=WAITING),
    "dead": Count("id", filter=DEAD),
    "put_off": Count("id", filter=WAITING & Q(attempts__gt=0)),
    "reason": Max("last_error", filter=WAITING, default=""),
}


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
    rows = unpublished.annotate(**MEASURES).values_list(by, *MEASURES)
    return [Lag(*row) for row in rows]


def list_dead() -> QuerySet[OutboxEvent]:
    """The dead-lettered events, in the order in which they were written."""
    return OutboxEvent.objects.filter(DEAD).order_by("id")
