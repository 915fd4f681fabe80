"""Times in columns of text, where the reference holds moments."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from monitors.sources import (
    ColumnType,
    SourcePolicy,
    WindowSpec,
    open_window,
    read_inline_times,
    read_window,
)
from monitors.sources.text_times import write_in_utc
from tests.monitors.sources.conftest import Writer, utc

BERLIN = "Europe/Berlin"
WORDS = ["2024-07-01", " 2024-07-01T02:00 ", "2024-07-01T02:00:00Z", "2024-02-30", "red", "", None]
IN_UTC = [
    *("2024-06-30T22:00:00+00:00", "2024-07-01T00:00:00+00:00", "2024-07-01T02:00:00Z"),
    *("2024-02-30", "red", "", None),
]


@pytest.mark.parametrize("dtype", [pa.string(), pa.large_string()])
def test_write__text__has_its_times_in_utc(dtype: pa.DataType) -> None:
    words = pa.array(WORDS, dtype)
    for column in (words, words.dictionary_encode(), pa.chunked_array([words[:3], words[3:]])):
        written = write_in_utc(column, BERLIN)
        assert (written.type, written.to_pylist()) == (column.type, IN_UTC)


@pytest.mark.parametrize("column", [pa.array([1]), pa.array([date(2024, 7, 1)]), pa.nulls(1)])
def test_write__other_columns__stay_as_they_are(column: pa.Array) -> None:
    assert write_in_utc(column, BERLIN) is column


@pytest.fixture(params=["parquet", "arrow", "csv"])
def written(request: pytest.FixtureRequest, write: Writer, root: Path) -> str:
    write(f"x.{request.param}", {"day": WORDS[:2], "note": WORDS[:2]})
    return str(root)


@pytest.mark.parametrize(("zone", "expected"), [(BERLIN, IN_UTC[:2]), ("UTC", WORDS[:2])])
def test_window__column_of_times_in_text__is_written_in_utc_in_every_way_to_read_it(
    written: str, policy: SourcePolicy, zone: str, expected: list[str]
) -> None:
    types = {"day": ColumnType.TIME_TEXT, "note": ColumnType.TEXT}
    spec = WindowSpec(written, policy, ["day", "note"], types=types, zone=zone)
    with open_window(spec) as window:
        if zone == "UTC" and window.is_text:  # the words of CSV lose the spaces around them
            expected = [word.strip() for word in expected]
        assert window.column("day").to_pylist() == expected
        [batch] = window.batches()
        assert batch.column("day").to_pylist() == expected
        assert batch.column("note").to_pylist() == WORDS[:2]
    assert read_window(spec)["day"].to_pylist() == expected


@pytest.mark.parametrize(
    ("words", "read"),
    [
        (["2024-07-01", None], [utc(2024, 6, 30, 22), None]),
        (["2024-07-01", "2024-07-01T12:00:00Z"], [utc(2024, 6, 30, 22), utc(2024, 7, 1, 12)]),
        (["2024-07-01", "soon"], ["2024-07-01", "soon"]),
    ],
)
def test_inline__text_of_a_feature_of_times__is_times(words: list[Any], read: list[Any]) -> None:
    table = pa.table({"at": words, "name": words, "n": [1, 2]})
    types = {"at": ColumnType.TIME, "name": ColumnType.TEXT, "n": ColumnType.NUMERIC}
    found = read_inline_times(table, types, BERLIN)
    assert found.to_pydict() == {"at": read, "name": words, "n": [1, 2]}


def test_inline__utc__leaves_times_without_a_zone() -> None:
    found = read_inline_times(pa.table({"at": ["2024-07-01"]}), {"at": ColumnType.TIME}, "UTC")
    assert found["at"].to_pylist() in ([date(2024, 7, 1)], [datetime(2024, 7, 1)])
