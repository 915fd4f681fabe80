"""The oracle is `read_window`, which leaves filtering and conversion to pyarrow's own scanner."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitors.sources import (
    LazyWindow,
    Part,
    SchemaMismatch,
    SourceChanged,
    SourcePolicy,
    UnreadableSource,
    WindowSpec,
    WindowTooLarge,
    open_window,
    read_window,
)
from tests.monitors.sources.conftest import Writer, utc
from tests.monitors.sources.test_object_stores import credentials, endpoint, lake  # noqa: F401 - fixtures

ROWS, GROUP = 48, 10
HOURS = [datetime(2024, 1, 1) + timedelta(hours=hour) for hour in range(ROWS)]
SHUFFLED = [HOURS[row * 29 % ROWS] for row in range(ROWS)]
HOLED = [None if row % 7 == 3 else stamp for row, stamp in enumerate(HOURS)]
WINDOWS = [
    {},
    {"timestamp_column": "ts"},
    {"timestamp_column": "ts", "start": utc(2024, 1, 1, 15), "end": utc(2024, 1, 2, 3)},
    {"timestamp_column": "ts", "start": utc(2024, 1, 1, 15, 30)},
    {"timestamp_column": "ts", "end": utc(2024, 1, 2)},
    {"timestamp_column": "ts", "start": utc(2024, 1, 1, 12), "end": utc(2024, 1, 1, 13)},
    {"timestamp_column": "ts", "start": utc(2030, 1, 1)},
    {"timestamp_column": "ts", "start": utc(2024, 1, 2), "end": utc(2024, 1, 2)},
]

Check = Callable[..., LazyWindow]


def table_of(stamps: list[Any], dtype: pa.DataType | None = None) -> pa.Table:
    dtype = dtype or pa.timestamp("us")
    numbers = list(range(len(stamps)))
    text = [None if n % 5 == 4 else f"v{n % 3}" for n in numbers]
    return pa.table(
        {
            "n": numbers,
            "s": text,
            "ts": pa.array(stamps, pa.timestamp("us")).cast(dtype, safe=False),
        }
    )


def values(column: pa.ChunkedArray) -> list[Any]:
    decoded = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    return list(decoded.to_pylist())


def rows_of(batches: list[pa.RecordBatch]) -> list[dict[str, Any]]:
    return [row for batch in batches for row in batch.to_pylist()]


def value_type(dtype: pa.DataType) -> pa.DataType:
    return dtype.value_type if pa.types.is_dictionary(dtype) else dtype


@pytest.fixture
def check(root: Path, policy: SourcePolicy) -> Check:
    """Compare everything a lazy window says with the table that `read_window` reads."""

    def _check(**arguments: Any) -> LazyWindow:
        table, window = (
            read_window(WindowSpec(str(root), policy, **arguments)),
            open_window(WindowSpec(str(root), policy, **arguments)),
        )
        assert (window.num_rows, window.column_names) == (table.num_rows, table.column_names)
        for name in table.column_names:
            assert values(window.column(name)) == values(table[name])
            assert value_type(window.column(name).type) == value_type(table[name].type)
        assert rows_of(list(window.batches())) == table.to_pylist()
        assert all(batch.num_rows for batch in window.batches())
        return window

    return _check


@pytest.fixture
def grouped(root: Path) -> Path:
    path = root / "x.parquet"
    pq.write_table(table_of(HOURS), path, row_group_size=GROUP)
    return path


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(
    "stamps", [HOURS, SHUFFLED, HOLED, [None] * ROWS], ids=["sorted", "shuffled", "holed", "null"]
)
def test_open_window__row_groups__same_rows(
    root: Path, check: Check, stamps: list[Any], window: dict[str, Any]
) -> None:
    pq.write_table(table_of(stamps), root / "x.parquet", row_group_size=GROUP)
    pq.write_table(
        table_of(stamps[::-1]), root / "y.parquet", row_group_size=GROUP, write_statistics=False
    )
    check(**window)
    check(columns=["s", "nope", "n"], **window)
    check(columns=["nope"], **window)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(
    "dtype",
    [
        pa.date32(),
        pa.date64(),
        pa.timestamp("s"),
        pa.timestamp("ns", "UTC"),
        pa.timestamp("ms", "America/New_York"),
    ],
    ids=str,
)
def test_open_window__timestamp_types__same_rows(
    root: Path, check: Check, dtype: pa.DataType, window: dict[str, Any]
) -> None:
    pq.write_table(table_of(HOURS, dtype), root / "x.parquet", row_group_size=GROUP)
    check(columns=["n", "ts"], **window)


@pytest.mark.parametrize("window", WINDOWS)
def test_open_window__files_of_different_types__same_rows(
    write: Writer, check: Check, window: dict[str, Any]
) -> None:
    write("a.parquet", table_of(HOURS, pa.date32()))
    write(
        "b.parquet",
        table_of(HOURS, pa.timestamp("ms", "UTC")).set_column(0, "n", pa.array([0.5] * ROWS)),
    )
    write("c.parquet", table_of(HOURS).set_column(1, "s", table_of(HOURS)["s"].dictionary_encode()))
    write(
        "d.parquet",
        table_of(HOURS).set_column(1, "s", table_of(HOURS)["s"].cast(pa.large_string())),
    )
    write("e.parquet", table_of(HOURS).set_column(1, "s", pa.nulls(ROWS)))
    check(**window)


@pytest.mark.parametrize("missing", ["n", "s"])
@pytest.mark.parametrize("window", WINDOWS)
def test_open_window__column_missing_in_one_file__nulls(
    write: Writer, check: Check, missing: str, window: dict[str, Any]
) -> None:
    write("a.parquet", table_of(HOURS))
    write("b.parquet", table_of(HOURS).drop_columns([missing]))
    window_read = check(**window)
    assert len({batch.schema for batch in window_read.batches()}) <= 1


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.arrow"])
def test_open_window__other_formats__same_rows(
    write: Writer, check: Check, name: str, window: dict[str, Any]
) -> None:
    write(name, table_of(HOLED, pa.timestamp("s")))
    write(f"more/{name}", table_of(SHUFFLED, pa.timestamp("s")))
    check(**window)


@pytest.mark.parametrize("last", ["1.5", "late"])
def test_open_window__csv_widens_after_the_first_block__same_rows(
    root: Path, check: Check, last: str
) -> None:
    lines = [f"{row},2024-01-01T00:00:00" for row in range(120_000)]
    (root / "a.csv").write_text("\n".join(["n,ts", *lines, f"{last},2024-01-01T00:00:00"]))
    (root / "b.csv").write_text("n,ts\n7,2024-01-02T00:00:00\n")
    window = check(timestamp_column="ts", start=utc(2024, 1, 1))
    assert len({batch.schema for batch in window.batches()}) == 1
    assert [part.pieces[0].file for part in window.parts(1)] == ["a.csv"]


@pytest.fixture
def foldered(root: Path) -> Path:
    for day in (1, 2, 3):
        for place in ("north", "__HIVE_DEFAULT_PARTITION__"):
            folder = root / f"day=2024-01-0{day}" / f"place={place}"
            folder.mkdir(parents=True)
            pq.write_table(table_of(HOURS), folder / "x.parquet", row_group_size=GROUP)
    return root


@pytest.mark.parametrize("column", [None, "day", "ts"])
def test_open_window__hive_partitions__same_rows(
    foldered: Path, check: Check, column: str | None
) -> None:
    bounds = {} if column is None else {"start": utc(2024, 1, 2), "end": utc(2024, 1, 3)}
    window = check(timestamp_column=column, **bounds)
    assert {"day", "place"} <= set(window.column_names)
    check(columns=["n"], timestamp_column=column, **bounds)


def test_open_window__partition_key_as_timestamp__only_its_folder(
    foldered: Path, policy: SourcePolicy
) -> None:
    window = open_window(
        WindowSpec(str(foldered), policy, ["day"], "day", utc(2024, 1, 2), utc(2024, 1, 3))
    )
    assert set(window.column("day").to_pylist()) == {date(2024, 1, 2)}
    assert window.num_rows == 2 * ROWS


def test_open_window__odd_column_names__are_told_apart(write: Writer, check: Check) -> None:
    nested = [{"b": n, "c": [str(n)]} for n in range(3)]
    write(
        "x.parquet",
        {"a": nested, "a.b": [1, 2, 3], "x[0]": ["p", "q", "r"], "c/d": [[1], None, []]},
    )
    check()


def test_open_window__empty_file__has_no_rows(write: Writer, check: Check) -> None:
    write("x.parquet", table_of([]))
    window = check(timestamp_column="ts", start=utc(2024, 1, 1))
    assert (window.num_rows, list(window.batches())) == (0, [])


def test_batches__row_groups__one_each_where_a_row_is_inside(
    grouped: Path, policy: SourcePolicy
) -> None:
    window = open_window(
        WindowSpec(str(grouped), policy, None, "ts", utc(2024, 1, 1, 15), utc(2024, 1, 2, 3))
    )
    assert [batch["n"].to_pylist() for batch in window.batches()] == [
        [15, 16, 17, 18, 19],
        [20, 21, 22, 23, 24, 25, 26],
    ]


def test_batches__text__is_dictionary_encoded(grouped: Path, policy: SourcePolicy) -> None:
    window = open_window(WindowSpec(str(grouped), policy))
    assert {batch["s"].type for batch in window.batches()} == {
        pa.dictionary(pa.int32(), pa.string())
    }
    assert [len(chunk) for chunk in window.column("s").chunks] == [10, 10, 10, 10, 8]


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow", "x.csv"])
@pytest.mark.parametrize("target", [1, 400, 1 << 30])
@pytest.mark.parametrize("window", WINDOWS)
def test_parts__any_target__their_batches_are_those_of_the_whole(
    root: Path, policy: SourcePolicy, write: Writer, name: str, target: int, window: dict[str, Any]
) -> None:
    write(f"a/{name}", table_of(HOURS, pa.timestamp("s")))
    write(f"b/{name}", table_of(SHUFFLED, pa.timestamp("s")))
    if name.endswith(".parquet"):
        pq.write_table(table_of(SHUFFLED), root / "c.parquet", row_group_size=GROUP)
    whole = open_window(WindowSpec(str(root), policy, **window))
    divided = [batch for part in whole.parts(target) for batch in whole.restrict(part).batches()]
    assert [batch.to_pylist() for batch in divided] == [
        batch.to_pylist() for batch in whole.batches()
    ]


def test_parts__one_byte__a_part_for_each_row_group(grouped: Path, policy: SourcePolicy) -> None:
    window = open_window(WindowSpec(str(grouped), policy, ["n"]))
    parts = window.parts(1)
    assert [part.pieces[0].row_group for part in parts] == [0, 1, 2, 3, 4]
    assert [values(window.restrict(part).column("n"))[0] for part in parts] == [0, 10, 20, 30, 40]
    assert sum(window.restrict(part).bytes_at_most for part in parts) == window.bytes_at_most


def test_bytes_at_most__parquet__uncompressed_bytes_of_the_footer(
    grouped: Path, policy: SourcePolicy
) -> None:
    footer = pq.read_metadata(grouped)
    expected = sum(
        footer.row_group(group).total_byte_size for group in range(footer.num_row_groups)
    )
    assert open_window(WindowSpec(str(grouped), policy)).bytes_at_most == expected


def test_bytes_at_most__csv__size_of_the_files(write: Writer, policy: SourcePolicy) -> None:
    path = write("x.csv", {"n": [1, 2]})
    assert open_window(WindowSpec(str(path), policy)).bytes_at_most == path.stat().st_size


@pytest.mark.parametrize("name", ["x.parquet", "x.csv"])
def test_part__through_json__restricts_a_window_opened_elsewhere(
    write: Writer, policy: SourcePolicy, name: str
) -> None:
    path = write(name, {"n": [1, 2, 3]})
    (part,) = open_window(WindowSpec(str(path), policy)).parts(1)
    again = Part.from_json(json.loads(json.dumps(part.as_json())))
    assert again == part
    assert values(open_window(WindowSpec(str(path), policy)).restrict(again).column("n")) == [
        1,
        2,
        3,
    ]


@pytest.mark.parametrize("name", ["x.parquet", "x.csv", "x.arrow"])
def test_restrict__file_was_rewritten__source_changed(
    write: Writer, policy: SourcePolicy, name: str
) -> None:
    path = write(name, table_of(HOURS))
    (part,) = open_window(WindowSpec(str(path), policy)).parts(1)
    write(name, table_of(HOURS[:5]))
    with pytest.raises(SourceChanged, match=f"‘{name}’ has changed"):
        open_window(WindowSpec(str(path), policy)).restrict(part)


def test_restrict__row_group_is_gone__source_changed(grouped: Path, policy: SourcePolicy) -> None:
    part = Part.from_json([["x.parquet", grouped.stat().st_size, 7]])
    with pytest.raises(SourceChanged):
        open_window(WindowSpec(str(grouped), policy)).restrict(part)


def test_restrict__file_was_removed__source_changed(
    write: Writer, root: Path, policy: SourcePolicy
) -> None:
    write("a.parquet", {"n": [1]})
    path = write("b.parquet", {"n": [2]})
    *_, last = open_window(WindowSpec(str(root), policy)).parts(1)
    path.unlink()
    with pytest.raises(SourceChanged, match=r"‘b\.parquet’"):
        open_window(WindowSpec(str(root), policy)).restrict(last)


@pytest.mark.parametrize("name", ["x.parquet", "x.csv", "x.arrow"])
def test_column__several_threads__each_has_its_own(
    write: Writer, policy: SourcePolicy, name: str
) -> None:
    data = {f"c{number}": [number * 1000 + row for row in range(1000)] for number in range(8)}
    path = write(name, data)
    with open_window(WindowSpec(str(path), policy)) as window, ThreadPoolExecutor(8) as pool:
        columns = list(pool.map(window.column, list(data) * 4))
    assert [column.to_pylist() for column in columns] == list(data.values()) * 4


@pytest.mark.parametrize("name", ["x.parquet", "x.csv", "x.arrow"])
def test_column__larger_than_the_limit__window_too_large(
    write: Writer, root: Path, name: str
) -> None:
    path = write(name, {"n": range(1000)})
    window = open_window(
        WindowSpec(str(path), SourcePolicy(allowed_roots=(str(root),), max_window_bytes=1000))
    )
    with pytest.raises(WindowTooLarge, match="Choose a shorter window"):
        window.column("n")
    assert sum(batch.num_rows for batch in window.batches()) == 1000


def test_column__long_strings__window_too_large(write: Writer, root: Path) -> None:
    path = write("x.parquet", {"n": range(500), "s": [f"{'x' * 1000}{row}" for row in range(500)]})
    window = open_window(
        WindowSpec(str(path), SourcePolicy(allowed_roots=(str(root),), max_window_bytes=100_000))
    )
    assert window.column("n").to_pylist() == list(range(500))
    with pytest.raises(WindowTooLarge, match="‘s’ holds more than"):
        window.column("s")


def test_open_window__zone_in_one_file_only__counts_as_utc(
    write: Writer, root: Path, policy: SourcePolicy
) -> None:
    write("a.parquet", table_of(HOURS))
    write("b.parquet", table_of(HOURS, pa.timestamp("ms", "UTC")))
    arguments = (str(root), policy, ["n"], "ts", utc(2024, 1, 1, 15), utc(2024, 1, 1, 17))
    assert values(open_window(WindowSpec(*arguments)).column("n")) == [15, 16, 15, 16]
    assert read_window(WindowSpec(*arguments))["n"].to_pylist() == [15, 16, 15, 16]


def test_open_window__timestamp_column_missing__says_so(
    write: Writer, root: Path, policy: SourcePolicy
) -> None:
    write("x.parquet", {"n": [1]})
    with pytest.raises(SchemaMismatch, match="no timestamp column ‘ts’"):
        open_window(WindowSpec(str(root), policy, None, "ts", utc(2024, 1, 1)))


def test_column__damaged_page__names_the_file_and_spares_other_columns(
    root: Path, policy: SourcePolicy
) -> None:
    path = root / "x.parquet"
    pq.write_table(table_of(HOURS), path, compression="none", use_dictionary=False)
    spoilt, column = bytearray(path.read_bytes()), pq.read_metadata(path).row_group(0).column(0)
    spoilt[column.data_page_offset : column.data_page_offset + 64] = b"\xff" * 64
    path.write_bytes(spoilt)
    window = open_window(WindowSpec(str(root), policy))
    assert window.column("ts").to_pylist() == HOURS
    with pytest.raises(UnreadableSource, match=r"‘x\.parquet’"):
        window.column("n")


def test_open_window__s3_folders__same_rows_whole_and_in_parts(lake: SourcePolicy) -> None:  # noqa: F811
    with open_window(
        WindowSpec("s3://lake/mine/dt=*/x.parquet", lake, ["n", "wide"], "dt", utc(2024, 1, 2))
    ) as window:
        assert (window.num_rows, window.column("n").to_pylist()) == (2, [2, 3])
        parts = [rows_of(list(window.restrict(part).batches())) for part in window.parts(1)]
    assert parts == [[{"n": n, "wide": "x" * 100}] for n in (2, 3)]
