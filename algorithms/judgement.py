"""Turns a measurement into a signal, by the policy of the run."""

from dataclasses import replace

from .method_results import FeatureDetail
from .methods import METHODS, Limits, Measurement, Method
from .plan import EvaluationPlan, Policy
from .verdicts import Signal, Verdict, severity_of


def judge(
    method: Method, measurement: Measurement, limits: Limits, policy: Policy, *, p_adjusted: float
) -> Signal:
    """The signal of one measured feature.

    `evidence_and_effect` asks two things: could chance alone explain it, and is it large enough to matter. Evidence is
    an adjusted p-value at or below the level. `threshold` compares with the threshold the raw p-value, or the
    statistic of a method that is known by its size.
    """
    if policy == Policy.THRESHOLD:
        if not METHODS[method].is_significance:
            return _by_size(measurement.statistic, limits)
        return Signal.DRIFT if measurement.p_value <= limits.threshold else Signal.STABLE
    return (
        _by_size(measurement.effect_size, limits) if p_adjusted <= limits.level else Signal.STABLE
    )


def explain_drift(method: Method, detail: FeatureDetail, policy: Policy) -> str:
    """The sentence that tells people why a feature counts as drifted."""
    if policy == Policy.EVIDENCE_AND_EFFECT:
        tolerated = f"is at or above the tolerated {detail.tolerance:.3g}"
        if detail.usual_effect == detail.tolerance:
            tolerated += ", by which windows of the reference differ, too"
        return f"Chance does not explain the change, and its effect size {detail.effect_size:.3g} {tolerated}."
    if not METHODS[method].is_significance:
        return f"The statistic {detail.statistic:.3g} is at or above the threshold {detail.threshold:g}."
    return f"The p-value {detail.p_value:.3g} is at or below the threshold {detail.threshold:g}."


def _by_size(size: float, limits: Limits) -> Signal:
    if size >= limits.tolerance:
        return Signal.DRIFT
    return Signal.WARNING if size >= limits.warning else Signal.STABLE


def complete(
    method: Method,
    detail: FeatureDetail,
    measurement: Measurement,
    plan: EvaluationPlan,
    *,
    p_adjusted: float,
    slice_name: str = "",
) -> FeatureDetail:
    """The record of a measured feature with its verdict and its numbers.

    Args:
        method: The method.
        detail: What is known of the feature's windows.
        measurement: The method's numbers.
        plan: Limits and policy.
        p_adjusted: The p-value after Benjamini–Hochberg over the run.
        slice_name: The slice; empty for the whole window.
    """
    limits = plan.limits(method, detail.feature)
    signal = judge(method, measurement, limits, plan.policy, p_adjusted=p_adjusted)
    judged = replace(
        detail,
        verdict=Verdict.INSUFFICIENT_DATA if measurement.caveat else Verdict.OK,
        reason=measurement.caveat,
        is_judgeable=measurement.is_judgeable and not (slice_name and measurement.caveat),
        signal=signal,
        statistic=measurement.statistic,
        p_value=measurement.p_value,
        p_adjusted=p_adjusted,
        effect_size=measurement.effect_size,
        threshold=limits.threshold,
        tolerance=limits.tolerance,
        usual_effect=plan.usual_effects.get((method, detail.feature)),
        scale=limits.scale,
        importance=plan.importances.get(detail.feature, 1.0),
        slice=slice_name,
        explanation=measurement.explanation,
    )
    return _drifted(method, judged, plan.policy) if signal is Signal.DRIFT else judged


def _drifted(method: Method, detail: FeatureDetail, policy: Policy) -> FeatureDetail:
    severity = severity_of(detail.ratio * detail.importance)
    reason = explain_drift(method, detail, policy)
    return replace(detail, verdict=Verdict.DRIFT, severity=severity, reason=reason)
