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
    metric: Metric, errors: FloatArray, label: FloatArray, level: float
) -> MetricEstimate:
    """One of `REGRESSION_METRICS` of |prediction − label| and labels, each of shape (n,)."""
    if metric == Metric.MAPE:
        return mean_absolute_percentage_error(errors, label, level)
    if metric == Metric.RMSE:
        return root_of(estimate_mean_loss(errors**2, level=level))
    return estimate_mean_loss(errors, level=level)


def mean_absolute_percentage_error(
    errors: FloatArray, label: FloatArray, level: float
) -> MetricEstimate:
    """Mean of |prediction − label| / |label|, as a share; rows with label 0 are left out, and counted."""
    losses = _relative_errors(errors, label)
    left_out = len(label) - len(losses)
    found = estimate_mean_loss(losses, level=level, left_out=left_out)
    return replace(found, reason=ONLY_ZEROS) if found.value is None and left_out else found


def _relative_errors(errors: FloatArray, label: FloatArray) -> FloatArray:
    """|prediction − label| / |label| of the rows whose label is not 0."""
    is_measured = label != 0
    relative: FloatArray = errors[is_measured] / np.abs(label[is_measured])
    return relative


def root_of(squares: MetricEstimate) -> MetricEstimate:
    """The root of a mean of squares, its error by the delta method: se / (2 · root)."""
    if not squares.value:
        return squares
    root = squares.value**0.5
    error = (squares.standard_error or 0.0) / (2 * root)
    return estimate_loss(root, error, n=squares.n, level=squares.level)
