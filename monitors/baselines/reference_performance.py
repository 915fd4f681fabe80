"""Describes the model's performance over the reference."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from algorithms.baseline import COLUMN_ERRORS
from algorithms.columns import FeatureKind
from algorithms.errors import UnusableColumn
from algorithms.performance import (
    LOSSES,
    REGRESSION_METRICS,
    SCORE_METRICS,
    LossModel,
    Metric,
    MetricEstimate,
    PerformanceLimit,
    ScoreCalibration,
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


def positive_of(monitor: Monitor, label: pa.DataType) -> str | float | None:
    """The positive class as a value of the label's type.

    Returns:
        None for a model of more than two classes.
    """
    if not monitor.positive_label:
        return None
    return monitor.positive_label if _is_text(label) else float(monitor.positive_label)


def _is_text(dtype: pa.DataType) -> bool:
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_dictionary)
    return any(test(dtype) for test in tests)


def loss_features(monitor: Monitor, kinds: Mapping[str, FeatureKind]) -> list[str]:
    """The numeric features that expected losses are learnt from; none if no limit is on a loss."""
    if not LOSSES & set(limits_of(monitor)):
        return []
    given = {monitor.prediction_column, monitor.label_column, monitor.score_column}
    return [
        name for name, kind in kinds.items() if kind is FeatureKind.NUMERIC and name not in given
    ]


def describe_reference(
    monitor: Monitor, policy: SourcePolicy, kinds: Mapping[str, FeatureKind]
) -> dict[str, Any] | None:
    """The model's performance over the reference, and what estimates without labels need, as JSON.

    Returns:
        `metrics` by name, `calibration` of scores and `losses` of predictions where they can be
        learnt, or the `reason` why the reference says nothing; None if the monitor has no limits.
    """
    if not limits_of(monitor) or not monitor.prediction_column:
        return None
    features = loss_features(monitor, kinds)
    try:
        return _describe(monitor, _read_labelled(monitor, policy, features), features)
    except SourceError as error:
        if error.is_transient:
            raise
        return {"reason": str(error)}
    except COLUMN_ERRORS as error:
        return {"reason": str(error)}


def measure_predictions(
    monitor: Monitor, metrics: Iterable[Metric], table: pa.Table
) -> dict[Metric, MetricEstimate]:
    """Metrics over the rows whose labels are known; those of scores over the rows with a score."""
    if "label" not in table.column_names:
        return {}
    known = drop_unknown(table, "label")
    if not known.num_rows:
        return {}
    asked, positive = list(metrics), positive_of(monitor, known["label"].type)
    plain = [metric for metric in asked if metric not in SCORE_METRICS]
    found = measure_performance(plain, **_columns(known, "prediction", "label"), positive=positive)
    return found | _measure_scored(asked, known, positive)


def _measure_scored(
    metrics: list[Metric], known: pa.Table, positive: str | float | None
) -> dict[Metric, MetricEstimate]:
    """The metrics of scores over the rows that have one."""
    scored = [metric for metric in metrics if metric in SCORE_METRICS]
    if not scored or "score" not in known.column_names:
        return {}
    columns = _columns(drop_unknown(known, "score"), "prediction", "label", "score")
    return measure_performance(scored, **columns, positive=positive)


def _read_labelled(monitor: Monitor, policy: SourcePolicy, features: list[str]) -> pa.Table:
    """The reference's predictions whose labels are known."""
    table = read_prediction_table(monitor, reference_window(monitor, policy), features)
    if "label" not in table.column_names:
        raise UnusableColumn(f"The reference has no column {monitor.label_column!r}.")
    return drop_unknown(table, "label")


def _describe(monitor: Monitor, table: pa.Table, features: list[str]) -> dict[str, Any]:
    limits = limits_of(monitor)
    described: dict[str, Any] = {"metrics": _measured(monitor, limits, table)}
    positive = positive_of(monitor, table["label"].type)
    has_scores = "score" in table.column_names and set(limits) - REGRESSION_METRICS
    if has_scores and positive is not None:
        described["calibration"] = _calibrate(table, positive)
    if features:
        described["losses"] = _learn_losses(table, features)
    return described


def _measured(monitor: Monitor, metrics: Iterable[Metric], table: pa.Table) -> dict[str, Any]:
    found = measure_predictions(monitor, metrics, table)
    return {metric.value: asdict(estimate) for metric, estimate in found.items()}


def _calibrate(table: pa.Table, positive: str | float) -> dict[str, Any]:
    columns = _columns(drop_unknown(table, "score"), "score", "label")
    return ScoreCalibration.fit(**columns, positive=positive).as_json()


def _learn_losses(table: pa.Table, features: list[str]) -> dict[str, Any]:
    columns = _columns(table, "prediction", "label")
    model = LossModel.fit(feature_matrix(table, features), **columns)
    return {"features": features, "model": model.as_json()}


def _columns(table: pa.Table, *names: str) -> dict[str, Any]:
    return {name: table[name].combine_chunks() for name in names}
