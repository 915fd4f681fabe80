"""What a run is asked to find out: which methods, how strict, and by which policy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from algorithms.columns import FeatureKind


class Method(StrEnum):
    """A way to compare two windows of one feature."""

    KS = "ks"
    PSI = "psi"
    CHI_SQUARED = "chi_squared"


class Policy(StrEnum):
    """How measurements become a verdict."""

    EVIDENCE_AND_EFFECT = "evidence_and_effect"
    THRESHOLD = "threshold"


METHOD_KINDS = {
    Method.KS: FeatureKind.NUMERIC,
    Method.PSI: FeatureKind.NUMERIC,
    Method.CHI_SQUARED: FeatureKind.CATEGORICAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How strict a method is with a feature.

    Attributes:
        threshold: A significance level for KS and chi-squared; an index for PSI.
        tolerance: Smallest effect size that matters. PSI's is its threshold.
        warning: Effect size from which a feature that has not drifted is worth a warning.
    """

    threshold: float
    tolerance: float
    warning: float


def significance_limits(threshold: float = 0.05, tolerance: float = 0.1) -> Limits:
    """Limits of KS or chi-squared; half the tolerance is worth a warning."""
    return Limits(threshold=threshold, tolerance=tolerance, warning=tolerance / 2)


def psi_limits(threshold: float = 0.2, warning: float = 0.1) -> Limits:
    """Limits of PSI; 0.1 and 0.2 are the usual ones (Siddiqi, 2006)."""
    return Limits(threshold=threshold, tolerance=threshold, warning=warning)


DEFAULT_LIMITS: Mapping[Method, Limits] = {
    Method.KS: significance_limits(),
    Method.PSI: psi_limits(),
    Method.CHI_SQUARED: significance_limits(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationPlan:
    """One run's question.

    Attributes:
        methods: The methods to run and their limits.
        overrides: Other limits for a method on one feature.
        policy: How measurements become a verdict.
        min_rows: Usable rows that each window needs.
        psi_level: Chance of exceeding PSI's null quantile on any feature of a run without drift. It adds to the
            false alarms of KS and chi-squared; at 0.025 the whole run stays at about 5 % (simulated).
    """

    methods: Mapping[Method, Limits] = field(default_factory=lambda: DEFAULT_LIMITS)
    overrides: Mapping[tuple[Method, str], Limits] = field(default_factory=dict)
    policy: Policy = Policy.EVIDENCE_AND_EFFECT
    min_rows: int = 50
    psi_level: float = 0.025

    def limits(self, method: Method, feature: str) -> Limits:
        """The limits for a method on a feature."""
        return self.overrides.get((method, feature), self.methods[method])
