"""From a claimed run to its outcome: read the window once, compare it with the baseline."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeGuard

import pyarrow as pa
from django.conf import settings

from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.evaluation import evaluate, evaluate_profile
from algorithms.outcomes import MethodOutcome
from algorithms.plan import EvaluationPlan
from algorithms.verdicts import combine_verdicts
from detections.fan_out import profile_in_parts
from detections.ledger import Claim
from detections.models import DetectionRun
from detections.outcomes import Outcome, failure
from detections.plans import NoBaseline, Plan, load_plan, open_run_window
from drift_detector.tenancy.scope import tenant_scope
from monitors.baselines import UnreadableBaseline, frozen_baselines
from monitors.models import Baseline, Monitor
from monitors.plans import evaluation_plan
from monitors.sources import LazyWindow, SourceError


def evaluate_run(claim: Claim) -> Outcome:
    """Evaluate a claimed run; no transaction is open while it reads and computes.

    Raises:
        BaselineNotReady: If the run must wait for its baseline.
        LeaseLost: If another worker has taken the run while a divided window was counted.
        SourceError: With `is_transient`, if trying again later may help; other source errors are outcomes.
    """
    with tenant_scope(claim.tenant_id):
        try:
            plan = load_plan(claim.run_id)
        except NoBaseline as error:
            methods = DetectionRun.objects.values_list("monitor__methods", flat=True).get(id=claim.run_id)
            return failure(str(error), methods=methods)
    try:
        return _compare(claim, plan)
    except UnreadableBaseline as error:
        return failure(str(error), methods=plan.monitor.methods)
    except SourceError as error:
        if error.is_transient:
            raise
        return failure(str(error), methods=plan.monitor.methods)


def question_of(monitor: Monitor, baseline: Baseline) -> EvaluationPlan:
    """What a window of this monitor is asked, with what the baseline's own windows were like."""
    calibration = baseline.calibration or {}
    return evaluation_plan(monitor, usual_rows=tuple(calibration.get("rows", ())))


def judge_window(frozen: FrozenBaseline, window: pa.Table | LazyWindow, question: EvaluationPlan) -> Outcome:
    """Compare an open window with a baseline; one that is large is streamed.

    Raises:
        SourceError: If the window cannot be read.
    """
    if _is_streamed(window):
        profile = frozen.profile(window.batches())
        return _outcome(profile.rows, evaluate_profile(frozen, profile, question))
    return _outcome(window.num_rows, evaluate(frozen, window, question))


def _compare(claim: Claim, plan: Plan) -> Outcome:
    question, frozen = question_of(plan.monitor, plan.baseline), frozen_baselines.get(plan.baseline)
    with open_run_window(plan, list(frozen.features)) as window:
        if _is_streamed(window):
            profile = profile_in_parts(claim, plan, frozen, window)
            outcome = _outcome(profile.rows, evaluate_profile(frozen, profile, question))
        else:
            outcome = judge_window(frozen, window, question)
    return replace(outcome, baseline_id=plan.baseline.id)


def _is_streamed(window: pa.Table | LazyWindow) -> TypeGuard[LazyWindow]:
    return isinstance(window, LazyWindow) and window.bytes_at_most >= settings.ENV.data.stream_bytes


def _outcome(rows: int, methods: Sequence[MethodOutcome]) -> Outcome:
    return Outcome(
        verdict=combine_verdicts(method.verdict for method in methods if method.details),
        reason="" if rows else "The window holds no row.",
        rows=rows,
        methods=tuple(methods),
    )
