"""The rules for what is judged on slices, what counts, and what is kept of it."""

from dataclasses import replace

from ..method_results import FeatureDetail
from ..methods import Method
from ..plan import EvaluationPlan
from ..verdicts import Verdict

SLICE_METHODS = frozenset({Method.KS, Method.CHI_SQUARED, Method.NULL_RATE})
"""The methods that judge slices: one for each kind of feature, and missing values."""
FEW = frozenset({Verdict.INSUFFICIENT_DATA, Verdict.NO_DATA})
NOT_FOUND = "Its rows were not found: "
"""Begins the reason of a slice whose condition needs a column that the window does not hold as it should."""
NO_ROW = "The slice has no row in the window."


def plan_of_slices(plan: EvaluationPlan) -> EvaluationPlan:
    """The plan with the methods that judge slices alone; faults are sought in the whole."""
    kept = {each: limits for each, limits in plan.methods.items() if each in SLICE_METHODS}
    return replace(plan, methods=kept, names_faults=False)


def named_for(name: str, detail: FeatureDetail) -> FeatureDetail:
    """The record of a feature that was not measured on a slice.

    A slice that is small by its nature does not count, nor one whose rows were not found: the column of its condition
    has a verdict of its own.
    """
    if detail.verdict is Verdict.NO_DATA:
        detail = replace(detail, verdict=Verdict.INSUFFICIENT_DATA, reason=NO_ROW)
    is_left_out = detail.verdict in FEW or detail.reason.startswith(NOT_FOUND)
    return replace(detail, slice=name, is_judgeable=detail.is_judgeable and not is_left_out)
