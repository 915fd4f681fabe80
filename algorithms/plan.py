"""Defines the plan of a run: its methods, their limits and the policy."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from .columns import FeatureKind

NUMERIC, CATEGORICAL = frozenset({FeatureKind.NUMERIC}), frozenset({FeatureKind.CATEGORICAL})


class Method(StrEnum):
    """A way to compare two windows of one feature, or, for `row_count`, two windows."""

    KS = "ks"
    PSI = "psi"
    CHI_SQUARED = "chi_squared"
    WASSERSTEIN = "wasserstein"
    JENSEN_SHANNON = "jensen_shannon"
    HELLINGER = "hellinger"
    ANDERSON_DARLING = "anderson_darling"
    NULL_RATE = "null_rate"
    RANGE = "range"
    NEW_CATEGORIES = "new_categories"
    ROW_COUNT = "row_count"


class Policy(StrEnum):
    """The rule by which measurements become a verdict."""

    EVIDENCE_AND_EFFECT = "evidence_and_effect"
    THRESHOLD = "threshold"


METHOD_KINDS: Mapping[Method, frozenset[FeatureKind]] = {
    Method.KS: NUMERIC,
    Method.PSI: NUMERIC,
    Method.CHI_SQUARED: CATEGORICAL,
    Method.WASSERSTEIN: NUMERIC,
    Method.JENSEN_SHANNON: NUMERIC | CATEGORICAL,
    Method.HELLINGER: NUMERIC | CATEGORICAL,
    Method.ANDERSON_DARLING: NUMERIC,
    Method.NULL_RATE: NUMERIC | CATEGORICAL,
    Method.RANGE: NUMERIC,
    Method.NEW_CATEGORIES: CATEGORICAL,
    Method.ROW_COUNT: frozenset(),
}
DEFAULT_METHODS = (Method.KS, Method.PSI, Method.CHI_SQUARED)
SIGNIFICANCE_METHODS = frozenset({Method.KS, Method.CHI_SQUARED, Method.ANDERSON_DARLING})
"""Methods whose threshold is a significance level; the others' is a size."""
LEVEL = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a method on a feature.

    Attributes:
        threshold: A significance level for KS, chi-squared and Anderson–Darling; a size for the others.
        tolerance: Smallest effect size that matters. Where the threshold is a size, it is the same.
        warning: Effect size from which a feature that has not drifted is worth a warning.
        level: Significance level of the evidence; where the threshold is one, it is the same.
        scale: Effect size that severity is measured by, at least the tolerance.
        is_fixed: Whether the tolerance holds as it is, however much the reference's own windows differ.
    """

    threshold: float
    tolerance: float
    warning: float
    level: float
    scale: float
    is_fixed: bool = False

    def raised_to(self, usual: float) -> Self:
        """The limits for a feature whose windows differ by `usual` without drift."""
        if self.is_fixed or usual <= self.tolerance:
            return self
        warning = self.warning * usual / self.tolerance
        return replace(self, tolerance=usual, warning=warning, scale=max(self.scale, usual))


def significance_limits(
    threshold: float = LEVEL, tolerance: float = 0.1, scale: float = 0.0
) -> Limits:
    """Limits of a method that is known by its p-value; half the tolerance is worth a warning."""
    return Limits(
        threshold=threshold,
        tolerance=tolerance,
        warning=tolerance / 2,
        level=threshold,
        scale=max(scale, tolerance),
    )


def size_limits(threshold: float, warning: float | None = None) -> Limits:
    """Limits of a method that is known by a size; half of it is worth a warning unless said otherwise."""
    least = threshold / 2 if warning is None else warning
    return Limits(
        threshold=threshold, tolerance=threshold, warning=least, level=LEVEL, scale=threshold
    )


def psi_limits(threshold: float = 0.2, warning: float = 0.1) -> Limits:
    """Limits of PSI; 0.1 and 0.2 are the usual ones (Siddiqi, 2006)."""
    return size_limits(threshold, warning)


KS_TOLERANCE, KS_SCALE = 0.035, 0.1
"""A normal feature that moves by 0.09 and by 0.25 standard deviations."""
DEFAULT_LIMITS: Mapping[Method, Limits] = {
    Method.KS: significance_limits(tolerance=KS_TOLERANCE, scale=KS_SCALE),
    Method.PSI: psi_limits(),
    Method.CHI_SQUARED: significance_limits(),
    Method.WASSERSTEIN: size_limits(0.1),
    Method.JENSEN_SHANNON: size_limits(0.1),
    Method.HELLINGER: size_limits(0.1),
    Method.ANDERSON_DARLING: significance_limits(tolerance=0.02),
    Method.NULL_RATE: size_limits(0.05),
    Method.RANGE: size_limits(0.01),
    Method.NEW_CATEGORIES: size_limits(0.01),
    Method.ROW_COUNT: size_limits(0.5),
}


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
    """

    methods: Mapping[Method, Limits] = field(
        default_factory=lambda: {method: DEFAULT_LIMITS[method] for method in DEFAULT_METHODS}
    )
    overrides: Mapping[tuple[Method, str], Limits] = field(default_factory=dict)
    policy: Policy = Policy.EVIDENCE_AND_EFFECT
    min_rows: int = 50
    importances: Mapping[str, float] = field(default_factory=dict)
    usual_rows: tuple[int, ...] = ()
    usual_effects: Mapping[tuple[Method, str], float] = field(default_factory=dict)

    def limits(self, method: Method, feature: str) -> Limits:
        """The limits for a method on a feature."""
        limits = self.overrides.get((method, feature), self.methods[method])
        if self.policy is Policy.THRESHOLD:
            return limits
        return limits.raised_to(self.usual_effects.get((method, feature), 0.0))
