"""Turns whole outcomes into prediction errors from 0 to 1, which the detectors read."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from algorithms.arrays import FloatArray
from detections.outcomes.refusals import BadOutcomes


def check_given_errors(outcomes: pa.Table, error_scale: float | None) -> None:
    """Check the errors that outcomes came with, before halves among them are joined and rows move.

    Args:
        outcomes: Normalized.
        error_scale: As of `errors_of`.

    Raises:
        BadOutcomes: If an error is not between 0 and 1 and there is no scale.
    """
    given = outcomes["error"].combine_chunks()
    if error_scale is None and not pa.types.is_null(given.type):
        _check_rates(np.abs(given.fill_null(0.0).to_numpy()))


def errors_of(outcomes: pa.Table, error_scale: float | None) -> FloatArray:
    """The error of each outcome, shape (n,): the one it came with, else of its prediction against its label.

    Args:
        outcomes: Normalized and whole.
        error_scale: Predictions are numbers, and an error of this size or a larger one is 1; None: right or wrong,
            and `check_given_errors` has been passed.

    Raises:
        BadOutcomes: If there is a scale and predictions and labels are text.
    """
    missed = _missed(outcomes, error_scale)
    given = outcomes["error"].combine_chunks()
    if pa.types.is_null(given.type):
        return missed
    sizes: FloatArray = np.abs(given.fill_null(0.0).to_numpy())
    if error_scale is not None:
        sizes = np.minimum(sizes / error_scale, 1.0)
    errors: FloatArray = np.where(given.is_valid(), sizes, missed)
    return errors


def _check_rates(errors: FloatArray) -> None:
    if len(errors) and errors.max() > 1:
        row = int(np.argmax(errors > 1))
        raise BadOutcomes(
            f"The error of outcome {row} is {errors[row]:g}; above 1 the monitor needs an error_scale."
        )


def _missed(outcomes: pa.Table, error_scale: float | None) -> FloatArray:
    """The distance of each prediction from its label; 0 where one of them is unknown."""
    prediction, label = (outcomes[name].combine_chunks() for name in ("prediction", "label"))
    if pa.types.is_null(prediction.type) or pa.types.is_null(label.type):
        return np.zeros(outcomes.num_rows)
    if error_scale is None:
        return _floats(pc.not_equal(prediction, label).cast(pa.int8()))
    return _scaled(prediction, label, error_scale)


def _scaled(prediction: pa.Array, label: pa.Array, error_scale: float) -> FloatArray:
    if not pa.types.is_floating(prediction.type):
        raise BadOutcomes(
            "Predictions and labels must be numbers, as the monitor has an error_scale."
        )
    distance = _floats(pc.abs(pc.subtract(prediction, label)))
    scaled: FloatArray = np.minimum(distance / error_scale, 1.0)
    return scaled


def _floats(column: Any) -> FloatArray:
    values: FloatArray = pc.fill_null(column, 0).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values
