"""Evaluates a claimed run: read the window once, compare it with the baseline."""

from contextlib import ExitStack
from dataclasses import replace

import pyarrow as pa

from detections.evaluation.context import NoBaseline, RunContext, load_context, open_run_window
from detections.evaluation.fan_out import profile_in_parts
from detections.evaluation.judge import is_streamed, judge_profile, judge_window, plan_of
from detections.evaluation.performance import measure_again, with_performance
from detections.evaluation.seasonal import with_weeks_before
from detections.ledger.runs import Claim
from detections.models import DetectionRun
from detections.outcomes.outcome_tables import BadOutcomes
from detections.outcomes.source_data import read_new_outcomes, read_until
from detections.results import RunResult, failure
from drift_detector.observability.metrics import timed_phase
from drift_detector.tenancy.scope import tenant_scope
from monitors.baselines.cache import UnreadableBaseline, frozen_baselines
from monitors.sources import LazyWindow, SourceError


def evaluate_run(claim: Claim) -> RunResult:
    """Evaluate a claimed run; no transaction is open while it reads and computes.

    Raises:
        BaselineNotReady: If the run must wait for its baseline.
        LeaseLost: If another worker has taken the run while a divided window was counted.
        SourceError: With `is_transient`, if trying again later may help; other source errors are outcomes.
    """
    with timed_phase("load"), tenant_scope(claim.tenant_id):
        try:
            context = load_context(claim.run_id)
        except NoBaseline as error:
            run = (
                DetectionRun.objects.select_related("monitor")
                .defer("inline_data")
                .get(id=claim.run_id)
            )
            return failure(str(error), methods=run.methods)
    try:
        if context.run.trigger == DetectionRun.Trigger.LABELS:
            with timed_phase("outcomes"):
                return measure_again(claim, context)
        return _compare(claim, context)
    except UnreadableBaseline as error:
        return failure(str(error), methods=context.run.methods)
    except SourceError as error:
        if error.is_transient:
            raise
        return failure(str(error), methods=context.run.methods)


def _compare(claim: Claim, context: RunContext) -> RunResult:
    monitor, run = context.monitor, context.run
    with ExitStack() as opened:
        with timed_phase("open"):
            plan, frozen = (
                plan_of(monitor, context.baseline),
                frozen_baselines.get(context.baseline),
            )
            window = opened.enter_context(open_run_window(context, list(frozen.features)))
        with timed_phase("evaluate"):
            if is_streamed(window):
                result = judge_profile(
                    frozen, profile_in_parts(claim, context, frozen, window), plan
                )
            else:
                result = judge_window(frozen, window, plan)
            if isinstance(window, LazyWindow):
                bounds = (run.window_start, run.window_end)
                result = with_weeks_before(
                    result, monitor, context.policy, frozen, window, bounds, plan
                )
    with timed_phase("outcomes"):
        result, predictions = with_performance(
            replace(result, baseline_id=context.baseline.id), claim, context
        )
        return _with_new_outcomes(result, claim, context, predictions)


def _with_new_outcomes(
    result: RunResult, claim: Claim, context: RunContext, predictions: pa.Table | None
) -> RunResult:
    """Add the new predictions and labels to the result; if they can't be read, its reason says so."""
    if not context.monitor.prediction_column or context.run.inline_data is not None:
        return result
    with tenant_scope(claim.tenant_id):
        since = read_until(context.monitor)
    try:
        new = read_new_outcomes(context.monitor, context.policy, context.run, since, predictions)
        return replace(result, new_outcomes=new)
    except (SourceError, BadOutcomes) as error:
        if isinstance(error, SourceError) and error.is_transient:
            raise
        return replace(result, reason=f"{result.reason} Outcomes were not read: {error}".strip())
