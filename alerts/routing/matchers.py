"""Matchers: which alerts a route, a silence or a maintenance window is about. Pure."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from algorithms.verdicts import Severity, rank
from drift_detector.api.names import unknown_names

KINDS = ("statistical", "concept", "performance", "health")
SEVERITIES = tuple(severity.value for severity in Severity)
MOST_VALUES = 1000
LONGEST_FEATURE = 500


class BadMatchers(ValueError):
    """A matcher is not known, or has a value that it cannot have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The side that matchers are compared with: one alert, as it was when something happened to it."""

    kind: str
    severity: str
    monitor_id: UUID
    model_id: UUID
    features: frozenset[str] = field(default=frozenset())


def matches(matchers: Mapping[str, Any], subject: Subject) -> bool:
    """True if a subject fits all matchers; no matchers fit every alert.

    Args:
        matchers: As `check_matchers` returns them.
        subject: The alert.
    """
    return all(_TESTS[name](value, subject) for name, value in matchers.items())


def check_matchers(given: Any) -> dict[str, Any]:
    """The matchers in their usual form.

    Raises:
        BadMatchers: If one is not known, or has a value that it cannot have.
    """
    if not isinstance(given, Mapping):
        raise BadMatchers('Matchers are an object, such as {"severity": "warning"}.')
    if unknown := unknown_names([str(name) for name in given], _CHECKS, what="matcher"):
        raise BadMatchers(" ".join(unknown.values()))
    return {name: _CHECKS[name](name, value) for name, value in given.items()}


def named_monitors(matchers: Mapping[str, Any]) -> list[UUID]:
    """The monitors that matchers name."""
    return [UUID(each) for each in matchers.get("monitors", [])]


def _check_severity(name: str, value: Any) -> str:
    if value not in SEVERITIES:
        raise BadMatchers(f"{name} must be one of {', '.join(SEVERITIES)}: the least that matches.")
    return str(value)


def _check_list(name: str, value: Any) -> list[str]:
    is_list = isinstance(value, list) and all(isinstance(each, str) for each in value)
    if not is_list or not 0 < len(value) <= MOST_VALUES:
        raise BadMatchers(f"{name} must be a list of 1 to {MOST_VALUES} texts.")
    return list(dict.fromkeys(value))


def _check_kinds(name: str, value: Any) -> list[str]:
    kinds = _check_list(name, value)
    if unknown := unknown_names(kinds, KINDS, what="kind"):
        raise BadMatchers(" ".join(unknown.values()))
    return kinds


def _check_ids(name: str, value: Any) -> list[str]:
    try:
        return [str(UUID(each)) for each in _check_list(name, value)]
    except ValueError:
        raise BadMatchers(f"{name} must be a list of 1 to {MOST_VALUES} UUIDs.") from None


def _check_features(name: str, value: Any) -> list[str]:
    features = _check_list(name, value)
    if any(not each or len(each) > LONGEST_FEATURE or "\0" in each for each in features):
        raise BadMatchers(f"{name} must be names of features.")
    return features


def _is_severe(least: str, subject: Subject) -> bool:
    return rank(subject.severity) >= rank(least)


_CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    "kinds": _check_kinds,
    "severity": _check_severity,
    "monitors": _check_ids,
    "models": _check_ids,
    "features": _check_features,
}
_TESTS: Mapping[str, Callable[[Any, Subject], bool]] = {
    "kinds": lambda kinds, subject: subject.kind in kinds,
    "severity": _is_severe,
    "monitors": lambda ids, subject: str(subject.monitor_id) in ids,
    "models": lambda ids, subject: str(subject.model_id) in ids,
    "features": lambda names, subject: _has_any(names, subject.features),
}


def _has_any(names: Collection[str], features: frozenset[str]) -> bool:
    return not features.isdisjoint(names)
