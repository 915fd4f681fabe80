"""Says in words which alerts matchers are about, and what a route does with them. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from alerts.models import Route, Step
from drift_detector.formats import counted, duration

MOST_NAMES = 5
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
KINDS = {
    "statistical": "data drift",
    "concept": "concept drift",
    "performance": "worse performance",
    "health": "health",
}

type Names = Mapping[UUID, str]


def matchers_in_words(matchers: Mapping[str, Any], monitors: Names) -> str:
    """The alerts that matchers are about, such as `alerts of data drift, from warning on`.

    Args:
        matchers: As they are stored.
        monitors: The names of the monitors that they name.
    """
    said = [say(matchers[name], monitors) for name, say in WORDS.items() if name in matchers]
    return f"alerts {', '.join(said)}" if said else "all alerts"


def route_in_words(route: Route, *, monitors: Names, channels: Names) -> str:
    """A route in some sentences: which alerts, where to, and when.

    Args:
        route: With its channels.
        monitors: The names of the monitors that it names.
        channels: The names of its channels.
    """
    matched = matchers_in_words(route.matchers, monitors)
    first = f"{_capital(matched)} go to {_channels(route.channels, channels)}{_digest(route)}."
    said = [first, *_escalation(route.escalation, channels), *_times(route)]
    return " ".join(said if route.enabled else ["Switched off.", *said])


def _escalation(steps: Sequence[Step], channels: Names) -> list[str]:
    return [
        f"After {duration(step.after)} without attention also to {_channels(step.channels, channels)}."
        for step in steps
    ]


def _times(route: Route) -> Iterable[str]:
    if route.repeat_interval is not None:
        yield f"Repeated every {duration(route.repeat_interval)} without attention."
    if route.quiet_from is not None and route.quiet_until is not None:
        but = "" if route.quiet_for_critical else ", but not for critical ones"
        span = f"from {route.quiet_from:%H:%M} to {route.quiet_until:%H:%M} {route.timezone}"
        yield f"Quiet {span}{but}."
    if not route.continues:
        yield "No later route is tried."


def _digest(route: Route) -> str:
    at = f"{route.digest_at:%H:%M} {route.timezone}"
    match route.digest:
        case Route.Digest.DAILY:
            return f" as a digest, each day at {at}"
        case Route.Digest.WEEKLY:
            return f" as a digest, each {WEEKDAYS[route.digest_weekday]} at {at}"
    wait: timedelta = route.group_wait
    return f" {duration(wait)} later" if wait else " at once"


def _channels(ids: Iterable[UUID], names: Names) -> str:
    return _listed([names.get(each, "a removed channel") for each in ids])


def _listed(names: Sequence[str]) -> str:
    """Some names as text: `a, b and c`, `a, b and 7 more`."""
    shown = list(names[:MOST_NAMES])
    if len(names) > MOST_NAMES:
        shown.append(f"{len(names) - MOST_NAMES} more")
    *others, last = shown or ["no one"]
    return f"{', '.join(others)} and {last}" if others else last


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def _severity(value: str, monitors: Names) -> str:
    return "that are critical" if value == "critical" else f"from severity {value} on"


def _kinds(value: Sequence[str], monitors: Names) -> str:
    return f"of {_listed([KINDS.get(kind, kind) for kind in value])}"


def _monitors(value: Sequence[str], monitors: Names) -> str:
    return f"of {_listed([monitors.get(UUID(each), 'a removed monitor') for each in value])}"


def _models(value: Sequence[str], monitors: Names) -> str:
    return f"of {counted(len(value), 'model')}"


def _features(value: Sequence[str], monitors: Names) -> str:
    return f"about {_listed(value)}"


WORDS: Mapping[str, Callable[[Any, Names], str]] = {
    "severity": _severity,
    "kinds": _kinds,
    "monitors": _monitors,
    "models": _models,
    "features": _features,
}
"""The words of a matcher's value, by its name, in the order of a sentence."""
