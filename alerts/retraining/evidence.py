"""Weighs what an episode has shown against a rule for retraining; all of it is pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from algorithms.verdicts import Severity, rank

MOST_NAMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A metric beyond its limit; `kind` says if it was measured, estimated or seen by a detector."""

    kind: str
    metric: str
    value: float | None
    limit: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftedFeature:
    """A feature that drifted, with the severity that its method gave it."""

    feature: str
    method: str
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts that an episode has shown so far.

    Attributes:
        windows: Drifted windows of the episode, each counted once.
        losses: Metrics of the run that are beyond their limits.
        drifted: Features that drifted in the run.
    """

    windows: int
    losses: Sequence[Loss] = ()
    drifted: Sequence[DriftedFeature] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One reason to train again, in words and as data."""

    kind: str
    words: str
    data: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The form that is stored and shown."""
        return {"kind": self.kind, "words": self.words, **self.data}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The evidence that asks for retraining. What is None or False is not asked.

    Attributes:
        needs_all: True if each part must hold, else one is enough.
        persistence_runs: Drifted windows of one episode.
        performance: A loss beyond a limit.
        features: Names whose drift counts; empty for each feature.
        least_severity: The least severity of such a drift.
        cooldown: The rest between two requests for a model.
        shortest_range: The shortest training range that is suggested.
        verify_windows: Windows that decide about a new model.
        deploy_within: The time in which a deployment is expected.
        verify_within: The time in which those windows are expected.
    """

    needs_all: bool = False
    persistence_runs: int | None = None
    performance: bool = False
    features: tuple[str, ...] | None = None
    least_severity: Severity = Severity.CRITICAL
    cooldown: timedelta | None = None
    shortest_range: timedelta | None = None
    verify_windows: int = 3
    deploy_within: timedelta = timedelta(days=30)
    verify_within: timedelta = timedelta(days=60)


INSTALLATION_RULE = Rule(persistence_runs=3, performance=True, features=())
"""A loss of performance, three drifted windows, or one window of critical drift."""


def weigh(rule: Rule, facts: Facts) -> list[Evidence]:
    """The evidence for retraining that a rule names; empty if it is not enough."""
    parts = [
        (rule.persistence_runs is not None, _persistence(rule, facts)),
        (rule.performance, _performance(facts)),
        (rule.features is not None, _features(rule, facts)),
    ]
    asked = [evidence for is_asked, evidence in parts if is_asked]
    found = [evidence for evidence in asked if evidence is not None]
    if rule.needs_all and len(found) < len(asked):
        return []
    return found


def _persistence(rule: Rule, facts: Facts) -> Evidence | None:
    if facts.windows < (rule.persistence_runs or 1):
        return None
    words = f"{facts.windows} drifted windows in one episode"
    return Evidence(kind="persistence", words=words, data={"windows": facts.windows})


def _performance(facts: Facts) -> Evidence | None:
    if not facts.losses:
        return None
    words = ", ".join(_loss_in_words(loss) for loss in facts.losses[:MOST_NAMES])
    return Evidence(kind="performance", words=words, data={"metrics": _as_data(facts.losses)})


def _loss_in_words(loss: Loss) -> str:
    if loss.value is None or loss.limit is None:
        return f"{loss.kind} {loss.metric} is beyond its limit"
    return f"{loss.kind} {loss.metric} is {loss.value:.4g}, and its limit {loss.limit:.4g}"


def _as_data(losses: Sequence[Loss]) -> list[Mapping[str, Any]]:
    return [
        {"kind": each.kind, "metric": each.metric, "value": each.value, "limit": each.limit}
        for each in losses
    ]


def _features(rule: Rule, facts: Facts) -> Evidence | None:
    least = rank(rule.least_severity)
    names = {
        each.feature
        for each in facts.drifted
        if rank(each.severity) >= least and _is_chosen(rule, each.feature)
    }
    if not names:
        return None
    ordered = sorted(names)
    more = len(ordered) - MOST_NAMES
    listed = ", ".join(ordered[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    words = f"drift of {rule.least_severity} severity or more in {listed}"
    return Evidence(kind="features", words=words, data={"features": ordered})


def _is_chosen(rule: Rule, feature: str) -> bool:
    return not rule.features or feature in rule.features
