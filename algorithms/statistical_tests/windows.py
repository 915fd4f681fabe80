"""Reads and checks both windows of a two-sample test before any arithmetic."""

import numpy as np

from ..arrays import FloatArray, IntArray
from ..categories import CategoryCounts, count_categories
from ..columns import Values, as_arrow, to_float64
from ..errors import InsufficientData

REFERENCE, CURRENT = "reference", "current"


def numeric_windows(reference: Values, current: Values) -> tuple[FloatArray, FloatArray]:
    """Two windows of numbers, NaN where there is none.

    Raises:
        ValueError: If a window is not one-dimensional.
        TypeError: If a window holds something other than numbers.
    """
    return _floats(reference), _floats(current)


def _floats(values: Values) -> FloatArray:
    if isinstance(values, np.ndarray) and values.dtype == np.float64 and values.ndim == 1:
        return values
    return to_float64(as_arrow(values))


def categorical_windows(
    reference: Values, current: Values
) -> tuple[CategoryCounts, CategoryCounts]:
    """Two windows of categories, counted, without nulls and NaN; raises InsufficientData if one holds none."""
    left, right = _categories(reference), _categories(current)
    require_rows(left.rows, right.rows)
    return left, right


def _categories(values: Values) -> CategoryCounts:
    return count_categories(as_arrow(values))


def counted_rows(reference_counts: IntArray, current_counts: IntArray) -> tuple[int, int]:
    """The rows of two windows counted in cells; raises InsufficientData if one holds none."""
    n, m = int(reference_counts.sum()), int(current_counts.sum())
    require_rows(n, m)
    return n, m


def require_rows(reference_rows: float, current_rows: float) -> None:
    """Raise InsufficientData, naming the window, unless both windows hold a row."""
    for window, rows in ((REFERENCE, reference_rows), (CURRENT, current_rows)):
        if not rows:
            raise InsufficientData(f"The {window} window holds no usable row.")
