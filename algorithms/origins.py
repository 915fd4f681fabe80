"""Reads whole numbers beyond 2^53, which floats cannot tell apart, as exact distances from an origin."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .arrays import FloatArray, IntArray
from .columns import as_one_array, to_float64
from .decimals import LARGEST_EXACT, as_decimals, decimals_to_float64
from .profiles import Column, Moments
from .value_types import EXACT_TYPES, value_type_of

ROWS_TO_SEE = 1000
"""Rows from the first wide number on among which the origin is the median: a rare far value does not become it."""
HALF_BITS = 32
LOW_HALF = (1 << HALF_BITS) - 1
LARGEST_SPLIT = 2**84
"""Up to here the upper part of an origin is a whole number of 64 bits with room for a difference."""


def has_wide_numbers(column: Column, moments: Moments) -> bool:
    """True if a column keeps every digit of its numbers, and one of them is too wide for a float.

    Args:
        column: The column.
        moments: Of its values as floats.
    """
    widest = max(-moments.minimum, moments.maximum)
    return widest >= LARGEST_EXACT and value_type_of(column.type) in EXACT_TYPES


def choose_origin(columns: Sequence[Column], *, is_all: bool) -> int | None:
    """The origin of a column's wide numbers; None as long as more rows must be seen.

    It is a median, rounded to a float, and depends on the order of rows only, not on how the column is cut.

    Args:
        columns: The column in pieces, the first of which holds a wide number.
        is_all: Whether no more rows follow.
    """
    seen, wide = 0, list[int]()
    for column in columns:
        found = _wide_rows(to_float64(column))
        begin = 0 if seen else int(found[0])
        chosen = found[found < begin + ROWS_TO_SEE - seen]
        wide += [int(value) for value in column.take(pa.array(chosen)).to_pylist()]
        seen += len(column) - begin
    return _middle(wide) if is_all or seen >= ROWS_TO_SEE else None


def _wide_rows(values: FloatArray) -> IntArray:
    return np.flatnonzero(np.isfinite(values) & (np.abs(values) >= LARGEST_EXACT))


def _middle(values: list[int]) -> int:
    return int(float(sorted(values)[len(values) // 2]))


def distances_from(origin: int, column: Column) -> FloatArray:
    """Each number less the origin, NaN where null: the float nearest to the exact difference.

    Args:
        origin: A whole number that is a float, exactly.
        column: Numbers of any type.
    """
    array = as_one_array(column)
    if pa.types.is_integer(array.type) and abs(origin) <= LARGEST_SPLIT:
        return _integer_distances(origin, array)
    if value_type_of(array.type) in EXACT_TYPES:
        whole = pa.scalar(origin, pa.decimal256(len(str(abs(origin))), 0))
        return decimals_to_float64(pc.subtract(as_decimals(array), whole))
    distances: FloatArray = to_float64(array) - float(origin)
    return distances


def _integer_distances(origin: int, array: pa.Array) -> FloatArray:
    """Differences in two halves, none of which overflows, that are rounded once when they are added."""
    numbers = pc.fill_null(array, 0).to_numpy(zero_copy_only=False)
    wide = numbers if numbers.dtype == np.uint64 else numbers.astype(np.int64, copy=False)
    upper = (wide >> HALF_BITS).astype(np.int64) - (origin >> HALF_BITS)
    lower = (wide & LOW_HALF).astype(np.int64) - (origin & LOW_HALF)
    distances: FloatArray = upper * np.float64(1 << HALF_BITS) + lower
    if array.null_count:
        distances[~array.is_valid().to_numpy(zero_copy_only=False)] = np.nan
    return distances


def with_origin(origin: int, distance: float | None) -> float | None:
    """The number at a distance from the origin, rounded down to a whole number."""
    if distance is None or not np.isfinite(distance):
        return distance
    return origin + int(np.floor(distance))
