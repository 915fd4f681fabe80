"""Computes the evidence of a run as a whole, and that of several drifted runs in a row."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from .method_results import FeatureDetail, MethodResult, Reference, counting
from .methods import Method
from .methods.method_limits import LEVEL
from .multiple_testing import adjust_p_values
from .plan import EvaluationPlan, Policy
from .verdicts import Verdict

CALIBRATOR = 0.2
"""The exponent κ of the e-value κ·pᵏ⁻¹ of a p-value; it grows most for p = exp(−1/κ) = 0.007, about what few windows of
a reference can carry (Vovk & Wang, E-values, 2021, section 2)."""


def run_p_value(results: Sequence[MethodResult], plan: EvaluationPlan) -> float | None:
    """A valid p-value for "nothing in this run drifted".

    Of each feature and method it takes the greater of two p-values: that of the method's own test, which takes rows for
    independent, and that of the null model, which knows by how much the reference's own windows differ. Over all that
    was compared with one reference it is the p-value of Simes (1986), the least Benjamini–Hochberg adjusted one. Slices
    are a family of their own, of p-values that were adjusted among all of the run. Of several families, the
    baseline's, those of references in time and the slices', it is the least one times their number (Bonferroni). A
    comparison that does not count makes no family. Which ones count depends on what could be judged, never on a
    p-value, so the run's p-value stays valid.

    A run that drifted takes the least of those that drifted, by evidence and effect, which is no less: what is certain
    but does not matter is no evidence of a drift. It is at most the level of the verdict: without drift a run drifts
    with at most that probability, by its tests and by the tolerances that the reference's windows have raised. So a
    drift that lasts becomes evidence in the end, however many features there are.

    Args:
        results: The method results of the run; those without p-values say nothing.
        plan: The plan that the run was judged by, with its null models.

    Returns:
        From 0 to 1; None by the policy `threshold`, which asks for no evidence, and without a p-value.
    """
    if plan.policy is Policy.THRESHOLD:
        return None
    results = counting(results)
    families = [family for each in Reference if (family := _tested(results, plan, each))]
    families = [_adjusted(family) for family in families]
    if slices := _tested_on_slices(results, plan):
        families.append(slices)
    if not families:
        return None
    has_drift = any(each.is_drifted for family in families for each in family)
    least = min(_least(family, of_drifted=has_drift) for family in families)
    most = _level_of_verdict(plan) if has_drift else 1.0
    return min(most, len(families) * least)


def _level_of_verdict(plan: EvaluationPlan) -> float:
    """The largest significance level that the plan judges by."""
    limits = (*plan.methods.values(), *plan.overrides.values())
    return max((each.level for each in limits), default=LEVEL)


def combined_p_value(p_values: Sequence[float]) -> float:
    """The evidence of a row of drifted windows that follow one another and do not overlap.

    One small p-value is evidence, and so is a row of larger ones: twice the lesser of the last p-value and of the
    inverse of a Shiryaev–Roberts e-detector, Mₙ = (Mₙ₋₁ + 1)·κ·pₙᵏ⁻¹, which begins anew where a window has not drifted
    (Shin, Ramdas & Rinaldo, E-detectors, 2023).

    A monitor that opens an episode whenever this is at or below a level opens, without drift, at most level × windows
    times on average, however often it is asked: each half of the level bounds one of the two. That holds if each
    p-value is valid given the windows before it. Windows that depend on one another, and the error of a reference that
    all of them share, break the half of the row, not that of the single window; the calibration of fleets measures it.

    Args:
        p_values: Of the windows since the last that did not drift, the oldest first.

    Returns:
        From 0 to 1; 1 for no window.
    """
    if not p_values:
        return 1.0
    evidence = 0.0
    for p_value in p_values:
        evidence = (evidence + 1) * e_value(p_value)
    return min(1.0, 2 * p_values[-1], 2 / evidence)


def e_value(p_value: float) -> float:
    """The payoff of a p-value as a bet against the null: under it, at most 1 on average; infinite for 0."""
    return CALIBRATOR * p_value ** (CALIBRATOR - 1) if p_value else float("inf")


@dataclass(frozen=True, slots=True)
class _Test:
    """The p-value of one method on one feature, and whether the policy calls it drift."""

    p_value: float
    is_drifted: bool


def _tested(
    results: Iterable[MethodResult], plan: EvaluationPlan, reference: Reference
) -> list[_Test]:
    """The tests against one reference, which are one family of p-values."""
    of_reference = [result for result in results if result.reference is reference]
    return [
        _Test(_with_null(detail.p_value, result, detail, plan), _is_drifted(detail))
        for result in of_reference
        for detail in result.details
        if detail.p_value is not None
    ]


def _is_drifted(detail: FeatureDetail) -> bool:
    return detail.verdict is Verdict.DRIFT


def _with_null(
    p_value: float, result: MethodResult, detail: FeatureDetail, plan: EvaluationPlan
) -> float:
    """The p-value, raised to the null model's where there is one.

    A slice has fewer rows than the whole and varies more, so the model of the whole says the least that is usual.
    """
    if not isinstance(result.method, Method) or detail.effect_size is None:
        return p_value
    model = plan.null_of(result.reference, result.method, detail.feature)
    return p_value if model is None else max(p_value, model.p_value(detail.effect_size))


def _adjusted(family: Sequence[_Test]) -> list[_Test]:
    """A family with its p-values adjusted by Benjamini–Hochberg; the least of them is the p-value of Simes."""
    adjusted = adjust_p_values([test.p_value for test in family])
    pairs = zip(family, adjusted, strict=True)
    return [replace(test, p_value=float(p_value)) for test, p_value in pairs]


def _tested_on_slices(results: Iterable[MethodResult], plan: EvaluationPlan) -> list[_Test]:
    """The tests of the slices that were kept, with p-values adjusted among all of the run.

    The least of all adjusted p-values is a p-value of the whole run, and that of a part is no less.
    """
    return [
        _Test(_with_null(detail.p_adjusted, result, detail, plan), _is_drifted(detail))
        for result in results
        for detail in result.slices
        if detail.p_adjusted is not None
    ]


def _least(family: Sequence[_Test], *, of_drifted: bool) -> float:
    """The least adjusted p-value of a family, or of what drifted in it; 1 if nothing did."""
    counted = [test.p_value for test in family if test.is_drifted or not of_drifted]
    return min(counted, default=1.0)
