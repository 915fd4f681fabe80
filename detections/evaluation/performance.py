"""Judges the model's performance in a window: measured where labels are known, estimated where they are not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
from django.utils import timezone

from algorithms.baseline import COLUMN_ERRORS
from algorithms.concept_drift.detector_registry import ConceptMethod
from algorithms.evaluation import summarize
from algorithms.method_results import FeatureDetail, MethodResult, PerformanceMethod
from algorithms.performance import (
    Metric,
    MetricEstimate,
    PerformanceJudgement,
    PerformanceLimit,
    judge_performance,
)
from algorithms.verdicts import Severity, Verdict, combine_verdicts, severity_of
from detections.evaluation.context import RunContext
from detections.evaluation.estimate_support import find_evidence, with_support
from detections.evaluation.phase_clock import PhaseClock
from detections.evaluation.predictions import NoOutcomes, read_predictions
from detections.evaluation.window_counts import with_reading
from detections.evaluation.window_metrics import (
    Estimates,
    PerformancePlan,
    estimated_metrics,
    measured_metrics,
)
from detections.ledger.runs import Claim
from detections.models import Detection, DetectionRun
from detections.results import NOTHING_MEASURED, RunResult, failure
from drift_detector.tenancy.scope import tenant_scope
from monitors.baselines.reference_performance import unmeasured
from monitors.models import Monitor
from monitors.prediction_tables import WindowPredictions
from monitors.sources import SourceError

WITHOUT_SCALE = 0.1
"""The share of an absolute limit that severity is measured by."""
NO_LIMITS = "The monitor has no limits on performance any more."
NO_LABELS = "No prediction of the window has a label."
NO_LABEL_CAME = "Labels are due, but no label has come for the {:,} predictions of the window."
NO_PREDICTION = "No row of the window has a prediction."
NO_ROW = "The window holds no row."
UNKNOWN_REFERENCE = "The limit is relative to the reference, of which nothing is known: {}."
UNJUDGED = frozenset({Verdict.ERROR, Verdict.INSUFFICIENT_DATA, Verdict.UNSUPPORTED})


def with_performance(
    result: RunResult, claim: Claim, context: RunContext, clock: PhaseClock
) -> tuple[RunResult, pa.Table | None]:
    """The result, and what the window says of the model's performance if the monitor has limits for it.

    Each metric that has a limit is measured or estimated, or says why it is neither; then the run is not `ok`. Nor is
    it if an estimate is unsupported whose metric is not measured.

    Returns:
        Beside it, what was read of the monitor's data for that, so that it need not be read again; None if nothing was.

    Raises:
        SourceError: If a read failed that may succeed later.
    """
    plan = PerformancePlan.of(context)
    if not plan.limits or context.run.inline_data is not None:
        return result, None
    try:
        predictions = read_predictions(claim, context, plan.loss_features).table
    except (SourceError, *COLUMN_ERRORS) as error:
        return _with_unread(result, plan, context.run, error), None
    if predictions.num_rows or result.verdict is not Verdict.NO_DATA:
        result = _with_both(result, claim, context, plan, predictions, clock)
    return result, predictions if plan.monitor.prediction_column else None


def _with_unread(
    result: RunResult, plan: PerformancePlan, run: DetectionRun, error: Exception
) -> RunResult:
    """The result of a window whose predictions cannot be read, with the reason once and in each metric's row."""
    if isinstance(error, SourceError) and error.is_transient:
        raise error
    estimates = unmeasured(plan.limits, 0, error)
    if isinstance(error, NoOutcomes):
        estimates = _unlabelled(plan, run, str(error))
        if result.verdict is Verdict.NO_DATA:
            estimates = {}
    result = _with_reason(result, f"Performance was not measured: {error}")
    methods = _judged(PerformanceMethod.PERFORMANCE, plan, estimates)
    return replace(_with_methods(result, methods), reason=result.reason)


def with_unread_outcomes(result: RunResult, monitor: Monitor, error: Exception) -> RunResult:
    """The result of a window whose outcomes cannot be read: an error of each detector that waits for them."""
    result = _with_reason(result, f"Outcomes were not read: {error}")
    names = monitor.concept_methods
    methods = [replace(NOTHING_MEASURED, method=ConceptMethod(name)) for name in names]
    return _with_methods(result, methods)


def measure_again(claim: Claim, context: RunContext) -> RunResult:
    """Measure the performance of a window whose labels are due, beside the earlier estimates.

    Raises:
        SourceError: If the window cannot be read.
    """
    plan = PerformancePlan.of(context)
    blank = RunResult(verdict=Verdict.NO_DATA, baseline_id=context.baseline.id)
    if not plan.limits:
        return replace(blank, reason=NO_LIMITS)
    try:
        found = read_predictions(claim, context, [])
    except NoOutcomes as error:
        return replace(blank, reason=str(error))
    except COLUMN_ERRORS as error:
        return failure(f"Performance was not measured: {error}", methods=[])
    result = replace(blank, rows=found.table.num_rows)
    result = with_reading(result, rows=found.row_count, files=found.files)
    measured = measured_metrics(plan, found.table) or _not_labelled(plan, found)
    methods = _judged(PerformanceMethod.PERFORMANCE, plan, measured)
    if not methods:
        return _with_reason(result, NO_ROW)
    return _with_methods(result, _beside_estimates(claim, context, methods))


def _not_labelled(plan: PerformancePlan, found: WindowPredictions) -> Estimates:
    """All metrics as not measured, as no label has come when labels are due; none without a row."""
    if not found.row_count:
        return {}
    predictions = found.table.num_rows
    reason = NO_LABEL_CAME.format(predictions) if predictions else NO_PREDICTION
    return dict.fromkeys(plan.limits, MetricEstimate(n=0, reason=reason))


def _with_reason(result: RunResult, reason: str) -> RunResult:
    return replace(result, reason=f"{result.reason} {reason}".strip())


def _with_methods(result: RunResult, methods: Sequence[MethodResult]) -> RunResult:
    """The result with the judged performance, and the reasons of metrics that could not be judged."""
    for method in methods:
        result = _with_reason(result, _reason_unjudged(method))
    counted = [each.verdict for each in methods if each.is_judgeable or not each.details]
    verdict = combine_verdicts([result.verdict, *counted])
    return replace(result, verdict=verdict, methods=(*result.methods, *methods))


def _reason_unjudged(method: MethodResult) -> str:
    """The reasons of the metrics that were not judged, each once, with the names of its metrics."""
    counted = (detail for detail in method.details if detail.is_judgeable)
    unjudged = [detail for detail in counted if detail.verdict in UNJUDGED]
    if not unjudged:
        return ""
    reasons = dict.fromkeys(detail.reason for detail in unjudged)
    sentences = [f"{_names_of(reason, unjudged)}: {reason}" for reason in reasons]
    return f"{method.method}: {' '.join(sentences)}"


def _names_of(reason: str, details: Iterable[FeatureDetail]) -> str:
    return ", ".join(detail.feature for detail in details if detail.reason == reason)


def _with_both(
    result: RunResult,
    claim: Claim,
    context: RunContext,
    plan: PerformancePlan,
    predictions: pa.Table,
    clock: PhaseClock,
) -> RunResult:
    """The result with the measured and the estimated performance."""
    measured = measured_metrics(plan, predictions)
    estimated = estimated_metrics(plan, predictions)
    for reason in _reasons_beside(measured, estimated):
        result = _with_reason(result, f"{PerformanceMethod.ESTIMATED}: {reason}")
    estimated = _without_failed(estimated, measured)
    measured |= _neither(plan, context.run, measured | estimated)
    methods = _judged(PerformanceMethod.PERFORMANCE, plan, measured)
    for judged in _judged(PerformanceMethod.ESTIMATED, plan, estimated):
        with clock.phase("support"):
            evidence = find_evidence(context, plan, estimated)
        methods.append(with_support(judged, evidence, measured))
    return _with_methods(result, _beside_estimates(claim, context, methods))


def _reasons_beside(measured: Estimates, estimated: Estimates) -> list[str]:
    """Why metrics that are measured could not be estimated, each reason once; the run is judged without them."""
    failed = [each for name, each in estimated.items() if each.is_error and name in measured]
    return list(dict.fromkeys(each.reason for each in failed))


def _without_failed(estimated: Estimates, measured: Estimates) -> Estimates:
    """The estimates without those that failed although the metric is measured."""
    return {
        name: each for name, each in estimated.items() if not each.is_error or name not in measured
    }


def _neither(plan: PerformancePlan, run: DetectionRun, found: Estimates) -> Estimates:
    """The metrics that are neither measured nor estimated."""
    missing = _unlabelled(plan, run, NO_LABELS)
    return {name: each for name, each in missing.items() if name not in found}


def _unlabelled(plan: PerformancePlan, run: DetectionRun, reason: str) -> Estimates:
    """All metrics as not measured, for a reason; none while labels are still to come, as they are measured then."""
    delay = plan.monitor.label_delay
    if delay is not None and run.window_end + delay > timezone.now():
        return {}
    return dict.fromkeys(plan.limits, MetricEstimate(n=0, reason=reason))


def _judged(
    method: PerformanceMethod, plan: PerformancePlan, estimates: Mapping[Metric, MetricEstimate]
) -> list[MethodResult]:
    known = plan.reference_metrics
    details = [
        _detail(plan, metric, estimate, known.get(metric)) for metric, estimate in estimates.items()
    ]
    if not details:
        return []
    return [summarize(method, details)]


def _detail(
    plan: PerformancePlan,
    metric: Metric,
    estimate: MetricEstimate,
    baseline: MetricEstimate | None,
) -> FeatureDetail:
    """One metric's verdict; `baseline` is its value over the reference, None if that is not known."""
    blank, limit = _blank_detail(metric, estimate, baseline), plan.limits[metric]
    if estimate.is_error or not estimate.n:
        return replace(blank, reason=estimate.reason)
    if limit.relative is not None and baseline is None:
        return replace(blank, reason=UNKNOWN_REFERENCE.format(plan.reason_unknown))
    min_rows = plan.monitor.min_rows
    judged = judge_performance(metric, estimate, limit, baseline=baseline, min_rows=min_rows)
    return _with_severity(_with_verdict(blank, judged), judged, limit)


def _blank_detail(
    metric: Metric, estimate: MetricEstimate, baseline: MetricEstimate | None
) -> FeatureDetail:
    return FeatureDetail(
        feature=metric.value,
        kind=None,
        verdict=Verdict.ERROR if estimate.is_error else Verdict.INSUFFICIENT_DATA,
        statistic=estimate.value,
        n_current=estimate.n,
        n_reference=baseline.n if baseline else 0,
        explanation={name: getattr(estimate, name) for name in ("lower", "upper", "level")},
    )


def _with_verdict(blank: FeatureDetail, judged: PerformanceJudgement) -> FeatureDetail:
    return replace(
        blank,
        verdict=judged.verdict,
        signal=judged.signal,
        reason=judged.reason,
        explanation={**blank.explanation, "baseline": judged.baseline},
    )


def _with_severity(
    detail: FeatureDetail, judged: PerformanceJudgement, limit: PerformanceLimit
) -> FeatureDetail:
    """The detail with its limit, and the severity of a drift; only a drift keeps its reason."""
    if judged.excess is None or judged.limit is None:
        return detail
    scale = _scale(judged.limit, judged.baseline if limit.relative else None)
    effect, is_drift = scale + judged.excess, judged.verdict is Verdict.DRIFT
    return replace(
        detail,
        threshold=judged.limit,
        effect_size=effect,
        scale=scale,
        reason=detail.reason if is_drift else "",
        severity=_severity(effect, scale) if is_drift else None,
    )


def _scale(limit: float, baseline: float | None) -> float:
    return abs(baseline - limit) if baseline else WITHOUT_SCALE * limit


def _severity(effect: float, scale: float) -> Severity:
    return severity_of(effect / scale if scale > 0 else 1.0)


def _beside_estimates(
    claim: Claim, context: RunContext, methods: list[MethodResult]
) -> list[MethodResult]:
    """The measured metrics, each with its estimate for the same window, from before its labels came or just now."""
    with tenant_scope(claim.tenant_id):
        earlier = _earlier_estimate(context.run)
    if earlier is None:
        estimates = _estimates_among(methods)
    else:
        estimates = {detail["feature"]: detail for detail in earlier.details}
    return [_with_estimates(method, estimates) for method in methods]


def _earlier_estimate(run: DetectionRun) -> Detection | None:
    same_window = Detection.objects.filter(
        monitor_id=run.monitor_id,
        method=PerformanceMethod.ESTIMATED,
        window_start=run.window_start,
        window_end=run.window_end,
    )
    return same_window.order_by("created_at").first()


def _estimates_among(methods: list[MethodResult]) -> dict[str, dict[str, Any]]:
    estimated = [each for each in methods if each.method is PerformanceMethod.ESTIMATED]
    details = estimated[0].details if estimated else ()
    return {detail.feature: detail.as_json() for detail in details}


def _with_estimates(
    method: MethodResult, estimates: Mapping[str, Mapping[str, Any]]
) -> MethodResult:
    if method.method is not PerformanceMethod.PERFORMANCE:
        return method
    details = [_with_estimate(each, estimates.get(each.feature)) for each in method.details]
    return replace(method, details=tuple(details))


def _with_estimate(detail: FeatureDetail, estimate: Mapping[str, Any] | None) -> FeatureDetail:
    if estimate is None:
        return detail
    ends = {end: estimate["explanation"][end] for end in ("lower", "upper")}
    estimated = {"value": estimate["statistic"], **ends}
    return replace(detail, explanation={**detail.explanation, "estimated": estimated})
