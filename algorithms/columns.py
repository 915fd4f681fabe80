"""Reads Arrow arrays, numpy arrays and lists as floats, and guesses the kind of feature from a column's type."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import numpy.typing as npt
import pyarrow as pa

from .arrays import FloatArray
from .decimals import decimals_to_float64
from .errors import RetypedColumn, UnusableColumn

type Values = npt.NDArray[Any] | Sequence[Any] | pa.Array | pa.ChunkedArray

TICKS_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
SECONDS_PER_DAY = 86_400.0


class FeatureKind(StrEnum):
    """The way to compare a feature's values: by order, or by name."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"


def guess_kind(data_type: pa.DataType) -> FeatureKind | None:
    """The kind a column of this Arrow type is best read as; None when it can be read as neither."""
    if pa.types.is_dictionary(data_type):
        return FeatureKind.CATEGORICAL if guess_kind(data_type.value_type) else None
    if pa.types.is_boolean(data_type) or _is_text(data_type):
        return FeatureKind.CATEGORICAL
    is_ordered = is_number(data_type) or _is_temporal(data_type)
    return FeatureKind.NUMERIC if is_ordered else None


def as_arrow(values: Values) -> pa.Array | pa.ChunkedArray:
    """One-dimensional values as Arrow; NaN becomes null except in values that are Arrow already.

    Raises:
        ValueError: If the values are not one-dimensional.
        UnusableColumn: If the values share no Arrow type.
    """
    array = values if isinstance(values, pa.Array | pa.ChunkedArray) else _convert(values)
    _require_flat(array.type)
    return array


def as_one_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column in one piece."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _require_flat(data_type: pa.DataType) -> None:
    if pa.types.is_nested(data_type):
        raise ValueError(f"Values must be one-dimensional; got a column of {data_type}.")


def _convert(values: npt.NDArray[Any] | Sequence[Any]) -> pa.Array:
    """Values of numpy or Python as an Arrow array, NaN as null."""
    dimensions = getattr(values, "ndim", 1)
    if dimensions != 1:
        raise ValueError(f"Values must be one-dimensional, not {dimensions}-dimensional.")
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, OverflowError) as error:
        raise UnusableColumn(f"The values cannot be read as one column: {error}.") from error


def to_float64(column: pa.Array | pa.ChunkedArray) -> FloatArray:
    """A column as float64, NaN where null.

    Dates and timestamps become seconds since 1970-01-01 (UTC), durations seconds, booleans 0 and 1. Integers
    beyond 2**53 and decimals round to the nearest float64.

    Raises:
        RetypedColumn: If the column holds text, bytes or nested values.
    """
    if _is_temporal(column.type):
        return _seconds(column)
    if _holds_numbers(column.type):
        return _floats(column)
    raise RetypedColumn(f"Expected numbers, but the column holds {column.type}.")


def _seconds(column: pa.Array | pa.ChunkedArray) -> FloatArray:
    """Dates, timestamps and durations as seconds."""
    if pa.types.is_date32(column.type):  # in days
        return _floats(column.cast(pa.int32())) * SECONDS_PER_DAY
    return _floats(column.cast(pa.int64())) / _ticks_per_second(column.type)


def _ticks_per_second(data_type: pa.DataType) -> float:
    return TICKS_PER_SECOND["ms" if pa.types.is_date64(data_type) else data_type.unit]


def _holds_numbers(data_type: pa.DataType) -> bool:
    kinds = (is_number, pa.types.is_boolean, pa.types.is_null)
    return any(is_kind(data_type) for is_kind in kinds)


def _floats(column: pa.Array | pa.ChunkedArray) -> FloatArray:
    array = as_one_array(column)
    if pa.types.is_decimal(array.type):
        return decimals_to_float64(array)
    numbers = array.cast(pa.float64(), safe=False)
    floats: FloatArray = numbers.to_numpy(zero_copy_only=False)
    return floats


def _is_text(data_type: pa.DataType) -> bool:
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(is_kind(data_type) for is_kind in kinds)


def is_number(data_type: pa.DataType) -> bool:
    """True if a column of this Arrow type holds whole, floating or decimal numbers."""
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return any(is_kind(data_type) for is_kind in kinds)


def _is_temporal(data_type: pa.DataType) -> bool:
    kinds = (pa.types.is_date, pa.types.is_timestamp, pa.types.is_duration)
    return any(is_kind(data_type) for is_kind in kinds)
