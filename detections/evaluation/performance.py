"""Judges the model's performance in a window: measured where labels are known, estimated where they are not."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.conf import settings
from django.db.models import Sum

from algorithms.baseline import COLUMN_ERRORS
from algorithms.errors import UnusableColumn
from algorithms.evaluation import summarize
from algorithms.method_results import FeatureDetail, MethodResult, PerformanceMethod
from algorithms.performance import (
    LOSSES,
    REGRESSION_METRICS,
    LossModel,
    Metric,
    MetricEstimate,
    PerformanceLimit,
    ScoreCalibration,
    estimate_classification,
    estimate_regression,
    judge_performance,
)
from algorithms.verdicts import Verdict, combine_verdicts, severity_of
from detections.evaluation.context import RunContext
from detections.ledger.runs import Claim
from detections.models import Detection, OutcomeBatch
from detections.results import RunResult, failure
from drift_detector.tenancy.scope import tenant_scope
from monitors.baselines.reference_performance import limits_of, measure_predictions, positive_of
from monitors.models import Monitor
from monitors.monitor_windows import current_window
from monitors.prediction_tables import FEATURE, drop_unknown, feature_matrix, read_prediction_table
from monitors.sources import SourceError, table_from_bytes

BYTES_PER_OUTCOME = 64
WITHOUT_SCALE = 0.1
"""The share of an absolute limit that severity is measured by."""


class NoOutcomes(UnusableColumn):
    """No outcomes of the window were sent."""


def with_performance(
    result: RunResult, claim: Claim, context: RunContext
) -> tuple[RunResult, pa.Table | None]:
    """The result, and what the window says of the model's performance if the monitor has limits for it.

    Returns:
        Beside it, what was read of the monitor's data for that, so that it need not be read again; None if nothing was.

    Raises:
        SourceError: If a read failed that may succeed later.
    """
    limits = limits_of(context.monitor)
    if not limits or context.run.inline_data is not None:
        return result, None
    reference: Mapping[str, Any] = context.baseline.performance or {}
    methods: list[MethodResult] = []
    try:
        predictions = _read_predictions(
            claim, context, reference.get("losses", {}).get("features", [])
        )
    except SourceError as error:
        if error.is_transient:
            raise
        return _without(result, str(error)), None
    except COLUMN_ERRORS as error:
        return _without(result, str(error)), None
    for method, look in (
        (
            PerformanceMethod.PERFORMANCE,
            partial(measure_predictions, context.monitor, limits, predictions),
        ),
        (PerformanceMethod.ESTIMATED, partial(_estimated, context, limits, reference, predictions)),
    ):
        try:
            methods += _judged(method, context.monitor, limits, reference, look())
        except COLUMN_ERRORS as error:
            result = _without(result, f"{method}: {error}")
    with tenant_scope(claim.tenant_id):
        methods = _beside_estimates(context, methods)
    verdicts = [result.verdict, *(method.verdict for method in methods)]
    result = replace(
        result, verdict=combine_verdicts(verdicts), methods=(*result.methods, *methods)
    )
    return result, predictions if context.monitor.prediction_column else None


def measure_again(claim: Claim, context: RunContext) -> RunResult:
    """Measure the performance of a window whose labels are due, beside the earlier estimates.

    Raises:
        SourceError: If the window cannot be read.
    """
    limits, blank = (
        limits_of(context.monitor),
        RunResult(verdict=Verdict.NO_DATA, baseline_id=context.baseline.id),
    )
    if not limits:
        return replace(blank, reason="The monitor has no limits on performance any more.")
    try:
        predictions = _read_predictions(claim, context, [])
        found = measure_predictions(context.monitor, limits, predictions)
        methods = _judged(
            PerformanceMethod.PERFORMANCE,
            context.monitor,
            limits,
            context.baseline.performance or {},
            found,
        )
    except NoOutcomes as error:
        return replace(blank, reason=str(error))
    except COLUMN_ERRORS as error:
        return failure(f"Performance was not measured: {error}", methods=[])
    if not methods:
        return replace(
            blank, rows=predictions.num_rows, reason="No prediction of the window has a label."
        )
    with tenant_scope(claim.tenant_id):
        methods = _beside_estimates(context, methods)
    return replace(
        blank, verdict=methods[0].verdict, rows=predictions.num_rows, methods=tuple(methods)
    )


def _without(result: RunResult, why: str) -> RunResult:
    return replace(result, reason=f"{result.reason} Performance was not measured: {why}".strip())


def _read_predictions(claim: Claim, context: RunContext, features: Sequence[str]) -> pa.Table:
    """The window's predictions, with their labels as far as they are known, and features that losses need."""
    monitor, run = context.monitor, context.run
    if monitor.prediction_column:
        window = current_window(monitor, context.policy, (run.window_start, run.window_end))
        return read_prediction_table(monitor, window, features)
    with tenant_scope(claim.tenant_id):
        contents = _sent_contents(monitor, run.window_start, run.window_end)
    return _sent_predictions(contents, run.window_start, run.window_end)


def _sent_contents(monitor: Monitor, start: datetime, end: datetime) -> list[bytes]:
    """The batches that were sent to the monitor's streams and hold outcomes of the window.

    Raises:
        UnusableColumn: If they are too many to be measured at once.
    """
    overlapping = OutcomeBatch.objects.filter(
        stream__monitor=monitor,
        occurred_until__gte=start,
        occurred_from__lt=end,
        content__isnull=False,
    )
    outcomes = overlapping.aggregate(outcomes=Sum("outcomes"))["outcomes"] or 0
    if outcomes > (most := settings.ENV.data.max_window_bytes // BYTES_PER_OUTCOME):
        raise UnusableColumn(
            f"The window holds {outcomes:,} outcomes; at most {most:,} are measured at once."
        )
    return [bytes(content or b"") for content in overlapping.values_list("content", flat=True)]


def _sent_predictions(contents: list[bytes], start: datetime, end: datetime) -> pa.Table:
    """The outcomes of a window, of batches that hold some of it."""
    whole = [
        table for table in map(table_from_bytes, contents) if "prediction" in table.column_names
    ]
    if not whole:
        raise NoOutcomes("No outcomes were sent for this window.")
    table = pa.concat_tables(whole, promote_options="permissive")
    kind = table.schema.field("occurred_at").type
    is_later = pc.greater_equal(table["occurred_at"], pa.scalar(start, kind))
    table = table.filter(pc.and_(is_later, pc.less(table["occurred_at"], pa.scalar(end, kind))))
    empty = [name for name in ("score", "label") if pa.types.is_null(table.schema.field(name).type)]
    return drop_unknown(table.drop_columns([*empty, "occurred_at", "error"]), "prediction")


def _estimated(
    context: RunContext,
    limits: Mapping[Metric, PerformanceLimit],
    reference: Mapping[str, Any],
    predictions: pa.Table,
) -> dict[Metric, MetricEstimate]:
    """Estimate over all rows of the window, with or without labels, so that the two can be compared."""
    found: dict[Metric, MetricEstimate] = {}
    if "calibration" in reference and "score" in predictions.column_names:
        table = drop_unknown(predictions, "score")
        positive = positive_of(context.monitor, table["prediction"].type)
        if table.num_rows and positive is not None:
            found |= estimate_classification(
                [metric for metric in limits if metric not in REGRESSION_METRICS],
                score=table["score"].combine_chunks(),
                prediction=table["prediction"].combine_chunks(),
                calibration=ScoreCalibration.from_json(reference["calibration"]),
                positive=positive,
            )
    features = reference.get("losses", {}).get("features", [])
    if (
        features
        and predictions.num_rows
        and {FEATURE + name for name in features} <= set(predictions.column_names)
    ):
        found |= estimate_regression(
            [metric for metric in limits if metric in LOSSES],
            features=feature_matrix(predictions, features),
            prediction=predictions["prediction"].combine_chunks(),
            model=LossModel.from_json(reference["losses"]["model"]),
        )
    return found


def _judged(
    method: PerformanceMethod,
    monitor: Monitor,
    limits: Mapping[Metric, PerformanceLimit],
    reference: Mapping[str, Any],
    found: Mapping[Metric, MetricEstimate],
) -> list[MethodResult]:
    known = {
        name: MetricEstimate(**stored) for name, stored in reference.get("metrics", {}).items()
    }
    unknown = reference.get("reason") or "its performance was not measured"
    details = [
        _detail(metric, estimate, limits[metric], known.get(metric) or unknown, monitor.min_rows)
        for metric, estimate in found.items()
    ]
    return [summarize(method, details)] if details else []


def _detail(
    metric: Metric,
    estimate: MetricEstimate,
    limit: PerformanceLimit,
    known: MetricEstimate | str,
    min_rows: int,
) -> FeatureDetail:
    """One metric's verdict; `known` is its value over the reference, or why there is none."""
    baseline = None if isinstance(known, str) else known
    explanation: dict[str, Any] = {
        "lower": estimate.lower,
        "upper": estimate.upper,
        "level": estimate.level,
    }
    blank = FeatureDetail(
        feature=metric.value, kind=None, verdict=Verdict.INSUFFICIENT_DATA, statistic=estimate.value,
        n_current=estimate.n, n_reference=baseline.n if baseline else 0, explanation=explanation,
    )  # fmt: skip
    if limit.relative is not None and baseline is None:
        return replace(
            blank,
            reason=f"The limit is relative to the reference, of which nothing is known: {known}.",
        )
    judged = judge_performance(metric, estimate, limit, baseline=baseline, min_rows=min_rows)
    explanation["baseline"] = judged.baseline
    judged_detail = replace(
        blank, verdict=judged.verdict, signal=judged.signal, reason=judged.reason
    )
    if judged.excess is None or judged.limit is None:
        return judged_detail
    scale = (
        abs(judged.baseline - judged.limit)
        if limit.relative and judged.baseline
        else WITHOUT_SCALE * judged.limit
    )
    effect = scale + judged.excess
    is_drift = judged.verdict is Verdict.DRIFT
    return replace(
        judged_detail,
        reason=judged.reason if is_drift else "",
        threshold=judged.limit,
        effect_size=effect,
        scale=scale,
        severity=severity_of(effect / scale if scale > 0 else 1.0) if is_drift else None,
    )


def _beside_estimates(context: RunContext, methods: list[MethodResult]) -> list[MethodResult]:
    """The measured metrics, each with its estimate for the same window, from before its labels came or just now."""
    now = next((each for each in methods if each.method is PerformanceMethod.ESTIMATED), None)
    estimates = {detail.feature: detail.as_json() for detail in now.details} if now else {}
    earlier = Detection.objects.filter(
        monitor_id=context.monitor.id, method=PerformanceMethod.ESTIMATED, window_start=context.run.window_start,
        window_end=context.run.window_end,
    ).order_by("created_at").first()  # fmt: skip
    if earlier is not None:
        estimates = {detail["feature"]: detail for detail in earlier.details}

    def compared(detail: FeatureDetail) -> FeatureDetail:
        if (estimate := estimates.get(detail.feature)) is None:
            return detail
        estimated = {"value": estimate["statistic"]} | {
            end: estimate["explanation"][end] for end in ("lower", "upper")
        }
        return replace(detail, explanation={**detail.explanation, "estimated": estimated})

    return [
        replace(each, details=tuple(map(compared, each.details)))
        if each.method is PerformanceMethod.PERFORMANCE
        else each
        for each in methods
    ]
