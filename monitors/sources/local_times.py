"""Read dates and times without a zone by the clock of one zone.

A clock that is put back shows some times twice: such a time is the first of the two. A clock that
is put forward leaves some times out: such a time is the moment of the change. A later time is never
an earlier moment, so a bound of a window is one time on the clock, and files can be pruned by it.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from algorithms.arrays import IntArray

UTC_ZONE = "UTC"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 86_400
MICROSECONDS = 1_000_000
PER_SECOND = {"s": 1, "ms": 1_000, "us": MICROSECONDS, "ns": 1_000_000_000}
INT64_MAX = (1 << 63) - 1
MEAN_YEAR = 365.2425 * DAY
FIRST_YEAR, LAST_YEAR = 1850, 2500
"""Before, no zone changed its clock. After, the Gregorian calendar repeats itself."""
CYCLE = 146_097 * DAY
"""400 years, after which each date has the same weekday again."""
YEARS_AT_ONCE = 10


@dataclass(frozen=True, slots=True, eq=False)
class Clock:
    """The clock of a zone over some years.

    Attributes:
        changes: Shape (k,), the moments at which the clock is put forward or back, in seconds since
            1970 in UTC.
        offsets: Shape (k + 1,), the seconds that the clock is ahead of UTC before each change, and
            after the last.
    """

    changes: IntArray
    offsets: IntArray

    @property
    def starts(self) -> IntArray:
        """Shape (k,), the first time on the clock that each change holds for."""
        return self.changes + np.maximum(self.offsets[:-1], self.offsets[1:])


def is_local(dtype: pa.DataType) -> bool:
    """True for dates, for timestamps without a zone, and for dictionaries of them."""
    if pa.types.is_dictionary(dtype):
        return is_local(dtype.value_type)
    return bool(pa.types.is_date(dtype) or (pa.types.is_timestamp(dtype) and dtype.tz is None))


def placed_type(dtype: pa.DataType, zone: str) -> pa.DataType:
    """The type of the values once they are read in a zone; in UTC all types stay as they are."""
    if zone == UTC_ZONE or not is_local(dtype):
        return dtype
    if pa.types.is_dictionary(dtype):
        return pa.dictionary(dtype.index_type, placed_type(dtype.value_type, zone), dtype.ordered)
    return pa.timestamp(_unit(dtype), UTC_ZONE)


def placed_schema(schema: pa.Schema, zone: str) -> pa.Schema:
    """The schema of the values once they are read in a zone."""
    if zone == UTC_ZONE:
        return schema
    return pa.schema([each.with_type(placed_type(each.type, zone)) for each in schema])


def place_in_zone[Values: pa.Array | pa.ChunkedArray](values: Values, zone: str) -> Values:
    """Dates and times without a zone as moments, read in a zone; other values as they are.

    In UTC all values stay as they are.

    Args:
        values: Shape (n,).
        zone: A name of the IANA database.
    """
    if zone == UTC_ZONE or not is_local(values.type):
        return values
    placed: Values = _placed(values, zone)
    return placed


def moment_of(time: datetime, zone: str) -> datetime:
    """A time without a zone as the moment in UTC at which the clock of a zone shows it.

    Raises:
        OverflowError: If the moment is outside the years 1 to 9999.
    """
    ticks = (time.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
    if zone == UTC_ZONE:
        return time.replace(tzinfo=UTC)
    moment = int(_moments(np.array([ticks]), MICROSECONDS, zone)[0])
    return EPOCH + timedelta(microseconds=moment)


def _unit(dtype: pa.DataType) -> str:
    if pa.types.is_timestamp(dtype):
        return str(dtype.unit)
    return "ms" if pa.types.is_date64(dtype) else "s"


def _placed(values: pa.Array | pa.ChunkedArray, zone: str) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pa.ChunkedArray):
        chunks = [_placed(chunk, zone) for chunk in values.chunks]
        return pa.chunked_array(chunks, placed_type(values.type, zone))
    if isinstance(values, pa.DictionaryArray):
        placed = _placed(values.dictionary, zone)
        return pa.DictionaryArray.from_arrays(values.indices, placed)
    return _placed_array(values, zone)


def _placed_array(values: pa.Array, zone: str) -> pa.Array:
    unit = _unit(values.type)
    stamps = values.cast(pa.timestamp(unit))
    known = stamps.cast(pa.int64()).fill_null(0)
    moments = _moments(known.to_numpy(zero_copy_only=False), PER_SECOND[unit], zone)
    placed = pa.array(moments).cast(pa.timestamp(unit, UTC_ZONE))
    if not values.null_count:
        return placed
    return pc.if_else(values.is_valid(), placed, pa.scalar(None, placed.type))


def _moments(ticks: IntArray, per_second: int, zone: str) -> IntArray:
    """Times on the clock of a zone as moments in UTC, both in ticks since 1970.

    Args:
        ticks: Shape (n,).
        per_second: The ticks of a second.
        zone: A name of the IANA database.
    """
    if not len(ticks):
        return ticks
    low, high = int(ticks.min()), int(ticks.max())
    latest = _seconds_of(LAST_YEAR) * per_second
    if high >= latest:
        shift = np.maximum(0, (ticks - latest) // (CYCLE * per_second) + 1) * (CYCLE * per_second)
        later: IntArray = _moments(ticks - shift, per_second, zone) + shift
        return later
    furthest = INT64_MAX - 2 * DAY * per_second
    if max(-low, high) > furthest:  # the last hours that 64 bits hold would leave them
        ticks = np.clip(ticks, -furthest, furthest)
    clock = _clock_between(zone, low // per_second, high // per_second)
    if not len(clock.changes):
        steady: IntArray = ticks - clock.offsets[0] * per_second
        return steady
    place = np.searchsorted(clock.starts * per_second, ticks, side="right")
    moments: IntArray = ticks - (clock.offsets * per_second)[place]
    ends = np.append(clock.changes * per_second, INT64_MAX)
    np.minimum(moments, ends[place], out=moments)
    return moments


def first_time_on_clock(moment: datetime, zone: str) -> int:
    """The first time on the clock of a zone that is read as this moment or a later one.

    Returns:
        Microseconds since 1970 on the clock.
    """
    ticks = (moment - EPOCH) // timedelta(microseconds=1)
    if zone == UTC_ZONE:
        return ticks
    cycles = max(0, (ticks // MICROSECONDS - _seconds_of(LAST_YEAR)) // CYCLE + 1)
    shift = cycles * CYCLE * MICROSECONDS
    return _first_time(ticks - shift, zone) + shift


def _first_time(ticks: int, zone: str) -> int:
    clock = _clock_between(zone, ticks // MICROSECONDS, ticks // MICROSECONDS)
    changes, offsets = clock.changes * MICROSECONDS, clock.offsets * MICROSECONDS
    place = int(np.searchsorted(changes, ticks, side="right"))
    if not place:
        return ticks + int(offsets[0])
    change, before, after = (int(each[place - 1]) for each in (changes, offsets, offsets[1:]))
    if ticks == change:
        return change + before  # the first time that a clock put forward leaves out
    return max(ticks + after, change + max(before, after))


def _seconds_of(year: int) -> int:
    """The beginning of a year in UTC, in seconds since 1970."""
    return (datetime(year, 1, 1, tzinfo=UTC) - EPOCH).days * DAY


def _clock_between(zone: str, low: int, high: int) -> Clock:
    """The clock from a year before the lower time to a year after the higher, in seconds since 1970."""
    first, last = (_year_within(int(seconds / MEAN_YEAR) + 1970) for seconds in (low, high))
    first = (first - 2) // YEARS_AT_ONCE * YEARS_AT_ONCE
    return _clock(zone, first, -(-(last + 2) // YEARS_AT_ONCE) * YEARS_AT_ONCE)


def _year_within(year: int) -> int:
    return min(max(year, FIRST_YEAR), LAST_YEAR)


@lru_cache(maxsize=256)
def _clock(zone: str, first_year: int, last_year: int) -> Clock:
    """The clock of some years, found by a look at it each day."""
    start = datetime(first_year, 1, 1, tzinfo=UTC)
    days = (datetime(last_year, 1, 1, tzinfo=UTC) - start).days
    info = ZoneInfo(zone)
    offsets = [_offset(info, start + timedelta(days=day)) for day in range(days + 1)]
    differing = [day for day in range(days) if offsets[day] != offsets[day + 1]]
    changes = [_change_after(info, start + timedelta(days=day)) for day in differing]
    kept = [offsets[0], *(offsets[day + 1] for day in differing)]
    return Clock(np.array(changes, np.int64), np.array(kept, np.int64))


def _offset(info: ZoneInfo, moment: datetime) -> int:
    """The seconds that the clock is ahead of UTC."""
    offset = moment.astimezone(info).utcoffset() or timedelta(0)
    return offset // timedelta(seconds=1)


def _change_after(info: ZoneInfo, day: datetime) -> int:
    """The moment within a day at which the clock changes."""
    later = _offset(info, day + timedelta(days=1))
    second = bisect_left(
        range(DAY), True, key=lambda each: _offset(info, day + timedelta(seconds=each)) == later
    )
    return (day - EPOCH) // timedelta(seconds=1) + second
