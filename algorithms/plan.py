"""Defines the plan of a run: its methods, their limits and the policy."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from .method_results import Reference
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


type Place = tuple[Method, str]
"""A method and a feature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualInTime:
    """By how much windows without drift differ from a reference in time, by method and feature.

    Attributes:
        effects: The effect size that one more window stays below.
        nulls: What those windows make of one more window's effect.
    """

    effects: Mapping[Place, float] = field(default_factory=dict)
    nulls: Mapping[Place, NullModel] = field(default_factory=dict)


NOTHING_USUAL = UsualInTime()


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
        in_time: The same two of references in time, as far as they are known.
        sensitive: Features of which the results hold no value: shares and effects only.
        names_faults: Whether the faults that explain drifts are sought.
    """

    methods: Mapping[Method, Limits] = field(default_factory=default_method_limits)
    overrides: Mapping[Place, Limits] = field(default_factory=dict)
    policy: Policy = Policy.EVIDENCE_AND_EFFECT
    min_rows: int = 50
    importances: Mapping[str, float] = field(default_factory=dict)
    usual_rows: tuple[int, ...] = ()
    usual_effects: Mapping[Place, float] = field(default_factory=dict)
    nulls: Mapping[Place, NullModel] = field(default_factory=dict)
    in_time: Mapping[Reference, UsualInTime] = field(default_factory=dict)
    sensitive: frozenset[str] = frozenset()
    names_faults: bool = False

    def sampled(self, features: Iterable[str]) -> frozenset[str]:
        """The features of which a sample is needed to name a fault; no value of a sensitive one is kept."""
        return frozenset(features) - self.sensitive if self.names_faults else frozenset()

    def without_schema(self) -> Self:
        """The plan of a comparison with other data than the baseline: it measures, and checks no columns."""
        kept = {each: own for each, own in self.methods.items() if not METHODS[each].checks_schema}
        return replace(self, methods=kept)

    def for_time(
        self, reference: Reference, usual_rows: tuple[int, ...], *, names_faults: bool
    ) -> Self:
        """The plan of the comparison with a reference in time.

        Args:
            reference: The reference in time.
            usual_rows: How many rows its windows held.
            names_faults: Whether faults are sought; one comparison of a run names them.
        """
        usual = self.in_time.get(reference, NOTHING_USUAL)
        return replace(
            self.without_schema(),
            usual_rows=usual_rows,
            usual_effects=usual.effects,
            nulls=usual.nulls,
            names_faults=names_faults,
        )

    def null_of(self, reference: Reference, method: Method, feature: str) -> NullModel | None:
        """The null model of a comparison; a reference in time without one has that of the baseline.

        An earlier time has fewer rows than the baseline and varies more, so that model says the least that is usual.
        """
        usual = self.in_time.get(reference, NOTHING_USUAL)
        return usual.nulls.get((method, feature)) or self.nulls.get((method, feature))

    def has_null(self, references: Iterable[Reference]) -> bool:
        """True if null models are known for each of the comparisons, as `null_of` finds them."""
        own = (self.in_time.get(each, NOTHING_USUAL).nulls for each in references)
        return all(self.nulls or nulls for nulls in own)

    def limits(self, method: Method, feature: str) -> Limits:
        """The limits for a method on a feature."""
        limits = self.overrides.get((method, feature), self.methods[method])
        if self.policy is Policy.THRESHOLD:
            return limits
        return limits.raised_to(self.usual_effects.get((method, feature), 0.0))
