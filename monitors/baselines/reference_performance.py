"""Describes the model's performance over the reference."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from algorithms.baseline import COLUMN_ERRORS
from algorithms.columns import FeatureKind
from algorithms.errors import UnusableColumn
from algorithms.performance import (
    LOSSES,
    REGRESSION_METRICS,
    SCORE_METRICS,
    Estimators,
    LossModel,
    Metric,
    MetricEstimate,
    PerformanceLimit,
    ScoreCalibration,
    measure_dispersion,
    measure_performance,
)
from monitors.models import Monitor
from monitors.monitor_windows import reference_window
from monitors.prediction_tables import drop_unknown, feature_matrix, read_prediction_table
from monitors.sources import SourceError, SourcePolicy


def limits_of(monitor: Monitor) -> dict[Metric, PerformanceLimit]:
    """The limit of each metric that the monitor names."""
    return {
        Metric(name): PerformanceLimit(**limit)
        for name, limit in monitor.performance_limits.items()
    }


def positive_of(monitor: Monitor) -> str | None:
    """The positive label as text, which is read as the labels are; None asks for macro averages."""
    return monitor.positive_label or None


def loss_features(monitor: Monitor, kinds: Mapping[str, FeatureKind]) -> list[str]:
    """The numeric features that expected losses are learnt from; none if no limit is on a loss."""
    if not LOSSES & set(limits_of(monitor)):
        return []
    given = {monitor.prediction_column, monitor.label_column, monitor.score_column}
    return [
        name for name, kind in kinds.items() if kind is FeatureKind.NUMERIC and name not in given
    ]


@dataclass(frozen=True, slots=True)
class ReferencePerformance:
    """The model's performance over the reference.

    Attributes:
        described: The `metrics` by name, and the `reason` why a part is not known; None if the monitor has no limits.
        estimators: What estimates without labels need; None where nothing can be learnt.
    """

    described: dict[str, Any] | None
    estimators: Estimators | None = None


def describe_reference(
    monitor: Monitor,
    policy: SourcePolicy,
    kinds: Mapping[str, FeatureKind],
    types: Mapping[str, str] | None = None,
) -> ReferencePerformance:
    """The model's performance over the reference, and what estimates without labels need.

    Args:
        monitor: Names the columns and the limits.
        policy: The places that may be read.
        kinds: The kind of each feature.
        types: The way to read predictions and labels from CSV.
    """
    if not limits_of(monitor) or not monitor.prediction_column:
        return ReferencePerformance(None)
    features = loss_features(monitor, kinds)
    try:
        return _describe(monitor, _read_labelled(monitor, policy, features, types), features)
    except SourceError as error:
        if error.is_transient:
            raise
        return ReferencePerformance({"reason": str(error)})
    except COLUMN_ERRORS as error:
        return ReferencePerformance({"reason": str(error)})


def measure_predictions(
    monitor: Monitor, metrics: Iterable[Metric], table: pa.Table
) -> dict[Metric, MetricEstimate]:
    """Metrics over the rows whose labels are known; those of scores over the rows with a score.

    Metrics that need the same columns are measured together, and each group by itself: what one of them cannot read
    costs no other.

    Returns:
        Each metric, or none without a label.
    """
    if "label" not in table.column_names:
        return {}
    known = drop_unknown(table, "label")
    if not known.num_rows:
        return {}
    groups = (set(Metric) - SCORE_METRICS - REGRESSION_METRICS, SCORE_METRICS, REGRESSION_METRICS)
    found: dict[Metric, MetricEstimate] = {}
    for group in groups:
        asked = [metric for metric in metrics if metric in group]
        found |= _measure_group(asked, known, positive_of(monitor))
    return found


def _measure_group(
    metrics: list[Metric], known: pa.Table, positive: str | None
) -> dict[Metric, MetricEstimate]:
    try:
        columns = _scored_columns(known) if SCORE_METRICS & set(metrics) else _roles(known)
        return measure_performance(metrics, **columns, positive=positive)
    except COLUMN_ERRORS as error:
        return unmeasured(metrics, known.num_rows, error)


def unmeasured(
    metrics: Iterable[Metric], row_count: int, error: Exception
) -> dict[Metric, MetricEstimate]:
    """Metrics that cannot be measured, because of an error in the columns or the settings."""
    return dict.fromkeys(metrics, MetricEstimate(n=row_count, reason=str(error), is_error=True))


def _roles(known: pa.Table) -> dict[str, Any]:
    return _columns(known, "prediction", "label")


def _scored_columns(known: pa.Table) -> dict[str, Any]:
    """Predictions, labels and scores of the rows that have a score."""
    if "score" not in known.column_names:
        raise UnusableColumn("There are no scores.")
    return _columns(drop_unknown(known, "score"), "prediction", "label", "score")


def _read_labelled(
    monitor: Monitor, policy: SourcePolicy, features: list[str], types: Mapping[str, str] | None
) -> pa.Table:
    """The reference's predictions whose labels are known."""
    table = read_prediction_table(monitor, reference_window(monitor, policy), features, types)
    if "label" not in table.column_names:
        raise UnusableColumn(f"The reference has no column {monitor.label_column!r}.")
    return drop_unknown(table, "label")


def _describe(monitor: Monitor, table: pa.Table, features: list[str]) -> ReferencePerformance:
    """The metrics, and what estimates are learnt from; what cannot be learnt costs no metric."""
    if "occurred_at" in table.column_names:
        table = table.sort_by(
            "occurred_at"
        )  # the estimates' errors are measured on stretches of time
    described: dict[str, Any] = {"metrics": _measured(monitor, limits_of(monitor), table)}
    learnt, reasons = dict[str, Any](), list[str]()
    for part, learn in PARTS.items():
        try:
            learnt |= learn(monitor, table, features)
        except COLUMN_ERRORS as error:
            reasons.append(f"{part}: {error}")
    if reasons:
        described["reason"] = " ".join(reasons)
    return ReferencePerformance(described, Estimators(**learnt) if learnt else None)


def _has_calibration(monitor: Monitor, table: pa.Table) -> bool:
    """True if a limit asks for what scores say, and there are scores of one class."""
    is_asked = bool(set(limits_of(monitor)) - REGRESSION_METRICS)
    return is_asked and "score" in table.column_names and positive_of(monitor) is not None


def _measured(monitor: Monitor, metrics: Iterable[Metric], table: pa.Table) -> dict[str, Any]:
    found = measure_predictions(monitor, metrics, table)
    return {metric.value: asdict(estimate) for metric, estimate in found.items()}


def _calibrate(monitor: Monitor, table: pa.Table, _features: list[str]) -> dict[str, Any]:
    if not _has_calibration(monitor, table):
        return {}
    columns = _columns(drop_unknown(table, "score"), "score", "label")
    positive = positive_of(monitor) or ""
    return {"calibration": ScoreCalibration.fit(**columns, positive=positive)}


def _measure_dispersion(monitor: Monitor, table: pa.Table, _features: list[str]) -> dict[str, Any]:
    if not _has_calibration(monitor, table):
        return {}
    columns = _columns(drop_unknown(table, "score"), "score", "prediction", "label")
    return {"dispersion": measure_dispersion(**columns, positive=positive_of(monitor) or "")}


def _learn_losses(_monitor: Monitor, table: pa.Table, features: list[str]) -> dict[str, Any]:
    if not features:
        return {}
    columns = _columns(table, "prediction", "label")
    model = LossModel.fit(feature_matrix(table, features), **columns)
    return {"losses": model, "features": tuple(features)}


def _columns(table: pa.Table, *names: str) -> dict[str, Any]:
    return {name: table[name].combine_chunks() for name in names}


PARTS: Mapping[str, Callable[[Monitor, pa.Table, list[str]], dict[str, Any]]] = {
    "Nothing is estimated from scores without labels": _calibrate,
    "How far estimates from scores err was not measured": _measure_dispersion,
    "Nothing is estimated from losses without labels": _learn_losses,
}
"""What is learnt, each part by itself, with the words for its failure."""
