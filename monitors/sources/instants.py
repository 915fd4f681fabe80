"""A half-open window of time as a condition that a scan can push down to partitions and row groups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.dataset as pads

from monitors.sources.errors import SchemaMismatch

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400_000_000_000
_NANOSECONDS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_INT64_MAX = (1 << 63) - 1


def check_bounds(start: datetime | None, end: datetime | None) -> None:
    """Refuse bounds that are not a window.

    Raises:
        ValueError: If a bound has no time zone, or the end is before the start: a mistake in the calling code.
    """
    for bound in (start, end):
        if bound is not None and bound.utcoffset() is None:
            raise ValueError(f"the window bound {bound!r} has no time zone")
    if start is not None and end is not None and end < start:
        raise ValueError(f"the window ends at {end} before it starts at {start}")


def window_filter(
    column: str, dtype: pa.DataType, start: datetime | None, end: datetime | None
) -> pads.Expression | None:
    """The rows with `start <= column < end`; None if neither bound is given.

    A timestamp without a zone is UTC and a date is its midnight in UTC, so windows that follow one another share no
    row and lose none. Rows whose timestamp is null are in no window.

    Args:
        dtype: The column's type. A column of type null, as in an empty CSV file, has no rows in any window.

    Raises:
        SchemaMismatch: If the type is not a timestamp or a date.
    """
    if pa.types.is_null(dtype):
        return None if start is None and end is None else pads.scalar(False)
    unit = _unit_nanoseconds(column, dtype)
    conditions = []
    if start is not None:
        conditions.append(pads.field(column) >= _bound(start, dtype, unit))
    if end is not None:
        conditions.append(pads.field(column) < _bound(end, dtype, unit))
    if not conditions:
        return None
    return conditions[0] if len(conditions) == 1 else conditions[0] & conditions[1]


def _unit_nanoseconds(column: str, dtype: pa.DataType) -> int:
    if pa.types.is_timestamp(dtype):
        return _NANOSECONDS[dtype.unit]
    if pa.types.is_date32(dtype):
        return _DAY
    if pa.types.is_date64(dtype):
        return _NANOSECONDS["ms"]
    raise SchemaMismatch(f"The timestamp column ‘{column}’ is {dtype}; it must be a timestamp or a date.")


def _bound(instant: datetime, dtype: pa.DataType, unit: int) -> pa.Scalar:
    """The first value of the column's unit at or after the instant, which keeps both comparisons exact."""
    nanoseconds = (instant - _EPOCH) // timedelta(microseconds=1) * 1_000
    value = -(-nanoseconds // unit)
    return pa.scalar(max(-_INT64_MAX, min(value, _INT64_MAX)), type=dtype)
