"""Both windows of a two-sample question, read and checked before any arithmetic."""

import numpy as np

from algorithms.categories import CategoryCounts, count_categories
from algorithms.columns import Values, as_arrow, to_float64
from algorithms.errors import InsufficientData
from algorithms.kernels import FloatArray

REFERENCE, CURRENT = "reference", "current"


def numeric_windows(reference: Values, current: Values) -> tuple[tuple[FloatArray, int], tuple[FloatArray, int]]:
    """Two windows of numbers without nulls and NaN, each with how many of these it had.

    Raises:
        InsufficientData: If a window holds no number.
        ValueError: If a window is not one-dimensional.
        TypeError: If a window holds something other than numbers.
    """
    columns = tuple(to_float64(as_arrow(values)) for values in (reference, current))
    left, right = (values[~np.isnan(values)] if np.isnan(values).any() else values for values in columns)
    require_rows(len(left), len(right))
    return (left, len(columns[0]) - len(left)), (right, len(columns[1]) - len(right))


def categorical_windows(reference: Values, current: Values) -> tuple[CategoryCounts, CategoryCounts]:
    """Two windows of categories, counted, without nulls and NaN; raises as `numeric_windows` does."""
    counts = tuple(count_categories(as_arrow(values)) for values in (reference, current))
    require_rows(counts[0].rows, counts[1].rows)
    return counts[0], counts[1]


def require_rows(reference_rows: float, current_rows: float) -> None:
    """Raise InsufficientData, naming the window, unless both windows hold a row."""
    for window, rows in ((REFERENCE, reference_rows), (CURRENT, current_rows)):
        if not rows:
            raise InsufficientData(f"The {window} window holds no usable row.")
