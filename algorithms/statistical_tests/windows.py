"""Both windows of a two-sample question, read and checked before any arithmetic."""

from algorithms.columns import (
    CategoryCounts,
    NumericSample,
    Values,
    as_arrow,
    count_categories,
    sorted_sample,
    to_float64,
)
from algorithms.errors import InsufficientData

REFERENCE, CURRENT = "reference", "current"


def numeric_windows(reference: Values, current: Values) -> tuple[NumericSample, NumericSample]:
    """Two windows of numbers, sorted, without nulls and NaN.

    Raises:
        InsufficientData: If a window holds no number.
        ValueError: If a window is not one-dimensional.
        TypeError: If a window holds something other than numbers.
    """
    samples = tuple(sorted_sample(to_float64(as_arrow(values))) for values in (reference, current))
    require_rows(len(samples[0].values), len(samples[1].values))
    return samples[0], samples[1]


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
