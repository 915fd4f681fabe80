"""Measures and estimates the metrics of a window's predictions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import pyarrow as pa

from algorithms.baseline import COLUMN_ERRORS
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
)
from detections.evaluation.context import RunContext
from monitors.baselines.reference_performance import (
    limits_of,
    measure_predictions,
    positive_of,
    unmeasured,
)
from monitors.models import Monitor
from monitors.prediction_tables import FEATURE, drop_unknown, feature_matrix

type Estimates = dict[Metric, MetricEstimate]


@dataclass(frozen=True, slots=True)
class PerformancePlan:
    """The metrics that a window's predictions are judged by.

    Attributes:
        monitor: The monitor of the window.
        limits: The limit of each metric.
        reference: The performance over the reference, as the baseline stores it.
    """

    monitor: Monitor
    limits: Mapping[Metric, PerformanceLimit]
    reference: Mapping[str, Any]

    @classmethod
    def of(cls, context: RunContext) -> Self:
        """The plan for the window of a run."""
        monitor = context.monitor
        return cls(monitor, limits_of(monitor), context.baseline.performance or {})

    @property
    def loss_features(self) -> Sequence[str]:
        """The features that the model of losses reads; none without such a model."""
        features: Sequence[str] = self.reference.get("losses", {}).get("features", [])
        return features

    @property
    def reference_metrics(self) -> dict[str, MetricEstimate]:
        """The metrics over the reference, by name."""
        stored = self.reference.get("metrics", {})
        return {name: MetricEstimate(**fields) for name, fields in stored.items()}

    @property
    def reason_unknown(self) -> str:
        """The reason why a metric has no value over the reference."""
        return self.reference.get("reason") or "its performance was not measured"


def measured_metrics(plan: PerformancePlan, predictions: pa.Table) -> Estimates:
    """Each metric over the rows whose labels are known; none without a label."""
    return measure_predictions(plan.monitor, plan.limits, predictions)


def estimated_metrics(plan: PerformancePlan, predictions: pa.Table) -> Estimates:
    """Estimate over all rows of the window, with or without labels, so that the two can be compared."""
    by_scores = [metric for metric in plan.limits if metric not in REGRESSION_METRICS]
    by_losses = [metric for metric in plan.limits if metric in LOSSES]
    sources = ((_estimated_by_scores, by_scores), (_estimated_by_losses, by_losses))
    found: Estimates = {}
    for estimate, metrics in sources:
        found |= _try_estimate(estimate, plan, predictions, metrics)
    return found


def _try_estimate(
    estimate: Callable[[PerformancePlan, pa.Table, Sequence[Metric]], Estimates],
    plan: PerformancePlan,
    predictions: pa.Table,
    metrics: Sequence[Metric],
) -> Estimates:
    try:
        return estimate(plan, predictions, metrics)
    except COLUMN_ERRORS as error:
        return unmeasured(metrics, predictions.num_rows, error)


def _estimated_by_scores(
    plan: PerformancePlan, predictions: pa.Table, metrics: Sequence[Metric]
) -> Estimates:
    positive = positive_of(plan.monitor)
    if "calibration" not in plan.reference or "score" not in predictions.column_names:
        return {}
    table = drop_unknown(predictions, "score")
    if not table.num_rows or positive is None:
        return {}
    return estimate_classification(
        metrics,
        score=table["score"].combine_chunks(),
        prediction=table["prediction"].combine_chunks(),
        calibration=ScoreCalibration.from_json(plan.reference["calibration"]),
        positive=positive,
    )


def _estimated_by_losses(
    plan: PerformancePlan, predictions: pa.Table, metrics: Sequence[Metric]
) -> Estimates:
    features = plan.loss_features
    if not predictions.num_rows or not _has_features(predictions, features):
        return {}
    return estimate_regression(
        metrics,
        features=feature_matrix(predictions, features),
        prediction=predictions["prediction"].combine_chunks(),
        model=LossModel.from_json(plan.reference["losses"]["model"]),
    )


def _has_features(predictions: pa.Table, features: Sequence[str]) -> bool:
    columns = {FEATURE + name for name in features}
    return bool(columns) and columns <= set(predictions.column_names)
