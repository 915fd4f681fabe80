"""Reads the timeline of an alert: its events and its runs, as one list in the order of time."""

from operator import attrgetter
from typing import Any, Self
from uuid import UUID

from django.db.models import Q, QuerySet

from alerts.models import AlertEvent, AlertRun

type Entry = AlertEvent | AlertRun


class Timeline:
    """The entries of an alert; it is ordered, filtered and sliced as a query of one table is.

    A page of a cursor asks each table for no more rows than the page has.
    """

    def __init__(
        self,
        events: QuerySet[AlertEvent],
        runs: QuerySet[AlertRun],
        order: tuple[str, ...] = ("created_at", "id"),
    ) -> None:
        self._events, self._runs, self._order = events, runs, order

    def order_by(self, *fields: str) -> Self:
        """The same entries in the order of fields that both tables have, all up or all down."""
        return type(self)(self._events.order_by(*fields), self._runs.order_by(*fields), fields)

    def filter(self, *conditions: Q, **named: Any) -> Self:
        """The entries that keep to conditions about fields that both tables have."""
        events = self._events.filter(*conditions, **named)
        return type(self)(events, self._runs.filter(*conditions, **named), self._order)

    def __getitem__(self, part: slice) -> list[Entry]:
        """Some of the entries, from the first on."""
        first: list[Entry] = [*self._events[: part.stop], *self._runs[: part.stop]]
        fields = [field.removeprefix("-") for field in self._order]
        is_down = self._order[0].startswith("-")
        return sorted(first, key=attrgetter(*fields), reverse=is_down)[part]


def get_timeline(alert_id: UUID) -> Timeline:
    """The events and runs of an alert, oldest first."""
    events = AlertEvent.objects.filter(alert_id=alert_id)
    runs = AlertRun.objects.filter(alert_id=alert_id).defer("observation", "state_after")
    return Timeline(events, runs).order_by("created_at", "id")
