"""Windows of data whose times have no zone; the oracle is Python's zoneinfo."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitors.sources import SourcePolicy, WindowSpec, describe, open_window
from tests.monitors.sources.conftest import ReadFolder, Writer, utc

BERLIN, KOLKATA = "Europe/Berlin", "Asia/Kolkata"
UNITS = ["s", "ms", "us", "ns"]
EXTENSIONS = ["parquet", "arrow", "csv", "csv.gz"]
HOUR = timedelta(hours=1)

type OpenFolder = Callable[..., Any]


@pytest.fixture
def opened(root: Path, policy: SourcePolicy) -> Iterator[OpenFolder]:
    """Open a window of what is below the root."""
    windows = []

    def _open(name: str = "", **window: Any) -> Any:
        windows.append(open_window(WindowSpec(str(root / name), policy, **window)))
        return windows[-1]

    yield _open
    for window in windows:
        window.__exit__(None, None, None)


def moments_around(change: datetime) -> list[datetime]:
    """Every half hour from four hours before a change of clocks to four hours after it."""
    return [change + each * HOUR / 2 for each in range(-8, 9)]


def clock_times(moments: list[datetime], zone: str) -> list[datetime]:
    """The times that a clock shows at these moments."""
    return [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) for moment in moments]


def first_shown(time: datetime, zone: str) -> datetime:
    return time.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize("change", [utc(2024, 3, 31, 1), utc(2024, 10, 27, 1)])
@pytest.mark.parametrize("extension", EXTENSIONS)
def test_windows__of_each_half_hour__hold_each_row_once(
    write: Writer, read: ReadFolder, extension: str, change: datetime
) -> None:
    moments = moments_around(change)
    times = clock_times(moments, BERLIN)
    table = {"ts": pa.array(times, pa.timestamp("us")), "row": range(len(times))}
    write(f"x.{extension}", table)
    for start in moments:
        found = read("", timestamp_column="ts", start=start, end=start + HOUR / 2, zone=BERLIN)
        expected = [row for row, time in enumerate(times) if first_shown(time, BERLIN) == start]
        assert found["row"].to_pylist() == expected


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("zone", [BERLIN, KOLKATA])
def test_window__naive_times__are_moments_of_the_zone(
    write: Writer, read: ReadFolder, unit: str, extension: str, zone: str
) -> None:
    moments = [utc(2024, 6, 30, 18, 30) + each * HOUR for each in range(30)]
    write(f"x.{extension}", {"ts": pa.array(clock_times(moments, zone), pa.timestamp(unit))})
    start, end = utc(2024, 6, 30, 22), utc(2024, 7, 1, 22)
    table = read("", timestamp_column="ts", start=start, end=end, zone=zone)
    assert table["ts"].to_pylist() == [each for each in moments if start <= each < end]


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_window__dates__are_midnights_of_the_zone(
    write: Writer, read: ReadFolder, extension: str
) -> None:
    days = [date(2024, 7, day) for day in (1, 2, 3)]
    write(f"x.{extension}", {"day": days})
    midnight = utc(2024, 7, 1, 18, 30)  # of 2 July in Kolkata
    table = read("", timestamp_column="day", start=midnight, zone=KOLKATA)
    assert table["day"].to_pylist() == [midnight, midnight + 24 * HOUR]


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_window__naive_and_aware_files_in_a_folder__are_the_same_moments(
    write: Writer, read: ReadFolder, extension: str
) -> None:
    moments = moments_around(utc(2024, 7, 1))
    naive = pa.array(clock_times(moments, BERLIN), pa.timestamp("ms"))
    aware = pa.array(moments, pa.timestamp("us", "America/New_York"))
    for name, stamps in {"1": naive, "2": aware}.items():
        write(f"{name}.{extension}", {"ts": stamps, "at": stamps})
    start, end = moments[2], moments[5]
    table = read("", timestamp_column="ts", start=start, end=end, zone=BERLIN)
    assert table["at"].to_pylist() == moments[2:5] * 2
    assert table["ts"].to_pylist() == moments[2:5] * 2


def test_csv__naive_and_aware_words_in_a_column__are_moments(root: Path, read: ReadFolder) -> None:
    words = [
        "2024-07-01T02:00:00",
        "2024-07-01T02:00:00Z",
        "2024-07-01",
        "2024-10-27 02:30:00+01:00",
    ]
    (root / "x.csv").write_text("ts\n" + "\n".join(words) + "\n")
    table = read("", timestamp_column="ts", zone=BERLIN)
    assert table["ts"].to_pylist() == [
        *(utc(2024, 7, 1), utc(2024, 7, 1, 2)),
        *(utc(2024, 6, 30, 22), utc(2024, 10, 27, 1, 30)),
    ]


@pytest.mark.parametrize("extension", ["parquet", "arrow", "csv"])
def test_window__hive_days__open_only_the_folders_of_the_zone(
    write: Writer, opened: OpenFolder, extension: str
) -> None:
    for day in (1, 2, 3):
        write(f"day=2024-07-0{day}/x.{extension}", {"n": [day]})
    start = utc(2024, 7, 1, 18, 30)
    spec = {"timestamp_column": "day", "start": start, "end": start + 24 * HOUR, "zone": KOLKATA}
    window = opened(columns=["n", "day"], **spec)
    assert window.files.read == 1
    assert window.column("n").to_pylist() == [2]
    assert window.column("day").to_pylist() == [start]
    [batch] = window.batches()
    assert batch.column("day").to_pylist() == [start]


def test_window__row_groups__are_pruned_by_the_zone(root: Path, opened: OpenFolder) -> None:
    times = [datetime(2024, 7, 1) + each * HOUR for each in range(48)]
    pq.write_table(pa.table({"ts": times, "n": range(48)}), root / "x.parquet", row_group_size=12)
    start, end = utc(2024, 6, 30, 22), utc(2024, 7, 1, 10)
    window = opened(columns=["n"], timestamp_column="ts", start=start, end=end, zone=BERLIN)
    assert [len(part.pieces) for part in window.parts(1)] == [1]
    assert window.column("n").to_pylist() == list(range(12))


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_window__read_in_batches_or_at_once__is_the_same(
    write: Writer, opened: OpenFolder, read: ReadFolder, extension: str
) -> None:
    times = clock_times(moments_around(utc(2024, 10, 27, 1)), BERLIN)
    write(f"x.{extension}", {"ts": times, "day": [time.date() for time in times]})
    window = opened(columns=["ts", "day"], zone=BERLIN)
    table = pa.Table.from_batches(window.batches())
    assert table.to_pydict() == read("", zone=BERLIN).to_pydict()
    assert table.schema.field("day").type.tz == "UTC"


def test_window__utc__leaves_naive_times_and_dates_as_they_are(
    write: Writer, read: ReadFolder
) -> None:
    table = pa.table({"ts": [datetime(2024, 7, 1)], "day": [date(2024, 7, 1)]})
    write("x.parquet", table)
    assert read("").schema.types == table.schema.types


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_describe__naive_times__are_moments(
    root: Path, policy: SourcePolicy, write: Writer, extension: str
) -> None:
    write(f"x.{extension}", {"ts": [datetime(2024, 7, 1)], "n": [1]})
    columns = describe(str(root), policy, zone=BERLIN).columns
    assert (columns["ts"].tz, columns["n"]) == ("UTC", pa.int64())
