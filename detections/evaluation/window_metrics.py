"""Measures and estimates the metrics of a window's predictions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import pyarrow as pa

from algorithms.baseline import COLUMN_ERRORS
from algorithms.performance import (
    LOSSES,
    REGRESSION_METRICS,
    Estimators,
    Metric,
    MetricEstimate,
    PerformanceLimit,
    estimate_classification,
    estimate_regression,
)
from detections.evaluation.context import RunContext
from monitors.baselines.cache import frozen_baselines
from monitors.baselines.reference_performance import (
    limits_of,
    measure_predictions,
    positive_of,
    unmeasured,
)
from monitors.models import Baseline, Monitor
from monitors.prediction_tables import FEATURE, drop_unknown, feature_matrix

type Estimates = dict[Metric, MetricEstimate]


@dataclass(frozen=True)
class PerformancePlan:
    """The metrics that a window's predictions are judged by.

    Attributes:
        monitor: The monitor of the window.
        limits: The limit of each metric.
        baseline: What the reference says of performance.
    """

    monitor: Monitor
    limits: Mapping[Metric, PerformanceLimit]
    baseline: Baseline

    @classmethod
    def of(cls, context: RunContext) -> Self:
        """The plan for the window of a run."""
        monitor = context.monitor
        return cls(monitor, limits_of(monitor), context.baseline)

    @property
    def reference(self) -> Mapping[str, Any]:
        """The performance over the reference, as the baseline stores it."""
        return self.baseline.performance or {}

    @cached_property
    def estimators(self) -> Estimators:
        """The estimators of the baseline, decoded once; one from before they were in the bundle has them as JSON.

        Raises:
            UnreadableBaseline: If the baseline's bytes cannot be decoded.
        """
        learnt = frozen_baselines.get(self.baseline).estimators
        return learnt or Estimators.from_json(self.reference)

    @property
    def loss_features(self) -> Sequence[str]:
        """The features that the model of losses reads; none without such a model."""
        return self.estimators.features

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
    positive, learnt = positive_of(plan.monitor), plan.estimators
    if learnt.calibration is None or "score" not in predictions.column_names:
        return {}
    table = drop_unknown(predictions, "score")
    if not table.num_rows or positive is None:
        return {}
    return estimate_classification(
        metrics,
        score=table["score"].combine_chunks(),
        prediction=table["prediction"].combine_chunks(),
        calibration=learnt.calibration,
        positive=positive,
        dispersion=learnt.dispersion,
    )


def _estimated_by_losses(
    plan: PerformancePlan, predictions: pa.Table, metrics: Sequence[Metric]
) -> Estimates:
    features, losses = plan.loss_features, plan.estimators.losses
    if losses is None or not predictions.num_rows or not _has_features(predictions, features):
        return {}
    return estimate_regression(
        metrics,
        features=feature_matrix(predictions, features),
        prediction=predictions["prediction"].combine_chunks(),
        model=losses,
    )


def _has_features(predictions: pa.Table, features: Sequence[str]) -> bool:
    columns = {FEATURE + name for name in features}
    return bool(columns) and columns <= set(predictions.column_names)
