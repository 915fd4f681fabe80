"""How far the relay is behind, over all tenants."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db.models import Count, Max, Min, Q, QuerySet

from drift_detector.events.models import IN_STATE, OutboxEvent

State = OutboxEvent.State


@dataclass(frozen=True, slots=True)
class Lag:
    """What has not been published of a topic or partition.

    Attributes:
        oldest: When the oldest that waits was written.
        put_off: How many of those that wait have failed before.
        reason: The error of one that waits; empty if none has met one.
    """

    group: str | int
    waiting: int = 0
    oldest: datetime | None = None
    dead: int = 0
    put_off: int = 0
    reason: str = ""


def get_lag(by: Literal["topic", "partition"]) -> list[Lag]:
    """The lag of each topic or partition that has any."""
    unpublished = OutboxEvent.objects.filter(published_at__isnull=True).values(by).order_by(by)
    counted = unpublished.annotate(
        waiting=Count("id", filter=IN_STATE[State.WAITING]),
        oldest=Min("created_at", filter=IN_STATE[State.WAITING]),
        dead=Count("id", filter=IN_STATE[State.DEAD]),
        put_off=Count("id", filter=IN_STATE[State.WAITING] & Q(attempts__gt=0)),
        reason=Max("last_error", filter=IN_STATE[State.WAITING], default=""),
    )
    return [
        Lag(*row)
        for row in counted.values_list(by, "waiting", "oldest", "dead", "put_off", "reason")
    ]


def list_dead() -> QuerySet[OutboxEvent]:
    """The events that were given up, in the order they were written in."""
    return OutboxEvent.objects.filter(IN_STATE[State.DEAD]).order_by("id")
