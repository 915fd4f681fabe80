from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.dataset as pads
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.sources.time_filters import Timeframe
from tests.monitors.sources.conftest import utc

INSTANTS = st.datetimes(datetime(1690, 1, 1), datetime(2250, 1, 1), timezones=st.timezones())
UNITS = {
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
    "us": timedelta(microseconds=1),
}


def kept(values: pa.Array, start: datetime, end: datetime) -> list[bool]:
    table = pa.table({"ts": values, "row": range(len(values))})
    condition = Timeframe("ts", start, end).condition(table.schema)
    rows = pads.dataset(table).to_table(filter=condition)["row"].to_pylist()
    return [row in rows for row in range(len(values))]


@given(st.sampled_from(sorted(UNITS)), st.tuples(INSTANTS, INSTANTS), st.integers(-3, 3))
def test_condition__any_bounds__agrees_with_python(
    unit: str, bounds: tuple[datetime, datetime], steps: int
) -> None:
    start, end = sorted(bounds)
    near = [(bound.astimezone(UTC) + steps * UNITS[unit]).replace(tzinfo=None) for bound in bounds]
    values = pa.array(near, pa.timestamp("us")).cast(pa.timestamp(unit), safe=False)
    expected = [start <= value.replace(tzinfo=UTC) < end for value in values.to_pylist()]
    assert kept(values, start, end) == expected


@given(st.lists(st.tuples(INSTANTS, INSTANTS), max_size=3), st.integers(-3, 3))
def test_condition__gaps__agrees_with_python(
    gaps: list[tuple[datetime, datetime]], steps: int
) -> None:
    spans = [(min(gap), max(gap)) for gap in gaps]
    near = [bound.astimezone(UTC) + steps * UNITS["us"] for gap in gaps for bound in gap]
    timeframe = Timeframe("ts", gaps=tuple(spans))
    stamps = pa.array(near, pa.timestamp("us", "UTC"))
    expected = [not any(start <= value < end for start, end in spans) for value in near]
    table = pa.table({"ts": stamps, "row": range(len(near))})
    condition = timeframe.condition(table.schema)
    rows = pads.dataset(table).to_table(filter=condition)["row"].to_pylist()
    assert [row in rows for row in range(len(near))] == expected
    if timeframe.is_bounded:
        assert timeframe.mask(stamps).to_pylist() == expected
        outside = pads.dataset(table).to_table(filter=timeframe.opposite(table.schema))
        assert outside["row"].to_pylist() == [row for row, kept in enumerate(expected) if not kept]


@pytest.mark.parametrize(
    ("nanoseconds", "inside"), [(-1, False), (0, True), (999, True), (1000, False)]
)
def test_condition__nanoseconds__compared_exactly(nanoseconds: int, inside: bool) -> None:
    values = pa.array([nanoseconds], pa.timestamp("ns"))
    assert kept(values, utc(1970, 1, 1), utc(1970, 1, 1) + timedelta(microseconds=1)) == [inside]
