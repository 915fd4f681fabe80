"""From a claimed run to its outcome: read the window once, compare it with the baseline."""

from contextlib import ExitStack
from dataclasses import replace

import pyarrow as pa

from detections.evaluation.context import NoBaseline, Plan, load_plan, open_run_window
from detections.evaluation.fan_out import profile_in_parts
from detections.evaluation.judge import is_streamed, judge_profile, judge_window, question_of
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
            plan = load_plan(claim.run_id)
        except NoBaseline as error:
            run = (
                DetectionRun.objects.select_related("monitor")
                .defer("inline_data")
                .get(id=claim.run_id)
            )
            return failure(str(error), methods=run.methods)
    try:
        if plan.run.trigger == DetectionRun.Trigger.LABELS:
            with timed_phase("outcomes"):
                return measure_again(claim, plan)
        return _compare(claim, plan)
    except UnreadableBaseline as error:
        return failure(str(error), methods=plan.run.methods)
    except SourceError as error:
        if error.is_transient:
            raise
        return failure(str(error), methods=plan.run.methods)


def _compare(claim: Claim, plan: Plan) -> RunResult:
    monitor, run = plan.monitor, plan.run
    with ExitStack() as opened:
        with timed_phase("open"):
            question, frozen = (
                question_of(monitor, plan.baseline),
                frozen_baselines.get(plan.baseline),
            )
            window = opened.enter_context(open_run_window(plan, list(frozen.features)))
        with timed_phase("evaluate"):
            if is_streamed(window):
                outcome = judge_profile(
                    frozen, profile_in_parts(claim, plan, frozen, window), question
                )
            else:
                outcome = judge_window(frozen, window, question)
            if isinstance(window, LazyWindow):
                bounds = (run.window_start, run.window_end)
                outcome = with_weeks_before(
                    outcome, monitor, plan.policy, frozen, window, bounds, question
                )
    with timed_phase("outcomes"):
        outcome, answers = with_performance(
            replace(outcome, baseline_id=plan.baseline.id), claim, plan
        )
        return _with_new_outcomes(outcome, claim, plan, answers)


def _with_new_outcomes(
    outcome: RunResult, claim: Claim, plan: Plan, answers: pa.Table | None
) -> RunResult:
    """Beside the window's verdict, the predictions and labels that are new; if they can't be read, it is told."""
    if not plan.monitor.prediction_column or plan.run.inline_data is not None:
        return outcome
    with tenant_scope(claim.tenant_id):
        since = read_until(plan.monitor)
    try:
        new = read_new_outcomes(plan.monitor, plan.policy, plan.run, since, answers)
        return replace(outcome, new_outcomes=new)
    except (SourceError, BadOutcomes) as error:
        if isinstance(error, SourceError) and error.is_transient:
            raise
        return replace(outcome, reason=f"{outcome.reason} Outcomes were not read: {error}".strip())
