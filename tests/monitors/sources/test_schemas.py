from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from monitors.sources import SchemaMismatch, SourcePolicy, UnreadableSource, describe
from monitors.sources.schemas import common_type
from tests.monitors.sources.conftest import ReadFolder, Writer, utc

NEW_YEAR = datetime(2024, 1, 1)


@pytest.mark.parametrize("extension", ["parquet", "csv", "arrow"])
def test_read_window__integers_in_one_file_floats_in_another__floats(
    write: Writer, read: ReadFolder, extension: str
) -> None:
    write(f"a.{extension}", {"x": [1, 2]})
    write(f"b.{extension}", {"x": [0.5]})
    assert read("")["x"].to_pylist() == [1.0, 2.0, 0.5]


@pytest.mark.parametrize("extension", ["parquet", "csv", "arrow"])
def test_read_window__column_absent_in_one_file__nulls(
    write: Writer, read: ReadFolder, extension: str
) -> None:
    write(f"a.{extension}", {"x": [1]})
    write(f"b.{extension}", {"x": [2], "y": ["new"]})
    assert read("").to_pydict() == {"x": [1, 2], "y": [None, "new"]}


def test_read_window__types_that_do_not_go_together__names_column_and_files(
    write: Writer, read: ReadFolder
) -> None:
    write("a.parquet", {"x": [1], "y": [1]})
    write("b.parquet", {"x": ["one"], "y": [2]})
    with pytest.raises(
        SchemaMismatch, match=r"‘x’ is int64 in ‘a.parquet’ but string in ‘b.parquet’"
    ):
        read("")
    assert read("", columns=["y"])["y"].to_pylist() == [1, 2]


def test_read_window__text_files_disagree__strings(write: Writer, read: ReadFolder) -> None:
    write("a.csv", {"x": [1]})
    write("b.csv", {"x": ["one"]})
    assert read("")["x"].to_pylist() == ["1", "one"]


def test_read_window__timestamps_of_many_types__filtered_together_as_utc(
    write: Writer, read: ReadFolder
) -> None:
    types = [
        pa.timestamp("s"),
        pa.timestamp("ns", "UTC"),
        pa.timestamp("us", "Europe/Paris"),
        pa.date32(),
    ]
    for number, dtype in enumerate(types):
        write(f"{number}.parquet", {"ts": pa.array([NEW_YEAR], pa.timestamp("us")).cast(dtype)})
    table = read("", timestamp_column="ts", start=utc(2024, 1, 1), end=utc(2024, 1, 1, 0, 0, 1))
    assert table.schema.field("ts").type == pa.timestamp("ns", "UTC")
    assert table.num_rows == 4


def test_read_window__timestamp_column_absent_in_one_file__its_rows_are_in_no_window(
    write: Writer, read: ReadFolder
) -> None:
    write("a.parquet", {"x": [1]})
    write("b.parquet", {"x": [2], "ts": [NEW_YEAR]})
    assert read("", columns=["x"], timestamp_column="ts", start=utc(2024, 1, 1))[
        "x"
    ].to_pylist() == [2]


@pytest.mark.parametrize("extension", ["parquet", "arrow"])
def test_read_window__dictionary_and_plain_strings__strings(
    write: Writer, read: ReadFolder, extension: str
) -> None:
    write(f"a.{extension}", {"x": pa.array(["u", "v"]).dictionary_encode()})
    write(f"b.{extension}", {"x": ["w"]})
    table = read("")
    assert (table.schema.field("x").type, table["x"].to_pylist()) == (pa.string(), ["u", "v", "w"])


def test_common_type__string_view__is_a_string() -> None:
    assert common_type(pa.string_view(), pa.string()) == pa.string()
    assert common_type(pa.time32("s"), pa.timestamp("s")) is None


def test_read_window__column_twice_in_a_file__refused_only_if_asked_for(
    write: Writer, read: ReadFolder
) -> None:
    write("a.parquet", pa.table([[1], [2], [3]], names=["x", "x", "y"]))
    with pytest.raises(SchemaMismatch, match="more than one column ‘x’"):
        read("")
    assert read("", columns=["y"])["y"].to_pylist() == [3]


def test_describe__conflicting_files__names_the_column(
    write: Writer, root: Path, policy: SourcePolicy
) -> None:
    write("a.parquet", {"x": [1]})
    write("b.parquet", {"x": [True]})
    with pytest.raises(SchemaMismatch, match="‘x’ is int64"):
        describe(str(root), policy)


def test_describe__mixed_formats__says_which_file(
    write: Writer, root: Path, policy: SourcePolicy
) -> None:
    write("a.parquet", {"x": [1]})
    (root / "b.csv").write_text("x\n1\n")
    with pytest.raises(UnreadableSource, match=r"‘b\.csv’.*one dataset has one format"):
        describe(str(root), policy)
