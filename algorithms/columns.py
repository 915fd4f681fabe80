"""Reads Arrow arrays, numpy arrays and lists as floats, and guesses the kind of feature from a column's type."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import numpy.typing as npt
import pyarrow as pa

from .arrays import FloatArray
from .errors import UnusableColumn

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
        return None if guess_kind(data_type.value_type) is None else FeatureKind.CATEGORICAL
    if pa.types.is_boolean(data_type) or _is_text(data_type):
        return FeatureKind.CATEGORICAL
    return FeatureKind.NUMERIC if is_number(data_type) or _is_temporal(data_type) else None


def as_arrow(values: Values) -> pa.Array | pa.ChunkedArray:
    """One-dimensional values as Arrow; NaN becomes null except in values that are Arrow already.

    Raises:
        ValueError: If the values are not one-dimensional.
        UnusableColumn: If the values share no Arrow type.
    """
    if isinstance(values, pa.Array | pa.ChunkedArray):
        array = values
    elif getattr(values, "ndim", 1) != 1:
        raise ValueError(
            f"Values must be one-dimensional, not {getattr(values, 'ndim', '?')}-dimensional."
        )
    else:
        try:
            array = pa.array(values, from_pandas=True)
        except (pa.ArrowException, TypeError, OverflowError) as error:
            raise UnusableColumn(f"The values cannot be read as one column: {error}.") from error
    if pa.types.is_nested(array.type):
        raise ValueError(f"Values must be one-dimensional; got a column of {array.type}.")
    return array


def to_float64(column: pa.Array | pa.ChunkedArray) -> FloatArray:
    """A column as float64, NaN where null.

    Dates and timestamps become seconds since 1970-01-01 (UTC), durations seconds, booleans 0 and 1. Integers and
    decimals beyond 2**53 round to the nearest float64.

    Raises:
        UnusableColumn: If the column holds text, bytes or nested values.
    """
    data_type = column.type
    if pa.types.is_date32(data_type):
        return _floats(column.cast(pa.int32())) * SECONDS_PER_DAY
    if pa.types.is_date64(data_type):
        return _floats(column.cast(pa.int64())) / TICKS_PER_SECOND["ms"]
    if _is_temporal(data_type):
        return _floats(column.cast(pa.int64())) / TICKS_PER_SECOND[data_type.unit]
    if is_number(data_type) or pa.types.is_boolean(data_type) or pa.types.is_null(data_type):
        return _floats(column)
    raise UnusableColumn(f"Expected numbers, but the column holds {data_type}.")


def _floats(column: pa.Array | pa.ChunkedArray) -> FloatArray:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    floats: FloatArray = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
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
