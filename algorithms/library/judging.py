"""Judges one window by a baseline, at once or in batches."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ..baseline import Baseline, Window
from ..evaluation import evaluate, evaluate_profile
from ..method_results import MethodResult
from ..pictures import Drawing
from ..plan import EvaluationPlan
from ..profiles import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The answers of all methods on a window.

    Attributes:
        rows: Rows of the window.
        methods: One answer per method.
    """

    rows: int
    methods: tuple[MethodResult, ...]


def judge(
    frozen: Baseline,
    window: Window | Iterable[pa.RecordBatch],
    plan: EvaluationPlan,
    new_columns: Sequence[str] = (),
    drawing: Drawing | None = None,
) -> Judged:
    """Compare a window with a baseline.

    Args:
        frozen: The baseline.
        window: Its columns, or record batches one after the other.
        plan: Methods, limits and policy.
        new_columns: Columns of the data that the reference did not have.
        drawing: Takes the pictures of the window.
    """
    if isinstance(window, Iterable) and not isinstance(window, pa.Table):
        profile = frozen.profile(window, sampled=plan.sampled(frozen.features))
        return judge_counted(frozen, profile, plan, new_columns, drawing)
    methods = evaluate(frozen, window, plan, new_columns=new_columns, drawing=drawing)
    return Judged(rows=window.num_rows, methods=tuple(methods))


def judge_counted(
    frozen: Baseline,
    profile: Profile,
    plan: EvaluationPlan,
    new_columns: Sequence[str] = (),
    drawing: Drawing | None = None,
) -> Judged:
    """Compare a window that has been counted with a baseline; otherwise as `judge`."""
    methods = evaluate_profile(frozen, profile, plan, new_columns=new_columns, drawing=drawing)
    return Judged(rows=profile.rows, methods=tuple(methods))
