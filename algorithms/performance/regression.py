"""Computes the metrics of a regressor's errors."""

from dataclasses import replace

import numpy as np

from ..arrays import FloatArray
from .estimates import (
    Metric,
    MetricEstimate,
    estimate_loss,
    estimate_mean_loss,
)

ONLY_ZEROS = "Fewer than two rows have a label other than 0."


def measure_errors(
    metric: Metric, prediction: FloatArray, label: FloatArray, level: float
) -> MetricEstimate:
    """One of `REGRESSION_METRICS` of predictions and labels, each of shape (n,)."""
    if metric == Metric.MAPE:
        return mean_absolute_percentage_error(prediction, label, level)
    if metric == Metric.RMSE:
        squares = (prediction - label) ** 2
        return root_of(estimate_mean_loss(squares, level=level))
    return estimate_mean_loss(np.abs(prediction - label), level=level)


def mean_absolute_percentage_error(
    prediction: FloatArray, label: FloatArray, level: float
) -> MetricEstimate:
    """Mean of |prediction − label| / |label|, as a share; rows with label 0 are left out, and counted."""
    losses = _relative_errors(prediction, label)
    left_out = len(label) - len(losses)
    found = estimate_mean_loss(losses, level=level, left_out=left_out)
    return replace(found, reason=ONLY_ZEROS) if found.value is None and left_out else found


def _relative_errors(prediction: FloatArray, label: FloatArray) -> FloatArray:
    """|prediction − label| / |label| of the rows whose label is not 0."""
    is_measured = label != 0
    measured = label[is_measured]
    errors: FloatArray = np.abs((prediction[is_measured] - measured) / measured)
    return errors


def root_of(squares: MetricEstimate) -> MetricEstimate:
    """The root of a mean of squares, its error by the delta method: se / (2 · root)."""
    if not squares.value:
        return squares
    root = squares.value**0.5
    error = (squares.standard_error or 0.0) / (2 * root)
    return estimate_loss(root, error, n=squares.n, level=squares.level)
