"""Turning a measurement into a signal, by the policy of the run."""

from algorithms.measurement import Measurement
from algorithms.outcomes import FeatureDetail
from algorithms.plan import Limits, Policy
from algorithms.statistical_tests.psi import psi_null_quantile
from algorithms.verdicts import Signal


def judge(
    measurement: Measurement, limits: Limits, policy: Policy, *, p_adjusted: float | None, psi_level: float
) -> Signal:
    """The signal of one measured feature.

    `evidence_and_effect` asks two things: could chance alone explain it, and is it large enough to matter. Evidence is
    an adjusted p-value at or below the threshold, or for PSI an index beyond its null quantile at `psi_level`.
    `threshold` compares the raw p-value, or the index as it stands, with the threshold.
    """
    if policy == Policy.THRESHOLD:
        return _judge_by_threshold(measurement, limits)
    if measurement.psi is not None:
        has_evidence = measurement.statistic > psi_null_quantile(psi_level, measurement.psi)
    else:
        has_evidence = p_adjusted is not None and p_adjusted <= limits.threshold
    return _by_size(measurement.effect_size, limits) if has_evidence else Signal.STABLE


def explain_drift(detail: FeatureDetail, policy: Policy) -> str:
    """The sentence that tells people why a feature counts as drifted."""
    if policy == Policy.EVIDENCE_AND_EFFECT:
        return (
            f"Chance does not explain the change, and its effect size {detail.effect_size:.3g} "
            f"is at or above the tolerated {detail.tolerance:g}."
        )
    if detail.p_value is None:
        return f"The statistic {detail.statistic:.3g} is at or above the threshold {detail.threshold:g}."
    return f"The p-value {detail.p_value:.3g} is at or below the threshold {detail.threshold:g}."


def _judge_by_threshold(measurement: Measurement, limits: Limits) -> Signal:
    if measurement.p_value is None:
        return _by_size(measurement.statistic, limits)
    return Signal.DRIFT if measurement.p_value <= limits.threshold else Signal.STABLE


def _by_size(size: float, limits: Limits) -> Signal:
    if size >= limits.tolerance:
        return Signal.DRIFT
    return Signal.WARNING if size >= limits.warning else Signal.STABLE
