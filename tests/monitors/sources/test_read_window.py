from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitors.sources import (
    SchemaMismatch,
    SourcePolicy,
    WindowSpec,
    WindowTooLarge,
    open_window,
    read_window,
)
from tests.monitors.sources.conftest import ReadFolder, Writer, utc

HOURS = [datetime(2024, 1, 1) + timedelta(hours=hour) for hour in range(48)]
FORMATS = ["x.parquet", "x.csv", "x.csv.gz", "x.arrow", "x.feather", "x.ipc"]


def hourly(dtype: pa.DataType) -> pa.Table:
    return pa.table({"n": range(48), "ts": pa.array(HOURS, pa.timestamp("us")).cast(dtype)})


@pytest.mark.parametrize("name", FORMATS)
def test_read_window__every_format__same_rows(write: Writer, read: ReadFolder, name: str) -> None:
    write(name, hourly(pa.timestamp("s")))
    table = read(
        name, columns=["n"], timestamp_column="ts", start=utc(2024, 1, 1, 5), end=utc(2024, 1, 1, 8)
    )
    assert table.to_pydict() == {"n": [5, 6, 7]}


@pytest.mark.parametrize("name", FORMATS)
def test_read_window__no_rows__is_an_empty_table(
    write: Writer, read: ReadFolder, name: str
) -> None:
    write(name, hourly(pa.timestamp("s")).slice(0, 0))
    table = read(name, columns=["n"], timestamp_column="ts", start=utc(2024, 1, 1))
    assert (table.num_rows, table.column_names) == (0, ["n"])


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York", "+05:30"])
def test_read_window__any_unit_and_zone__same_instants(
    write: Writer, read: ReadFolder, unit: str, zone: str | None
) -> None:
    write("x.arrow", hourly(pa.timestamp(unit, zone)))
    window = {"start": utc(2024, 1, 1, 5, 0, 0, 1), "end": utc(2024, 1, 1, 8)}
    assert read("x.arrow", columns=["n"], timestamp_column="ts", **window)["n"].to_pylist() == [
        6,
        7,
    ]


@pytest.mark.parametrize("dtype", [pa.date32(), pa.date64()])
def test_read_window__date_column__is_midnight_utc(
    write: Writer, read: ReadFolder, dtype: pa.DataType
) -> None:
    write("x.parquet", {"day": pa.array([date(2024, 1, day) for day in (1, 2, 3)], dtype)})
    for start, end, expected in [(1, 2, [1]), (1, 3, [1, 2]), (2, 2, [])]:
        table = read("", timestamp_column="day", start=utc(2024, 1, start), end=utc(2024, 1, end))
        assert [day.day for day in table["day"].to_pylist()] == expected
    assert (
        read("", timestamp_column="day", start=utc(2024, 1, 1, 6), end=utc(2024, 1, 2, 6)).num_rows
        == 1
    )


def test_read_window__consecutive_windows__share_no_row_and_lose_none(
    write: Writer, read: ReadFolder
) -> None:
    stamps = [datetime(2024, 1, 1) + timedelta(microseconds=step * 250_000) for step in range(40)]
    write("x.parquet", {"n": range(40), "ts": pa.array(stamps, pa.timestamp("us"))})
    cuts = [
        utc(2024, 1, 1) + timedelta(seconds=seconds) for seconds in (0, 0.25, 1.1, 3, 3.000001, 10)
    ]
    parts = [
        read("", timestamp_column="ts", start=a, end=b)["n"].to_pylist() for a, b in pairwise(cuts)
    ]
    assert [n for part in parts for n in part] == list(range(40))


@pytest.mark.parametrize(
    ("day", "hours"), [(datetime(2024, 3, 10), 23), (datetime(2024, 11, 3), 25)]
)
def test_read_window__local_day_of_a_clock_change__has_its_real_hours(
    write: Writer, read: ReadFolder, day: datetime, hours: int
) -> None:
    zone = ZoneInfo("America/New_York")
    stamps = [day.replace(tzinfo=UTC) + timedelta(hours=hour) for hour in range(-24, 72)]
    write("x.parquet", {"ts": pa.array(stamps, pa.timestamp("ms", "America/New_York"))})
    start, end = day.replace(tzinfo=zone), (day + timedelta(days=1)).replace(tzinfo=zone)
    assert read("", timestamp_column="ts", start=start, end=end).num_rows == hours


def test_read_window__both_folds_of_the_repeated_hour__are_told_apart(
    write: Writer, read: ReadFolder
) -> None:
    zone = ZoneInfo("America/New_York")
    write(
        "x.parquet",
        {
            "ts": pa.array(
                [utc(2024, 11, 3, 5, 30), utc(2024, 11, 3, 6, 30)], pa.timestamp("us", zone.key)
            )
        },
    )
    first, second = (datetime(2024, 11, 3, 1, tzinfo=zone, fold=fold) for fold in (0, 1))
    table = read("", timestamp_column="ts", start=first, end=second.astimezone(UTC))
    assert [stamp.astimezone(UTC).hour for stamp in table["ts"].to_pylist()] == [5]


def test_read_window__bounds_beyond_nanoseconds__are_unbounded(
    write: Writer, read: ReadFolder
) -> None:
    write("x.parquet", hourly(pa.timestamp("ns")))
    table = read(
        "", timestamp_column="ts", start=datetime.min.replace(tzinfo=UTC), end=utc(9999, 1, 1)
    )
    assert table.num_rows == 48


def test_read_window__null_timestamps__are_in_no_bounded_window(
    write: Writer, read: ReadFolder
) -> None:
    write("x.parquet", {"ts": pa.array([None, datetime(2024, 1, 1)], pa.timestamp("us"))})
    assert read("", timestamp_column="ts", start=utc(1970, 1, 1)).num_rows == 1
    assert read("", timestamp_column="ts").num_rows == 2


@pytest.mark.parametrize("name", ["x.parquet", "x.csv", "x.arrow"])
def test_read_window__columns__ordered_as_asked_and_absent_ones_left_out(
    write: Writer, read: ReadFolder, name: str
) -> None:
    write(name, {"a.b": [1, 2], "x[0]": [3, 4], "c/d": [5, 6], "ts": HOURS[:2]})
    table = read(
        name, columns=["c/d", "nope", "a.b", "c/d"], timestamp_column="ts", end=utc(2024, 1, 1, 1)
    )
    assert table.to_pydict() == {"c/d": [5], "a.b": [1]}
    assert read(name, columns=["nope"]).shape == (2, 0)


@pytest.mark.parametrize("name", ["x.parquet", "x.csv", "x.arrow"])
def test_read_window__timestamp_column_missing__says_so(
    write: Writer, read: ReadFolder, name: str
) -> None:
    write(name, {"a": [1]})
    with pytest.raises(SchemaMismatch, match="no timestamp column ‘ts’"):
        read(name, columns=["a"], timestamp_column="ts", start=utc(2024, 1, 1))


@pytest.mark.parametrize("values", [[1], [1.5], ["today"], [True]])
def test_read_window__timestamp_column_of_another_type__names_the_type(
    write: Writer, read: ReadFolder, values: list[Any]
) -> None:
    dtype = pa.table({"ts": values}).schema.field("ts").type
    write("x.parquet", {"ts": values})
    with pytest.raises(SchemaMismatch, match=f"‘ts’ is {dtype};"):
        read("", timestamp_column="ts")


@pytest.mark.parametrize(
    "window",
    [
        {"timestamp_column": "ts", "start": datetime(2024, 1, 1)},
        {"timestamp_column": "ts", "start": utc(2024, 1, 2), "end": utc(2024, 1, 1)},
        {"start": utc(2024, 1, 1)},
    ],
)
def test_read_window__not_a_window__is_a_mistake_of_the_caller(
    read: ReadFolder, window: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="window"):
        read("", **window)


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow"])
def test_read_window__too_many_rows__refused_with_both_numbers(
    write: Writer, root: Path, name: str
) -> None:
    write(name, {"a": range(1 << 18), "b": range(1 << 18)})
    small = SourcePolicy(allowed_roots=(str(root),), max_window_bytes=3 << 20)
    with pytest.raises(
        WindowTooLarge, match=r"262,144 rows of 2 columns, about 4\.0 MiB; the limit is 3\.0 MiB"
    ):
        read_window(WindowSpec(str(root), small))
    assert read_window(WindowSpec(str(root), small, columns=["a"])).num_rows == 1 << 18


def test_read_window__row_groups_too_large_but_window_small__is_read(
    write: Writer, root: Path
) -> None:
    write("x.parquet", {"ts": pa.array(range(1 << 18), pa.timestamp("s"))})
    small = SourcePolicy(allowed_roots=(str(root),), max_window_bytes=1 << 20)
    assert (
        read_window(
            WindowSpec(str(root), small, ["ts"], "ts", None, utc(1970, 1, 1, 0, 1))
        ).num_rows
        == 60
    )
    with pytest.raises(WindowTooLarge, match="262,140 rows"):
        read_window(WindowSpec(str(root), small, ["ts"], "ts", None, utc(1970, 1, 4, 0, 49)))


@pytest.mark.parametrize("name", ["x.csv", "x.parquet", "x.arrow"])
def test_read_window__long_strings__stopped_while_reading(
    write: Writer, root: Path, name: str
) -> None:
    write(name, {"text": [f"{'x' * 1000}{row}" for row in range(5000)]})
    small = SourcePolicy(allowed_roots=(str(root),), max_window_bytes=1 << 20)
    with pytest.raises(WindowTooLarge, match=r"(more than|about) .* the limit is 1\.0 MiB"):
        read_window(WindowSpec(str(root), small))


def test_read_window__corrupt_row_group_outside_the_window__is_not_touched(
    root: Path, read: ReadFolder
) -> None:
    path = root / "x.parquet"
    pq.write_table(
        hourly(pa.timestamp("us")),
        path,
        row_group_size=24,
        compression="none",
        use_dictionary=False,
    )
    spoilt, column = bytearray(path.read_bytes()), pq.read_metadata(path).row_group(1).column(0)
    spoilt[column.data_page_offset : column.data_page_offset + 64] = b"\xff" * 64
    path.write_bytes(spoilt)
    assert read("", timestamp_column="ts", end=utc(2024, 1, 2))["n"].to_pylist() == list(range(24))


def test_read_window__corrupt_column_not_asked_for__is_not_touched(
    root: Path, read: ReadFolder
) -> None:
    path = root / "x.parquet"
    pq.write_table(hourly(pa.timestamp("us")), path, compression="none", use_dictionary=False)
    spoilt, column = bytearray(path.read_bytes()), pq.read_metadata(path).row_group(0).column(0)
    spoilt[column.data_page_offset : column.data_page_offset + 64] = b"\xff" * 64
    path.write_bytes(spoilt)
    assert read("", columns=["ts"]).num_rows == 48


@pytest.mark.parametrize("year", [1, 1816, 2024, 9999])
def test_read_window__int96__is_read_in_microseconds(
    root: Path, read: ReadFolder, policy: SourcePolicy, year: int
) -> None:
    moment = datetime(year, 12, 31, 23, 59, 59, 999999)
    table = pa.table({"ts": pa.array([moment, None], pa.timestamp("us")), "n": [1, 2]})
    pq.write_table(table, root / "x.parquet", use_deprecated_int96_timestamps=True)
    assert read("")["ts"].to_pylist() == [moment, None]
    start = moment.replace(tzinfo=UTC)
    with open_window(WindowSpec(str(root), policy, ["ts"], "ts", start)) as window:
        assert window.column("ts").to_pylist() == [moment]
    assert read("", timestamp_column="ts", end=start).num_rows == 0
