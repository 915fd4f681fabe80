"""Reads prediction tables, and describes the model's performance over the reference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from algorithms.arrays import FloatArray
from algorithms.baseline import COLUMN_ERRORS
from algorithms.columns import FeatureKind, as_arrow, to_float64
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
from monitors.sources import SourceError, SourcePolicy, WindowSpec, read_window

FEATURE = "feature:"


def limits_of(monitor: Monitor) -> dict[Metric, PerformanceLimit]:
    """The limit of each metric that the monitor names."""
    return {
        Metric(name): PerformanceLimit(**limit)
        for name, limit in monitor.performance_limits.items()
    }


def positive_of(monitor: Monitor, label: pa.DataType) -> str | float | None:
    """The positive class, as a value of the label's type; None for a model of more than two classes."""
    if not monitor.positive_label:
        return None
    is_text = (
        pa.types.is_string(label)
        or pa.types.is_large_string(label)
        or pa.types.is_dictionary(label)
    )
    return monitor.positive_label if is_text else float(monitor.positive_label)


def read_prediction_table(
    monitor: Monitor, window: WindowSpec, features: Sequence[str]
) -> pa.Table:
    """Predictions, labels and scores of a window of data, and its features where losses are estimated from them.

    Args:
        monitor: Names the columns.
        window: The data and the time; its columns are replaced.
        features: The features that losses are estimated from; usually none.

    Returns:
        Columns `occurred_at`, `prediction`, `label` and `score` as far as the data have them, rows without a prediction
        left out, and each feature after `FEATURE`.

    Raises:
        SourceError: If the data cannot be read.
        UnusableColumn: If they have no column of predictions.
    """
    roles = {
        "occurred_at": monitor.timestamp_column, "prediction": monitor.prediction_column, "label": monitor.label_column,
        "score": monitor.score_column,
    }  # fmt: skip
    wanted = {**roles, **{FEATURE + name: name for name in features}}
    columns = list(dict.fromkeys(filter(None, wanted.values())))
    table = read_window(replace(window, columns=columns))
    if monitor.prediction_column not in table.column_names:
        raise UnusableColumn(f"The data have no column {monitor.prediction_column!r}.")
    found = {
        role: table[name] for role, name in wanted.items() if name and name in table.column_names
    }
    return drop_unknown(pa.table(found), "prediction")


def drop_unknown(table: pa.Table, *names: str) -> pa.Table:
    """The rows in which these columns have values, NaN being none."""
    for name in names:
        column = table[name]
        is_known = pc.is_valid(column)
        if pa.types.is_floating(column.type):
            is_known = pc.and_kleene(is_known, pc.invert(pc.is_nan(column)))
        table = table.filter(is_known)
    return table


def feature_matrix(table: pa.Table, features: Sequence[str]) -> FloatArray:
    """Features as columns, shape (n, d), NaN where there is no value."""
    columns = [to_float64(as_arrow(table[FEATURE + name].combine_chunks())) for name in features]
    return np.column_stack(columns) if columns else np.empty((table.num_rows, 0))


def loss_features(monitor: Monitor, kinds: Mapping[str, FeatureKind]) -> list[str]:
    """The numeric features that expected losses are learnt from; none where no such loss is asked for."""
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
        `metrics` by name, `calibration` of scores and `losses` of predictions where they can be learnt, or the
        `reason` why the reference says nothing; None if the monitor has no limits.
    """
    limits = limits_of(monitor)
    if not limits or not monitor.prediction_column:
        return None
    features = loss_features(monitor, kinds)
    try:
        table = read_prediction_table(monitor, reference_window(monitor, policy), features)
        if "label" not in table.column_names:
            raise UnusableColumn(f"The reference has no column {monitor.label_column!r}.")
        return _describe(monitor, list(limits), drop_unknown(table, "label"), features)
    except SourceError as error:
        if error.is_transient:
            raise
        return {"reason": str(error)}
    except COLUMN_ERRORS as error:
        return {"reason": str(error)}


def measure_predictions(
    monitor: Monitor, metrics: Iterable[Metric], table: pa.Table
) -> dict[Metric, MetricEstimate]:
    """Metrics over the rows whose labels are known; those of scores over the rows that have one, too."""
    if "label" not in table.column_names or not (known := drop_unknown(table, "label")).num_rows:
        return {}
    positive = positive_of(monitor, known["label"].type)
    plain = [metric for metric in metrics if metric not in SCORE_METRICS]
    found = measure_performance(plain, **_columns(known, "prediction", "label"), positive=positive)
    scored = [metric for metric in metrics if metric in SCORE_METRICS]
    if scored and "score" in known.column_names:
        columns = _columns(drop_unknown(known, "score"), "prediction", "label", "score")
        found |= measure_performance(scored, **columns, positive=positive)
    return found


def _describe(
    monitor: Monitor, metrics: list[Metric], table: pa.Table, features: list[str]
) -> dict[str, Any]:
    found = measure_predictions(monitor, metrics, table)
    described: dict[str, Any] = {
        "metrics": {metric.value: asdict(estimate) for metric, estimate in found.items()}
    }
    positive = positive_of(monitor, table["label"].type)
    if "score" in table.column_names and positive is not None and set(metrics) - REGRESSION_METRICS:
        columns = _columns(drop_unknown(table, "score"), "score", "label")
        described["calibration"] = ScoreCalibration.fit(**columns, positive=positive).as_json()
    if features:
        model = LossModel.fit(
            feature_matrix(table, features), **_columns(table, "prediction", "label")
        )
        described["losses"] = {"features": features, "model": model.as_json()}
    return described


def _columns(table: pa.Table, *names: str) -> dict[str, Any]:
    return {name: table[name].combine_chunks() for name in names}
