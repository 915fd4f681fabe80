"""Turn a half-open window into a condition that prunes partitions and row groups."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import and_, or_

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from monitors.sources.source_errors import SchemaMismatch

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400_000_000_000
_NANOSECONDS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_INT64_MAX = (1 << 63) - 1


def check_bounds(start: datetime | None, end: datetime | None) -> None:
    """Refuse bounds that are not a window.

    Raises:
        ValueError: If a bound has no time zone, or the end is before the start. Both are mistakes
            in the calling code.
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

    A timestamp without a zone is UTC and a date is its midnight in UTC, so windows that follow one
    another share no row and lose none. Rows whose timestamp is null are in no window.

    Args:
        dtype: The column's type. A column of type null, as in an empty CSV file, has no rows in any
            window.

    Raises:
        SchemaMismatch: If the type is not a timestamp or a date.
    """
    if pa.types.is_null(dtype):
        return None if start is None and end is None else pads.scalar(False)
    lower, upper = _bounds(column, dtype, start, end)
    conditions = [] if lower is None else [pads.field(column) >= lower]
    if upper is not None:
        conditions.append(pads.field(column) < upper)
    return reduce(and_, conditions) if conditions else None


def outside_filter(
    column: str, dtype: pa.DataType, start: datetime | None, end: datetime | None
) -> pads.Expression | None:
    """The rows outside the window, in a form that a row group's statistics can rule out."""
    if window_filter(column, dtype, start, end) is None:
        return None
    if pa.types.is_null(dtype):
        return pads.scalar(True)
    lower, upper = _bounds(column, dtype, start, end)
    conditions = [pads.field(column).is_null()]
    if lower is not None:
        conditions.append(pads.field(column) < lower)
    if upper is not None:
        conditions.append(pads.field(column) >= upper)
    return reduce(or_, conditions)


def window_mask(stamps: pa.Array, start: datetime | None, end: datetime | None) -> pa.BooleanArray:
    """A mask of the timestamps or dates that `window_filter` keeps.

    Args:
        stamps: Shape (n,).

    Returns:
        Shape (n,); null where the timestamp is.
    """
    lower, upper = _bounds("", stamps.type, start, end)
    masks = [] if lower is None else [pc.greater_equal(stamps, lower)]
    if upper is not None:
        masks.append(pc.less(stamps, upper))
    return reduce(pc.and_, masks) if masks else pc.is_valid(stamps)


def _bounds(
    column: str, dtype: pa.DataType, start: datetime | None, end: datetime | None
) -> tuple[pa.Scalar | None, pa.Scalar | None]:
    unit = _unit_nanoseconds(column, dtype)
    lower, upper = (None if bound is None else _bound(bound, dtype, unit) for bound in (start, end))
    return lower, upper


def _unit_nanoseconds(column: str, dtype: pa.DataType) -> int:
    if pa.types.is_timestamp(dtype):
        return _NANOSECONDS[dtype.unit]
    if pa.types.is_date32(dtype):
        return _DAY
    if pa.types.is_date64(dtype):
        return _NANOSECONDS["ms"]
    raise SchemaMismatch(
        f"The timestamp column ‘{column}’ is {dtype}; it must be a timestamp or a date."
    )


def _bound(instant: datetime, dtype: pa.DataType, unit: int) -> pa.Scalar:
    """The first value in the column's unit at or after the instant: it keeps comparisons exact."""
    nanoseconds = (instant - _EPOCH) // timedelta(microseconds=1) * 1_000
    value = -(-nanoseconds // unit)
    return pa.scalar(max(-_INT64_MAX, min(value, _INT64_MAX)), type=dtype)
