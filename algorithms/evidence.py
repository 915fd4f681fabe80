"""Computes the evidence of a run as a whole: one p-value from those of its features and methods."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .method_results import MethodResult, Reference
from .multiple_testing import adjust_p_values
from .plan import EvaluationPlan, Policy
from .verdicts import Verdict


def run_p_value(results: Sequence[MethodResult], plan: EvaluationPlan) -> float | None:
    """A valid p-value for "nothing in this run drifted".

    It is the p-value of Simes (1986), the least Benjamini–Hochberg adjusted one, over all features and methods that
    were compared with one reference. A run that drifted takes the least of those that drifted, by evidence and effect,
    which is no less: what is certain but does not matter is no evidence of a drift. With two references, the baseline
    and the weeks before, it is twice the lesser one, at most 1 (Bonferroni).

    Args:
        results: The method results of the run; those without p-values do not count.
        plan: The plan that the run was judged by.

    Returns:
        From 0 to 1; None by the policy `threshold`, which asks for no evidence, and without a p-value.
    """
    if plan.policy is Policy.THRESHOLD:
        return None
    families = [family for each in Reference if (family := _tested(results, each))]
    if not families:
        return None
    has_drift = any(each.is_drifted for family in families for each in family)
    least = min(_simes(family, of_drifted=has_drift) for family in families)
    return min(1.0, len(families) * least)


@dataclass(frozen=True, slots=True)
class _Test:
    """The p-value of one method on one feature, and whether the policy calls it drift."""

    p_value: float
    is_drifted: bool


def _tested(results: Iterable[MethodResult], reference: Reference) -> list[_Test]:
    """What was tested against a reference: one family of p-values."""
    of_reference = (result.details for result in results if result.reference is reference)
    return [
        _Test(detail.p_value, detail.verdict is Verdict.DRIFT)
        for details in of_reference
        for detail in details
        if detail.p_value is not None
    ]


def _simes(family: Sequence[_Test], *, of_drifted: bool) -> float:
    """The least adjusted p-value of a family, or of what drifted in it; 1 if nothing did."""
    adjusted = zip(family, adjust_p_values([each.p_value for each in family]), strict=True)
    counted = [p for test, p in adjusted if test.is_drifted or not of_drifted]
    return min(counted, default=1.0)
