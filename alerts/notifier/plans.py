"""Decides which channels hear of an event, and when. Pure: routes and the past go in, plans come out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from alerts.models import AlertEvent, Notification, Route
from alerts.routing.hours import QuietHours, next_at
from alerts.routing.matchers import Subject, matches

Kind = Notification.Kind
EventKind = AlertEvent.Kind

RAISING = frozenset({EventKind.OPENED, EventKind.WORSENED, EventKind.SNOOZE_ENDED})
"""Events after which people have to look; all others go to those who know of the alert."""
ENDING = frozenset({EventKind.RESOLVED, EventKind.ACKNOWLEDGED, EventKind.SNOOZED})
"""Events after which an alert is neither repeated nor escalated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event of an alert, as routes look at it."""

    kind: str
    at: datetime
    subject: Subject


@dataclass(frozen=True, slots=True)
class Past:
    """The channels that an alert went to before.

    Attributes:
        went: The route by which each channel heard of it; None if the route is no more.
        last_sent: When each channel heard of it last.
    """

    went: Mapping[UUID, UUID | None] = field(default_factory=dict)
    last_sent: Mapping[UUID, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """A notification to be written."""

    channel_id: UUID
    route_id: UUID | None
    kind: Kind
    due_at: datetime


def plans_for(happening: Happening, routes: Sequence[Route], past: Past) -> list[Plan]:
    """The notifications of an event; a channel hears of it once, however many routes name it.

    Args:
        happening: The event.
        routes: The enabled routes, in their order, with their channels.
        past: Where the alert went before.
    """
    fitting = list(fitting_routes(happening.subject, routes))
    digests = [route for route in fitting if route.digest != Route.Digest.NONE]
    direct = [route for route in fitting if route.digest == Route.Digest.NONE]
    if happening.kind in RAISING:
        plans = [*_alerts(happening, direct, routes, past), *_escalations(happening, direct)]
    else:
        plans = list(_to_those_who_know(happening, routes, past))
        digests = digests if happening.kind == EventKind.RESOLVED else []
    return [*plans, *_digests(happening, digests)]


def fitting_routes(subject: Subject, routes: Iterable[Route]) -> Iterator[Route]:
    """The routes of an alert, up to the first that ends the search."""
    for route in routes:
        if matches(route.matchers, subject):
            yield route
            if not route.continues:
                return


def due_after(route: Route | None, moment: datetime, severity: str) -> datetime:
    """A moment, or the end of the quiet hours of a route that it lies in."""
    if route is None or route.quiet_from is None or route.quiet_until is None:
        return moment
    if severity == "critical" and not route.quiet_for_critical:
        return moment
    hours = QuietHours(route.quiet_from, route.quiet_until, route.timezone)
    return hours.end_after(moment)


def _alerts(
    happening: Happening, direct: Iterable[Route], routes: Iterable[Route], past: Past
) -> Iterator[Plan]:
    """To the channels of the routes, and to those that know of the alert already."""
    chosen: dict[UUID, Route | None] = {}
    for route in direct:
        for channel_id in route.channels:
            chosen.setdefault(channel_id, route)
    by_id = {route.id: route for route in routes}
    for channel_id, route_id in past.went.items():
        chosen.setdefault(channel_id, by_id.get(route_id) if route_id else None)
    for channel_id, chosen_route in chosen.items():
        yield _plan(Kind.ALERT, channel_id, chosen_route, happening, past)


def _escalations(happening: Happening, direct: Iterable[Route]) -> Iterator[Plan]:
    seen: set[UUID] = set()
    for route in direct:
        for step in route.escalation:
            due = due_after(route, happening.at + step.after, happening.subject.severity)
            for channel_id in set(step.channels) - seen:
                yield Plan(channel_id, route.id, Kind.ESCALATION, due)
            seen.update(step.channels)


def _to_those_who_know(happening: Happening, routes: Iterable[Route], past: Past) -> Iterator[Plan]:
    kind = Kind.RESOLVED if happening.kind == EventKind.RESOLVED else Kind.UPDATE
    by_id = {route.id: route for route in routes}
    for channel_id, route_id in past.went.items():
        route = by_id.get(route_id) if route_id else None
        yield _plan(kind, channel_id, route, happening, past)


def _digests(happening: Happening, digests: Iterable[Route]) -> Iterator[Plan]:
    for route in digests:
        weekday = route.digest_weekday if route.digest == Route.Digest.WEEKLY else None
        due = next_at(happening.at, route.digest_at, route.timezone, weekday)
        for channel_id in route.channels:
            yield Plan(channel_id, route.id, Kind.DIGEST, due)


def _plan(
    kind: Kind, channel_id: UUID, route: Route | None, happening: Happening, past: Past
) -> Plan:
    moment = happening.at + _wait(channel_id, route, happening.at, past)
    due = due_after(route, moment, happening.subject.severity)
    return Plan(channel_id, route.id if route else None, kind, due)


def _wait(channel_id: UUID, route: Route | None, at: datetime, past: Past) -> timedelta:
    """The time that a channel waits: for what follows at once, or for the next time that it may hear."""
    if route is None:
        return timedelta(0)
    last = past.last_sent.get(channel_id)
    if last is None:
        return route.group_wait
    return max(timedelta(0), last + route.group_interval - at)
