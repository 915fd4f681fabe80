"""Evaluates a claimed run: read the window once, compare it with the baseline."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import pyarrow as pa

from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.method_results import Reference, counting
from algorithms.pictures import Drawing
from algorithms.plan import EvaluationPlan
from algorithms.run_evidence import run_p_value
from detections.evaluation.context import NoBaseline, RunContext, load_context, open_run_window
from detections.evaluation.fan_out import profile_in_parts
from detections.evaluation.judge import (
    find_new_columns,
    is_streamed,
    judge_profile,
    judge_window,
    plan_of_run,
)
from detections.evaluation.performance import (
    measure_again,
    with_performance,
    with_unread_outcomes,
)
from detections.evaluation.phase_clock import PhaseClock
from detections.evaluation.stale_copies import with_stale_copies
from detections.evaluation.time_comparisons import with_time_references
from detections.evaluation.window_counts import with_reading
from detections.ledger.runs import Claim
from detections.models import DetectionRun
from detections.outcomes.refusals import BadOutcomes
from detections.outcomes.source_data import read_new_outcomes, read_until
from detections.results import RunResult, failure
from drift_detector.tenancy.scope import tenant_scope
from monitors.baselines.cache import UnreadableBaseline, frozen_baselines
from monitors.monitor_windows import frozen_column_types
from monitors.sources import LazyWindow, SourceError


def evaluate_run(claim: Claim) -> RunResult:
    """Evaluate a claimed run; no transaction is open while it reads and computes.

    Raises:
        BaselineNotReady: If the run must wait for its baseline.
        LeaseLost: If another worker has taken the run while a divided window was counted.
        SourceError: With `is_transient`, if trying again later may help; other source errors are outcomes.
    """
    clock = PhaseClock()
    return replace(_load_and_evaluate(claim, clock), phases=clock.seconds)


def _load_and_evaluate(claim: Claim, clock: PhaseClock) -> RunResult:
    with clock.phase("load"), tenant_scope(claim.tenant_id):
        try:
            context = load_context(claim.run_id)
        except NoBaseline as error:
            return failure(str(error), methods=_methods_of(claim))
    try:
        return _evaluate(claim, context, clock)
    except UnreadableBaseline as error:
        return failure(str(error), methods=context.run.methods)
    except SourceError as error:
        if error.is_transient:
            raise
        return failure(str(error), methods=context.run.methods)


def _methods_of(claim: Claim) -> list[str]:
    runs = DetectionRun.objects.select_related("monitor").defer("inline_data")
    return runs.get(id=claim.run_id).methods


def _evaluate(claim: Claim, context: RunContext, clock: PhaseClock) -> RunResult:
    is_follow_up = context.run.trigger == DetectionRun.Trigger.LABELS
    result = None if is_follow_up else _compare(claim, context, clock)
    with clock.phase("outcomes"):
        if result is None:
            return measure_again(claim, context)
        return _with_outcomes(result, claim, context, clock)


def _compare(claim: Claim, context: RunContext, clock: PhaseClock) -> RunResult:
    with ExitStack() as opened:
        with clock.phase("open"):
            plan = plan_of_run(context.monitor, context.baseline, _length_of(context.run))
            frozen = frozen_baselines.get(context.baseline)
            window = opened.enter_context(open_run_window(context, frozen_column_types(frozen)))
        with clock.phase("evaluate"):
            result = _judge(claim, context, frozen, window, plan)
    p_value = run_p_value(result.methods, plan)
    has_null = plan.has_null(_tested_references(result))
    return replace(result, baseline_id=context.baseline.id, p_value=p_value, has_null=has_null)


def _tested_references(result: RunResult) -> set[Reference]:
    """The references of the comparisons that count and have p-values."""
    return {
        each.reference
        for each in counting(result.methods)
        if any(detail.p_value is not None for detail in each.details)
    }


def _length_of(run: DetectionRun) -> timedelta | None:
    """The length of a run's window; None for rows that came with the request."""
    return None if run.inline_data is not None else run.window_end - run.window_start


def _judge(
    claim: Claim,
    context: RunContext,
    frozen: FrozenBaseline,
    window: pa.Table | LazyWindow,
    plan: EvaluationPlan,
) -> RunResult:
    """Compare the window with the baseline, and with earlier times if it is read from a source."""
    new_columns = find_new_columns(context.monitor, context.baseline, window)
    drawing = Drawing(frames=frozen.frames, sensitive=plan.sensitive)
    if not isinstance(window, LazyWindow):
        result = judge_window(frozen, window, plan, new_columns, drawing)
        return with_reading(result, rows=window.num_rows, files=None)
    if is_streamed(window):
        profile = profile_in_parts(claim, context, frozen, window, plan.sampled(frozen.features))
        result = judge_profile(frozen, profile, plan, new_columns, drawing)
    else:
        result = judge_window(frozen, window, plan, new_columns, drawing)
    bounds = (context.run.window_start, context.run.window_end)
    monitor, policy, rows = context.monitor, context.policy, result.rows
    result = with_time_references(result, monitor, policy, frozen, window, bounds, plan)
    result = with_stale_copies(result, context)
    return with_reading(result, rows=rows, files=window.files, size=window.bytes_at_most)


def _with_outcomes(
    result: RunResult, claim: Claim, context: RunContext, clock: PhaseClock
) -> RunResult:
    """Add the performance, then the new outcomes that the same read has found."""
    result, predictions = with_performance(result, claim, context, clock)
    return _with_new_outcomes(result, claim, context, predictions)


def _with_new_outcomes(
    result: RunResult, claim: Claim, context: RunContext, predictions: pa.Table | None
) -> RunResult:
    """Add the new predictions and labels to the result; if they can't be read, each detector has an error."""
    if not context.monitor.prediction_column or context.run.inline_data is not None:
        return result
    with tenant_scope(claim.tenant_id):
        since = read_until(context.monitor)
    try:
        new = read_new_outcomes(
            context.monitor,
            context.policy,
            context.run,
            since,
            predictions,
            context.baseline.prediction_types,
        )
        return replace(result, new_outcomes=new)
    except (SourceError, BadOutcomes) as error:
        if isinstance(error, SourceError) and error.is_transient:
            raise
        return with_unread_outcomes(result, context.monitor, error)
