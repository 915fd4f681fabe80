"""Defines the plan of a run: its methods, their limits and the policy."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from .methods import DEFAULT_LIMITS, DEFAULT_METHODS, METHODS, Limits, Method
from .methods.row_count_method import FEWEST_WINDOWS
from .null_models import NullModel


class Policy(StrEnum):
    """The rule by which measurements become a verdict."""

    EVIDENCE_AND_EFFECT = "evidence_and_effect"
    THRESHOLD = "threshold"


def default_methods(usual_rows: Collection[int] = ()) -> list[Method]:
    """The methods of a run that names none: those that count rows only where enough windows are known."""
    has_history = len(usual_rows) >= FEWEST_WINDOWS
    return [each for each in DEFAULT_METHODS if has_history or METHODS[each].row_count is None]


def default_method_limits() -> dict[Method, Limits]:
    """The default methods of a run without history, with their default limits."""
    return {method: DEFAULT_LIMITS[method] for method in default_methods()}


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationPlan:
    """One run's question.

    Attributes:
        methods: The methods to run and their limits.
        overrides: Other limits for a method on one feature.
        policy: How measurements become a verdict.
        min_rows: Usable rows that each window needs.
        importances: How much a feature's drift matters, by name; 1 where not given. It moves the severity only.
        usual_rows: How many rows windows of the reference's time held, for `row_count`.
        usual_effects: By how much windows of the reference's time differ without drift, by method and feature. By
            `evidence_and_effect` a change must be larger, unless the limit is fixed.
        nulls: What those windows make of one more window's effect, by method and feature: a run's p-value is no less.
        sensitive: Features of which the results hold no value: shares and effects only.
    """

    methods: Mapping[Method, Limits] = field(default_factory=default_method_limits)
    overrides: Mapping[tuple[Method, str], Limits] = field(default_factory=dict)
    policy: Policy = Policy.EVIDENCE_AND_EFFECT
    min_rows: int = 50
    importances: Mapping[str, float] = field(default_factory=dict)
    usual_rows: tuple[int, ...] = ()
    usual_effects: Mapping[tuple[Method, str], float] = field(default_factory=dict)
    nulls: Mapping[tuple[Method, str], NullModel] = field(default_factory=dict)
    sensitive: frozenset[str] = frozenset()

    def without_schema(self) -> Self:
        """The plan of a comparison with other data than the baseline: it measures, and checks no columns."""
        kept = {each: own for each, own in self.methods.items() if not METHODS[each].checks_schema}
        return replace(self, methods=kept)

    def limits(self, method: Method, feature: str) -> Limits:
        """The limits for a method on a feature."""
        limits = self.overrides.get((method, feature), self.methods[method])
        if self.policy is Policy.THRESHOLD:
            return limits
        return limits.raised_to(self.usual_effects.get((method, feature), 0.0))
