import gzip
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from algorithms.errors import UnusableColumn
from monitors.sources import (
    ColumnMismatch,
    SchemaMismatch,
    SourcePolicy,
    UnreadableSource,
    WindowSpec,
    describe,
    open_window,
    read_window,
)
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
    assert table.schema.field("ts").type == pa.timestamp("us", "UTC")
    assert table.num_rows == 4


@pytest.mark.parametrize("extension", ["parquet", "csv", "arrow"])
@pytest.mark.parametrize(("other", "hint"), [("TS", "; it has ‘TS’"), ("time", "")])
def test_read_window__time_column_absent_in_one_file__is_refused_by_the_file(
    write: Writer, read: ReadFolder, extension: str, other: str, hint: str
) -> None:
    write(f"a.{extension}", {"x": [1], other: [NEW_YEAR]})
    write(f"b.{extension}", {"x": [2], "ts": [NEW_YEAR]})
    sentence = f"‘a.{extension}’ has no timestamp column ‘ts’{hint}."
    with pytest.raises(SchemaMismatch, match=f"^{re.escape(sentence)}$"):
        read("", columns=["x"], timestamp_column="ts", start=utc(2024, 1, 1))
    assert read("", columns=["x"])["x"].to_pylist() == [1, 2]


def test_read_window__time_column_of_another_type_in_one_file__names_the_file(
    write: Writer, read: ReadFolder
) -> None:
    write("a.parquet", {"ts": [NEW_YEAR]})
    write("b.parquet", {"ts": ["2024-01-01"]})
    with pytest.raises(SchemaMismatch, match=r"In ‘b\.parquet’: .* ‘ts’ is string"):
        read("", timestamp_column="ts", start=utc(2024, 1, 1))


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


def test_describe__conflicting_files__costs_that_column(
    write: Writer, root: Path, policy: SourcePolicy
) -> None:
    write("a.parquet", {"x": [1], "y": [1]})
    write("b.parquet", {"x": ["one"], "y": [2]})
    found = describe(str(root), policy)
    assert found.columns == {"y": pa.int64()}
    assert found.unusable == {
        "x": "The column ‘x’ is int64 in ‘a.parquet’ but string in ‘b.parquet’."
    }


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (pa.int64(), pa.float64(), pa.float64()),
        (pa.int64(), pa.float32(), pa.float64()),
        (pa.int8(), pa.float16(), pa.float64()),
        (pa.uint64(), pa.int64(), pa.decimal128(20, 0)),
        (pa.uint64(), pa.int8(), pa.decimal128(20, 0)),
        (pa.uint32(), pa.int32(), pa.int64()),
        (pa.bool_(), pa.int8(), pa.int8()),
        (pa.float64(), pa.bool_(), pa.float64()),
        (pa.bool_(), pa.bool_(), pa.bool_()),
        (pa.decimal128(10, 2), pa.float32(), pa.float64()),
        (pa.decimal128(10, 2), pa.int64(), pa.decimal128(22, 2)),
        (pa.decimal128(38, 30), pa.int64(), pa.decimal256(50, 30)),
        (pa.timestamp("us"), pa.timestamp("ns"), pa.timestamp("us")),
        (pa.timestamp("s"), pa.timestamp("ns"), pa.timestamp("us")),
        (pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("ms")),
        (pa.timestamp("ns"), pa.timestamp("ns", "UTC"), pa.timestamp("ns", "UTC")),
        (pa.date32(), pa.timestamp("ns"), pa.timestamp("us")),
        (pa.date32(), pa.timestamp("s", "UTC"), pa.timestamp("s", "UTC")),
        (pa.duration("ns"), pa.duration("s"), pa.duration("us")),
        (pa.string(), pa.binary(), None),
        (pa.string(), pa.int64(), None),
        (pa.bool_(), pa.string(), None),
    ],
)
def test_common_type__of_two__holds_every_value_of_both(
    left: pa.DataType, right: pa.DataType, expected: pa.DataType | None
) -> None:
    assert common_type(left, right) == expected
    assert common_type(right, left) == expected


YEAR_9999 = datetime(9999, 12, 31)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (pa.array([2**53]), pa.array([0.5]), [2.0**53, 0.5]),
        (pa.array([2**64 - 1], pa.uint64()), pa.array([-1]), [2**64 - 1, -1]),
        (pa.array([True]), pa.array([7], pa.int8()), [1, 7]),
        (
            pa.array([YEAR_9999], pa.timestamp("us")),
            pa.array([NEW_YEAR], pa.timestamp("ns")),
            [YEAR_9999, NEW_YEAR],
        ),
        (
            pa.array([YEAR_9999.date()]),
            pa.array([NEW_YEAR], pa.timestamp("ns")),
            [YEAR_9999, NEW_YEAR],
        ),
    ],
)
@pytest.mark.parametrize("extension", ["parquet", "arrow"])
def test_window__files_of_two_types__are_whole(
    write: Writer,
    read: ReadFolder,
    root: Path,
    policy: SourcePolicy,
    extension: str,
    left: pa.Array,
    right: pa.Array,
    expected: list[object],
) -> None:
    write(f"a.{extension}", {"x": left})
    write(f"b.{extension}", {"x": right})
    assert read("")["x"].to_pylist() == expected
    with open_window(WindowSpec(str(root), policy)) as window:
        assert window.column("x").to_pylist() == expected
        found = [value for batch in window.batches() for value in batch.column("x").to_pylist()]
    assert found == expected


@pytest.mark.parametrize("extension", ["parquet", "arrow"])
def test_window__nanoseconds_beside_the_end_of_time__are_inside_by_their_own_unit(
    write: Writer, read: ReadFolder, extension: str
) -> None:
    before = pa.array([-1, 0], pa.timestamp("ns"))
    write(f"a.{extension}", {"x": [1, 2], "ts": before})
    write(f"b.{extension}", {"x": [3], "ts": pa.array([YEAR_9999], pa.timestamp("us"))})
    window = {"timestamp_column": "ts", "columns": ["x"]}
    assert read("", start=utc(1970, 1, 1), **window)["x"].to_pylist() == [2, 3]
    assert read("", end=utc(1970, 1, 1), **window)["x"].to_pylist() == [1]


@pytest.fixture
def retyped(write: Writer, root: Path, request: pytest.FixtureRequest) -> Path:
    """January has numbers in `k`, February text; `x` is whole."""
    january, february = ([datetime(2024, month, day) for day in (1, 2, 3)] for month in (1, 2))
    write(f"1.{request.param}", {"ts": january, "x": [1, 2, 3], "k": [1, 2, 3]})
    write(f"2.{request.param}", {"ts": february, "x": [4, 5, 6], "k": ["a", "b", "c"]})
    return root


@pytest.mark.parametrize("retyped", ["parquet", "arrow"], indirect=True)
def test_window__that_does_not_need_the_retyped_file__is_whole(
    retyped: Path, policy: SourcePolicy
) -> None:
    spec = WindowSpec(str(retyped), policy, None, "ts", utc(2024, 1, 2), utc(2024, 1, 9))
    assert read_window(spec)["k"].to_pylist() == [2, 3]
    with open_window(spec) as window:
        assert window.column("k").to_pylist() == [2, 3]


@pytest.mark.parametrize("retyped", ["parquet", "arrow"], indirect=True)
def test_window__over_the_retyped_file__costs_that_column(
    retyped: Path, policy: SourcePolicy
) -> None:
    reason = r"‘k’ is int64 in ‘1\..*’ but string in ‘2\."
    with open_window(WindowSpec(str(retyped), policy, ["k", "x"])) as window:
        assert (window.column_names, window.num_rows) == (["k", "x"], 6)
        assert window.column("x").to_pylist() == [1, 2, 3, 4, 5, 6]
        with pytest.raises(UnusableColumn, match=reason):
            window.column("k")
        for batch in window.batches():
            assert batch.num_rows == len(batch.column("x")) == 3
            with pytest.raises(UnusableColumn, match=reason):
                batch.column("k")


def test_window__retyped_file_without_rows_in_the_window__is_not_needed(
    root: Path, policy: SourcePolicy
) -> None:
    """Its statistics reach over the window, but none of its rows lies there."""
    around = [datetime(2024, 1, 1), datetime(2024, 3, 1)]
    pq.write_table(pa.table({"ts": around, "k": ["a", "b"]}), root / "1.parquet")
    pq.write_table(pa.table({"ts": [datetime(2024, 2, 1)], "k": [7]}), root / "2.parquet")
    spec = WindowSpec(str(root), policy, ["k"], "ts", utc(2024, 1, 9), utc(2024, 2, 9))
    with open_window(spec) as window:
        assert window.column("k").to_pylist() == [7]


def test_describe__mixed_formats__says_which_file(
    write: Writer, root: Path, policy: SourcePolicy
) -> None:
    write("a.parquet", {"x": [1]})
    (root / "b.csv").write_text("x\n1\n")
    with pytest.raises(UnreadableSource, match=r"‘b\.csv’.*one dataset has one format"):
        describe(str(root), policy)


@pytest.mark.parametrize("offset", [2**53 + 1, -(2**60)])
def test_describe__whole_numbers_that_no_float_holds__are_a_conflict_of_their_column(
    write: Writer, policy: SourcePolicy, root: Path, offset: int
) -> None:
    write("1.parquet", {"k": [offset, 1], "x": [1.0, 2.0]})
    write("2.parquet", {"k": [1.5, 2.5], "x": [3.0, 4.0]})
    with open_window(WindowSpec(str(root), policy, ["k", "x"])) as window:
        assert window.column("x").to_pylist() == [1.0, 2.0, 3.0, 4.0]
        with pytest.raises(
            UnusableColumn, match=r"‘k’ holds whole numbers beyond 2\^53 in ‘1.parquet’"
        ):
            window.column("k")


def test_describe__whole_numbers_up_to_2_to_the_53__meet_floats(
    write: Writer, policy: SourcePolicy, root: Path
) -> None:
    write("1.parquet", {"k": [2**53, -(2**53)]})
    write("2.parquet", {"k": [1.5, 2.5]})
    with open_window(WindowSpec(str(root), policy, ["k"])) as window:
        assert window.column("k").to_pylist() == [2.0**53, -(2.0**53), 1.5, 2.5]


DOUBLED = pa.Table.from_arrays(
    [pa.array([1, 2]), pa.array([3, 4]), pa.array(["a", "b"])], ["n", "n", "text"]
)


@pytest.fixture(params=["parquet", "arrow", "csv", "csv.gz"])
def doubled(request: pytest.FixtureRequest, root: Path) -> str:
    """A file that has one of its columns twice."""
    path = root / f"x.{request.param}"
    if request.param == "parquet":
        pq.write_table(DOUBLED, path)
    elif request.param == "arrow":
        with pa.ipc.new_file(path, DOUBLED.schema) as file:
            file.write_table(DOUBLED)
    else:
        text = b'n,n,"text"\n1,3,a\n2,4,b\n'
        path.write_bytes(text if request.param == "csv" else gzip.compress(text))
    return str(path)


def test_doubled_name__other_columns__are_read(doubled: str, policy: SourcePolicy) -> None:
    assert read_window(WindowSpec(doubled, policy, ["text"]))["text"].to_pylist() == ["a", "b"]
    with open_window(WindowSpec(doubled, policy)) as window:
        assert (sorted(window.column_names), window.num_rows) == (["n", "text"], 2)
        assert window.column("text").to_pylist() == ["a", "b"]
        [batch] = window.batches()
        assert batch.column("text").to_pylist() == ["a", "b"]


def test_doubled_name__that_is_needed__is_an_error_of_its_column(
    doubled: str, policy: SourcePolicy
) -> None:
    reason = f"‘{Path(doubled).name}’ has more than one column ‘n’."
    assert describe(doubled, policy).unusable == {"n": reason}
    with open_window(WindowSpec(doubled, policy)) as window:
        [batch] = window.batches()
        for read in (window.column, batch.column):
            with pytest.raises(ColumnMismatch, match=reason):
                read("n")
    with pytest.raises(SchemaMismatch, match=reason):
        read_window(WindowSpec(doubled, policy))


@pytest.mark.parametrize("start", [None, utc(2023, 1, 1)])
def test_doubled_name__of_the_times__is_named(
    doubled: str, policy: SourcePolicy, start: Any
) -> None:
    spec = WindowSpec(doubled, policy, ["text"], "n", start)
    with pytest.raises(SchemaMismatch, match="has more than one column ‘n’"):
        read_window(spec)


@pytest.mark.parametrize("extension", ["parquet", "csv"])
def test_doubled_name__outside_the_window__is_not_needed(
    root: Path, policy: SourcePolicy, extension: str
) -> None:
    for month, names in ((1, ["ts", "n", "m"]), (2, ["ts", "n", "n"])):
        stamps = [utc(2024, month, day) for day in (1, 2)]
        table = pa.Table.from_arrays([pa.array(stamps), pa.array([1, 2]), pa.array([3, 4])], names)
        path = root / f"{month}.{extension}"
        pq.write_table(table, path) if extension == "parquet" else pacsv.write_csv(table, path)
    january = {"timestamp_column": "ts", "end": utc(2024, 1, 9)}
    table = read_window(WindowSpec(str(root), policy, ["n"], **january))  # type: ignore[arg-type]
    assert table["n"].to_pylist() == [1, 2]
    with pytest.raises(SchemaMismatch, match=rf"‘2\.{extension}’ has more than one column ‘n’"):
        read_window(WindowSpec(str(root), policy, ["n"], "ts", utc(2024, 1, 2)))


@pytest.mark.parametrize("columns", [2, 4000])
def test_doubled_name__at_the_end_of_a_long_header__is_found(
    root: Path, policy: SourcePolicy, columns: int
) -> None:
    names = [f"column_{number}" for number in range(columns)]
    header = ",".join([*names, "column_1"])
    (root / "x.csv").write_text(f"{header}\n" + ",".join("7" * (columns + 1)) + "\n")
    found = describe(str(root), policy)
    assert list(found.unusable) == ["column_1"]
    assert list(found.columns) == [name for name in names if name != "column_1"]


def test_header__cut_within_a_name__is_read_to_its_end(root: Path, policy: SourcePolicy) -> None:
    """The first bytes end with `ab`, which is the beginning of the last name and another name."""
    filler = "x" * ((1 << 14) - len("ab,") - len(",ab"))
    (root / "x.csv").write_text(f"ab,{filler},abc\n1,2,3\n")
    assert list(describe(str(root), policy).columns) == ["ab", filler, "abc"]
