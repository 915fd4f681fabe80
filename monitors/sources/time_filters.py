"""Turn a half-open window into a condition that prunes partitions and row groups."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from operator import and_, or_
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from monitors.sources.local_times import UTC_ZONE, first_time_on_clock, is_local
from monitors.sources.source_errors import SchemaMismatch

_DAY = 86_400_000_000_000
_NANOSECONDS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_INT64_MAX = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Timeframe:
    """The rows asked for: `start <= column < end` outside some gaps, or all rows when there is no column.

    A timestamp without a zone is read in `zone` and a date is its midnight there, so windows that
    follow one another share no row and lose none. Rows whose timestamp is null are in no bounded
    window.

    Raises:
        ValueError: If a bound has no time zone or no column, or the end is before the start. All
            are mistakes in the calling code.
    """

    column: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    zone: str = UTC_ZONE
    gaps: tuple[tuple[datetime, datetime], ...] = ()

    def __post_init__(self) -> None:
        _refuse_naive("start", self.start)
        _refuse_naive("end", self.end)
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ValueError(f"end of a window must not be before its start, {self.start}")
        if self.column is None and self.is_bounded:
            raise ValueError("a bounded window needs a timestamp column")

    @property
    def is_bounded(self) -> bool:
        """True if there is a start, an end or a gap."""
        return self.start is not None or self.end is not None or bool(self.gaps)

    def condition(self, schema: pa.Schema) -> pads.Expression | None:
        """The rows inside; None for all.

        A column of type null, as in an empty CSV file, has no rows in any bounded window.

        Raises:
            SchemaMismatch: If the column is missing, or neither a timestamp nor a date.
        """
        if self.column is None:
            return None
        dtype = self._type_in(schema)
        if pa.types.is_null(dtype):
            return pads.scalar(False) if self.is_bounded else None
        inside = self._inside(pads.field(self.column), dtype)
        return reduce(and_, inside) if inside else None

    def require(self, schema: pa.Schema) -> None:
        """Check that the data have the column of times.

        Raises:
            SchemaMismatch: If they have not.
        """
        self._type_in(schema)

    def check(self, schema: pa.Schema, name: str, *, is_guessed: bool) -> None:
        """Check that a file's column of times is one.

        Args:
            schema: The columns of the file.
            name: The name of the file.
            is_guessed: True if the file says nothing of types, so that they are not checked.

        Raises:
            SchemaMismatch: Naming the file, if it has the column twice, or if the column is neither
                a timestamp nor a date.
        """
        if schema.names.count(self.column) > 1:
            raise SchemaMismatch(f"‘{name}’ has more than one column ‘{self.column}’.")
        if is_guessed:
            return
        dtype = self._type_in(schema)
        if not pa.types.is_null(dtype) and not _is_moment(dtype):
            raise SchemaMismatch(f"In ‘{name}’: {self._no_moment(dtype)}")

    def opposite(self, schema: pa.Schema) -> pads.Expression | None:
        """The rows outside, in a form that a row group's statistics can rule out.

        Returns:
            None if no row can be outside.
        """
        if self.column is None or not self.is_bounded:
            return None
        dtype = self._type_in(schema)
        if pa.types.is_null(dtype):
            return pads.scalar(True)
        outside = self._outside(pads.field(self.column), dtype)
        return reduce(or_, outside)

    def mask(self, stamps: pa.Array) -> pa.BooleanArray:
        """A mask of the timestamps or dates that `condition` keeps, for a bounded timeframe.

        Args:
            stamps: Shape (n,).

        Returns:
            Shape (n,); null where the timestamp is.
        """
        return reduce(pc.and_, self._inside(stamps, stamps.type))

    def _type_in(self, schema: pa.Schema) -> pa.DataType:
        if self.column not in schema.names:
            raise SchemaMismatch(f"The data has no timestamp column ‘{self.column}’.")
        return schema.field(self.column).type

    def _inside(self, stamps: Any, dtype: pa.DataType) -> list[Any]:
        """The comparisons that a row inside passes, of an array or of an expression."""
        lower, upper = self._limits(dtype)
        after = [] if lower is None else [pc.greater_equal(stamps, lower)]
        before = [] if upper is None else [pc.less(stamps, upper)]
        gaps = self._gaps(dtype)
        around = [
            pc.or_kleene(pc.less(stamps, first), pc.greater_equal(stamps, end))
            for first, end in gaps
        ]
        return after + before + around

    def _outside(self, stamps: pads.Expression, dtype: pa.DataType) -> list[pads.Expression]:
        """The comparisons one of which a row outside passes."""
        lower, upper = self._limits(dtype)
        before = [] if lower is None else [stamps < lower]
        after = [] if upper is None else [stamps >= upper]
        within = [(stamps >= first) & (stamps < end) for first, end in self._gaps(dtype)]
        return [stamps.is_null(), *before, *after, *within]

    def _limits(self, dtype: pa.DataType) -> tuple[pa.Scalar | None, pa.Scalar | None]:
        """Start and end as values of the column's type."""
        unit = self._unit_nanoseconds(dtype)
        zone = self.zone if is_local(dtype) else UTC_ZONE
        return _limit(self.start, dtype, unit, zone), _limit(self.end, dtype, unit, zone)

    def _gaps(self, dtype: pa.DataType) -> list[tuple[pa.Scalar, pa.Scalar]]:
        """The ends of the gaps as values of the column's type."""
        ends = (replace(self, start=start, end=end, gaps=()) for start, end in self.gaps)
        return [each._limits(dtype) for each in ends]

    def _unit_nanoseconds(self, dtype: pa.DataType) -> int:
        if pa.types.is_timestamp(dtype):
            return _NANOSECONDS[dtype.unit]
        if pa.types.is_date32(dtype):
            return _DAY
        if pa.types.is_date64(dtype):
            return _NANOSECONDS["ms"]
        raise SchemaMismatch(self._no_moment(dtype))

    def _no_moment(self, dtype: pa.DataType) -> str:
        return f"The timestamp column ‘{self.column}’ is {dtype}; it must be a timestamp or a date."


def _is_moment(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(dtype) or pa.types.is_date(dtype))


def _refuse_naive(name: str, bound: datetime | None) -> None:
    if bound is not None and bound.utcoffset() is None:
        raise ValueError(f"{name} of a window must have a time zone, not {bound!r}")


def _limit(bound: datetime | None, dtype: pa.DataType, unit: int, zone: str) -> pa.Scalar | None:
    """The first value in the column's unit at or after the bound: it keeps comparisons exact."""
    if bound is None:
        return None
    nanoseconds = first_time_on_clock(bound, zone) * 1_000
    value = -(-nanoseconds // unit)
    return pa.scalar(max(-_INT64_MAX, min(value, _INT64_MAX)), type=dtype)
