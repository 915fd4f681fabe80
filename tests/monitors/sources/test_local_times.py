"""Times without a zone, read by a clock; the oracle is Python's zoneinfo."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.sources.local_times import (
    EPOCH,
    first_time_on_clock,
    place_in_zone,
    placed_type,
)
from tests.monitors.sources.conftest import utc

BERLIN, KOLKATA = "Europe/Berlin", "Asia/Kolkata"
ZONES = [
    *(BERLIN, KOLKATA, "America/New_York", "America/St_Johns", "America/Sao_Paulo"),
    *("Africa/Casablanca", "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Apia"),
]
MICROSECOND = timedelta(microseconds=1)
LOCAL = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29))
RECENT = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))


def by_zoneinfo(time: datetime, zone: str) -> datetime:
    """The first moment at which a clock shows this time, or else a later one."""
    info = ZoneInfo(zone)
    moment = time.replace(tzinfo=info).astimezone(UTC)
    if moment.astimezone(info).replace(tzinfo=None) == time:
        return moment
    low, high = moment - timedelta(days=2), moment + timedelta(days=2)
    while high - low > MICROSECOND:
        middle = low + (high - low) // 2
        is_later = middle.astimezone(info).replace(tzinfo=None) > time
        low, high = (low, middle) if is_later else (middle, high)
    return high


def placed(time: datetime, zone: str, unit: str = "us") -> datetime:
    values = place_in_zone(pa.array([time], pa.timestamp(unit)), zone)
    found: datetime = values[0].as_py()
    return found


@given(LOCAL | RECENT, st.sampled_from(ZONES))
def test_place__any_time__is_what_zoneinfo_says(time: datetime, zone: str) -> None:
    assert placed(time, zone) == by_zoneinfo(time, zone)


@pytest.mark.parametrize(
    ("time", "zone", "moment"),
    [
        (datetime(2024, 3, 31, 1, 59, 59), BERLIN, utc(2024, 3, 31, 0, 59, 59)),
        (datetime(2024, 3, 31, 2, 30), BERLIN, utc(2024, 3, 31, 1)),
        (datetime(2024, 3, 31, 3), BERLIN, utc(2024, 3, 31, 1)),
        (datetime(2024, 10, 27, 2, 30), BERLIN, utc(2024, 10, 27, 0, 30)),
        (datetime(2024, 10, 27, 3), BERLIN, utc(2024, 10, 27, 2)),
        (datetime(2024, 7, 1), KOLKATA, utc(2024, 6, 30, 18, 30)),
        (datetime(2018, 11, 4), "America/Sao_Paulo", utc(2018, 11, 4, 3)),
        (datetime(2011, 12, 30, 12), "Pacific/Apia", utc(2011, 12, 30, 10)),
        (datetime(2050, 7, 1, 12), BERLIN, utc(2050, 7, 1, 10)),
        (datetime(9999, 12, 31), BERLIN, utc(9999, 12, 30, 23)),
    ],
)
def test_place__clock_changes__by_the_rule(time: datetime, zone: str, moment: datetime) -> None:
    assert placed(time, zone) == moment


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_place__units__are_kept(unit: str) -> None:
    values = place_in_zone(pa.array([datetime(2024, 7, 1), None], pa.timestamp(unit)), BERLIN)
    assert values.type == pa.timestamp(unit, "UTC")
    assert values.to_pylist() == [utc(2024, 6, 30, 22), None]


@pytest.mark.parametrize("dtype", [pa.date32(), pa.date64()])
def test_place__dates__are_midnights_of_the_zone(dtype: pa.DataType) -> None:
    dates = pa.chunked_array([pa.array([date(2024, 7, 1)], dtype), pa.array([None], dtype)])
    assert place_in_zone(dates, KOLKATA).to_pylist() == [utc(2024, 6, 30, 18, 30), None]


def test_place__dictionary__stays_one() -> None:
    values = pa.array([date(2024, 7, 1), None]).dictionary_encode()
    assert placed_type(values.type, BERLIN) == place_in_zone(values, BERLIN).type
    assert place_in_zone(values, BERLIN).to_pylist() == [utc(2024, 6, 30, 22), None]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([utc(2024, 7, 1)], pa.timestamp("us", "America/New_York")),
        pa.array(["2024-07-01"]),
        pa.array([], pa.timestamp("s", "UTC")),
    ],
)
def test_place__other_values__stay_as_they_are(values: pa.Array) -> None:
    assert place_in_zone(values, BERLIN).equals(values)


def test_place__utc__changes_no_type() -> None:
    values = pa.array([date(2024, 7, 1)])
    assert place_in_zone(values, "UTC") is values


@pytest.mark.parametrize("zone", [BERLIN, "America/New_York"])
def test_place__ends_of_64_bits__stay_in_order(zone: str) -> None:
    ends = [-(2**63) + 1, 0, 2**63 - 1]
    values = place_in_zone(pa.array(ends, pa.timestamp("ns")), zone)
    assert values.cast(pa.int64()).to_pylist() == sorted(values.cast(pa.int64()).to_pylist())


@given(LOCAL | RECENT, st.sampled_from(ZONES), st.integers(-7200, 7200))
def test_first_time_on_clock__is_the_first_that_is_not_before(
    near: datetime, zone: str, seconds: int
) -> None:
    moment = by_zoneinfo(near, zone) + timedelta(seconds=seconds)
    first = EPOCH.replace(tzinfo=None) + first_time_on_clock(moment, zone) * MICROSECOND
    assert by_zoneinfo(first - MICROSECOND, zone) < moment <= by_zoneinfo(first, zone)


@pytest.mark.parametrize(
    ("moment", "first"),
    [
        (utc(2024, 3, 31, 1), datetime(2024, 3, 31, 2)),
        (utc(2024, 3, 31, 1, 1), datetime(2024, 3, 31, 3, 1)),
        (utc(2024, 10, 27, 0, 30), datetime(2024, 10, 27, 2, 30)),
        (utc(2024, 10, 27, 1), datetime(2024, 10, 27, 3)),
        (utc(2024, 10, 27, 1, 30), datetime(2024, 10, 27, 3)),
        (utc(2024, 10, 27, 2, 30), datetime(2024, 10, 27, 3, 30)),
    ],
)
def test_first_time_on_clock__around_changes_in_berlin(moment: datetime, first: datetime) -> None:
    expected = (first - EPOCH.replace(tzinfo=None)) // MICROSECOND
    assert first_time_on_clock(moment, BERLIN) == expected
