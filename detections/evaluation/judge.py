"""Judges one open window by a baseline: for a run, a backtest or a reference in time."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeGuard

import pyarrow as pa
from django.conf import settings

from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.library.judging import Judged, judge, judge_counted
from algorithms.method_results import MethodResult
from algorithms.methods import Method
from algorithms.pictures import Drawing
from algorithms.plan import EvaluationPlan
from algorithms.profiles import Profile
from algorithms.verdicts import Verdict, combine_verdicts
from detections.results import RunResult
from monitors.evaluation_plans import evaluation_plan
from monitors.features import ROLE_FIELDS
from monitors.models import Baseline, Monitor
from monitors.sources import LazyWindow

LONGEST_DIFFERENCE = 0.1
"""Share by which windows of one length differ: a day has 23 to 25 hours."""
UNJUDGED = frozenset({Verdict.ERROR, Verdict.INSUFFICIENT_DATA})


def plan_of_run(monitor: Monitor, baseline: Baseline, length: timedelta | None) -> EvaluationPlan:
    """The plan of a run, which names faults; otherwise as `plan_of`."""
    return replace(plan_of(monitor, baseline, length), names_faults=True)


def plan_of(monitor: Monitor, baseline: Baseline, length: timedelta | None) -> EvaluationPlan:
    """The plan for a window of this monitor, with the usual sizes of the baseline's own windows.

    Args:
        monitor: Whose window it is.
        baseline: With its power card.
        length: Of the window; None for rows without a time. How many rows are usual is known for
            windows as long as those of the card alone.
    """
    card = baseline.calibration
    if card and not _is_as_long(length, card.get("window_seconds"), monitor):
        card = {**card, "rows": ()}
    return evaluation_plan(monitor, card)


def _is_as_long(length: timedelta | None, seconds: float | None, monitor: Monitor) -> bool:
    """True for windows as long as the card's, which can be an hour off where clocks change.

    Older cards do not say their length, which was the monitor's.
    """
    usual = monitor.window if seconds is None else timedelta(seconds=seconds)
    return length is not None and abs(length - usual) <= usual * LONGEST_DIFFERENCE


def find_new_columns(
    monitor: Monitor, baseline: Baseline, window: pa.Table | LazyWindow
) -> list[str]:
    """The columns of a window that neither the reference has nor the monitor knows.

    None for a baseline from before columns were kept.
    """
    if baseline.columns is None:
        return []
    held = window.held_columns if isinstance(window, LazyWindow) else window.column_names
    roles = [getattr(monitor, field) for field in ROLE_FIELDS]
    known = {*baseline.columns, *roles, monitor.timestamp_column}
    return [name for name in held if name not in known]


def judge_window(
    frozen: FrozenBaseline,
    window: pa.Table | LazyWindow,
    plan: EvaluationPlan,
    new_columns: Sequence[str] = (),
    drawing: Drawing | None = None,
) -> RunResult:
    """Compare an open window with a baseline; one that is large is streamed.

    Args:
        frozen: The baseline.
        window: The window.
        plan: Methods, limits and policy.
        new_columns: Columns of the data that the reference did not have.
        drawing: Takes the pictures of the window; the result holds it.

    Raises:
        SourceError: If the window cannot be read.
    """
    rows = window.batches() if is_streamed(window) else window
    judged = judge(frozen, rows, plan, new_columns, drawing)
    return replace(_to_result(judged), drawing=drawing)


def judge_profile(
    frozen: FrozenBaseline,
    profile: Profile,
    plan: EvaluationPlan,
    new_columns: Sequence[str] = (),
    drawing: Drawing | None = None,
) -> RunResult:
    """Compare a window that has been counted with a baseline; otherwise as `judge_window`."""
    judged = judge_counted(frozen, profile, plan, new_columns, drawing)
    return replace(_to_result(judged), drawing=drawing)


def is_streamed(window: pa.Table | LazyWindow) -> TypeGuard[LazyWindow]:
    """True if a window is too large to be read as a whole."""
    return isinstance(window, LazyWindow) and window.bytes_at_most >= settings.ENV.data.stream_bytes


def _to_result(judged: Judged) -> RunResult:
    return RunResult(
        verdict=verdict_of(judged.methods),
        reason=_reason(judged.rows, judged.methods),
        rows=judged.rows,
        methods=judged.methods,
    )


def verdict_of(methods: Sequence[MethodResult]) -> Verdict:
    """The verdict of a comparison, from those of its methods."""
    counted = _counted(methods)
    if methods and not counted:
        return Verdict.INSUFFICIENT_DATA
    return combine_verdicts(method.verdict for method in counted)


def _counted(methods: Sequence[MethodResult]) -> list[MethodResult]:
    """The methods whose verdict counts. Columns that are as they were say nothing about their values."""
    judging = [method for method in methods if method.method != Method.SCHEMA or method.is_drifted]
    return [method for method in judging or methods if method.is_judgeable]


def _reason(rows: int, methods: Sequence[MethodResult]) -> str:
    """The reason why the window, or a part of it, was not judged; empty if all of it was."""
    if not rows:
        return "The window holds no row."
    if any(method.is_judgeable for method in methods):
        details = [detail for method in methods for detail in method.details if detail.is_judgeable]
    else:
        details = [detail for method in methods for detail in method.details]
    unjudged = {detail.feature: detail.reason for detail in details if detail.verdict in UNJUDGED}
    if not unjudged:
        return ""
    feature, reason = next(iter(unjudged.items()))
    if len(unjudged) == 1:
        return f"{feature} was not judged: {reason}"
    return f"{len(unjudged)} features were not judged, such as {feature}: {reason}"
