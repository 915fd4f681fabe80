"""Columns of CSV files, read as they are asked for and not as one window looks."""

import csv
import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from algorithms.errors import UnusableColumn
from monitors.sources import (
    ColumnType,
    CsvDialect,
    IncompleteSource,
    SchemaMismatch,
    SourcePolicy,
    UnreadableSource,
    WindowSpec,
    describe_window,
    open_window,
    read_window,
)
from monitors.sources.column_types import column_type_of
from tests.monitors.sources.conftest import ReadFolder, utc

type WriteCsv = Callable[..., Path]

LETTERS = [
    "02134",
    "1.10",
    "NA",
    "null",
    "None",
    "nan",
    "True",
    "false",
    "1e5",
    "2024-01-01",
    " a ",
    "10000000003.0",
]
FAR = 150_000
"""Rows beyond the first block."""


@pytest.fixture
def write_csv(root: Path) -> WriteCsv:
    """Write rows with the csv module of Python."""

    def write(name: str, rows: Sequence[Sequence[object]], **options: Any) -> Path:
        encoding = options.pop("encoding", "utf-8")
        with (root / name).open("w", newline="", encoding=encoding) as file:
            csv.writer(file, **options).writerows(rows)
        return root / name

    return write


@pytest.fixture
def window(root: Path, policy: SourcePolicy) -> Callable[..., WindowSpec]:
    def make(**options: Any) -> WindowSpec:
        return WindowSpec(str(root), policy, **options)

    return make


def streamed(spec: WindowSpec, name: str) -> list[Any]:
    with open_window(spec) as opened:
        return [value for batch in opened.batches() for value in batch.column(name).to_pylist()]


def both_ways(spec: WindowSpec, name: str) -> list[Any]:
    """The values of a column, read at once and in batches, which must agree."""
    with open_window(spec) as opened:
        values: list[Any] = opened.column(name).to_pylist()
    assert list(map(repr, streamed(spec, name))) == list(map(repr, values))
    return values


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_text__keeps_its_letters(write_csv: WriteCsv, window: Any, quoting: Any) -> None:
    write_csv("x.csv", [["c"], *([word] for word in LETTERS)], quoting=quoting)
    spec = window(types={"c": ColumnType.TEXT})
    assert both_ways(spec, "c") == LETTERS
    assert read_window(spec)["c"].type == pa.string()


def test_text__only_an_empty_field_without_quotes_is_null(root: Path, window: Any) -> None:
    (root / "x.csv").write_text('c,n\n,1\n"",2\nNA,3\n"NA",4\n')
    spec = window(types={"c": ColumnType.TEXT})
    assert both_ways(spec, "c") == [None, "", "NA", "NA"]
    spec = window(types={"c": ColumnType.TEXT}, dialect=CsvDialect(null_values=("NA",)))
    assert both_ways(spec, "c") == [None, "", None, "NA"]


@pytest.mark.parametrize(
    "word", ["NA", "null", "", "NaN", "N/A", "#N/A", "None", "<NA>", "nan", '""']
)
@pytest.mark.parametrize("kind", [ColumnType.NUMERIC, ColumnType.GUESS])
@pytest.mark.parametrize("number", ["1", "1.5"])
def test_numbers__usual_words_for_a_missing_one__are_missing(
    root: Path, window: Any, word: str, kind: ColumnType, number: str
) -> None:
    (root / "x.csv").write_text(f"a,pad\n{number},x\n{word},x\n{number},x\n")
    values = both_ways(window(columns=["a"], types={"a": kind}), "a")
    assert [values[0], values[2]] == [float(number)] * 2
    assert values[1] is None or np.isnan(values[1])


@pytest.mark.parametrize("word", ["?", "-", "n.a.", "1,5", "1 000", "$5", "TRUE", "∞"])
@pytest.mark.parametrize("rows", [10, FAR])
def test_numbers__a_word_that_is_none__costs_that_column(
    write_csv: WriteCsv, window: Any, word: str, rows: int
) -> None:
    write_csv("a.csv", [["a", "b"], [1, 2]])
    write_csv("x.csv", [["a", "b"], *[[1, 2]] * rows, [word, 3]])
    spec = window(types={"a": ColumnType.NUMERIC, "b": ColumnType.NUMERIC})
    reason = f"‘a’ must hold numbers, but holds ‘{word}’ in row {rows + 2} of ‘x.csv’."
    with open_window(spec) as opened:
        assert opened.column("b").to_pylist()[-1] == 3
        with pytest.raises(UnusableColumn) as caught:
            opened.column("a")
    assert str(caught.value).endswith(reason)
    with open_window(spec) as opened:
        for batch in opened.batches():
            assert len(batch.column("b")) == batch.num_rows
            with pytest.raises(UnusableColumn, match="‘a’ must hold numbers"):
                batch.column("a")
    with pytest.raises(SchemaMismatch, match="‘a’ must hold numbers"):
        read_window(spec)


def test_numbers__of_any_spelling__are_those_of_pandas(root: Path, window: Any) -> None:
    words = ["1", " 2", "+3", "-4.50", "1e3", ".5", "6.", "NA", "9007199254740993"]
    (root / "x.csv").write_text("a,b\n" + "".join(f"{word},z\n" for word in words))
    expected = pd.read_csv(root / "x.csv")["a"].to_numpy()
    found = both_ways(window(types={"a": ColumnType.NUMERIC}), "a")
    np.testing.assert_array_equal(np.array(found, float), expected)


def test_whole_numbers__beyond_2_to_the_53_with_gaps__stay_whole(root: Path, window: Any) -> None:
    (root / "x.csv").write_text("a,b\n9007199254740993,z\nNA,z\n9007199254740992,z\n")
    for kind in (ColumnType.NUMERIC, ColumnType.GUESS):
        found = both_ways(window(types={"a": kind}), "a")
        assert found == [2**53 + 1, None, 2**53]


@pytest.mark.parametrize("first", ["18446744073709551614", "1"])
@pytest.mark.parametrize("kind", [ColumnType.NUMERIC, ColumnType.GUESS])
def test_whole_numbers__of_64_bits_without_a_sign__stay_whole(
    write_csv: WriteCsv, window: Any, first: str, kind: ColumnType
) -> None:
    write_csv("x.csv", [["a", "pad"], *[[first, "z"]] * FAR, ["18446744073709551615", "z"]])
    found = both_ways(window(types={"a": kind}), "a")
    assert found == [*[int(first)] * FAR, 2**64 - 1]


def test_guess__looks_at_the_whole_file(write_csv: WriteCsv, window: Any) -> None:
    write_csv("x.csv", [["z", "f", "n"], *[["02134", "True", "NA"]] * FAR, ["K1A", "unknown", "4"]])
    found = describe_window(window(), is_whole=True).columns
    assert (found["z"], found["f"], found["n"]) == (pa.string(), pa.string(), pa.int64())
    assert set(both_ways(window(columns=["z"]), "z")) == {"02134", "K1A"}
    assert set(both_ways(window(columns=["f"]), "f")) == {"True", "unknown"}
    assert set(both_ways(window(columns=["n"]), "n")) == {None, 4}


@pytest.mark.parametrize(
    ("words", "dtype"),
    [
        (["True", "false"], pa.bool_()),
        (["1", "0.5"], pa.float64()),
        (["1", "18446744073709551615"], pa.uint64()),
        (["18446744073709551615", "NA", "1"], pa.uint64()),
        (["18446744073709551615", "0.5"], pa.float64()),
        (["18446744073709551616", "1"], pa.float64()),
        (["1", ""], pa.int64()),
        (["NA", ""], pa.null()),
        (["NA", "ZA"], pa.string()),
        (["2024-01-01", "NA"], pa.date32()),
        (["2024-01-01 10:00", ""], pa.timestamp("s")),
        (["1", "x"], pa.string()),
    ],
)
def test_guess__fits_all_values(
    write_csv: WriteCsv, window: Any, words: list[str], dtype: pa.DataType
) -> None:
    write_csv("x.csv", [["a", "pad"], *([word, "z"] for word in words)])
    assert describe_window(window(), is_whole=True).columns["a"] == dtype
    assert read_window(window())["a"].type == dtype


@pytest.mark.parametrize(
    "word", ["0000-00-00 00:00:00", "soon", "2024-13-01", "01/02/2024", "1704067200"]
)
@pytest.mark.parametrize("rows", [3, FAR])
def test_times__a_word_that_is_none__is_named_with_its_row(
    write_csv: WriteCsv, window: Any, word: str, rows: int
) -> None:
    write_csv("x.csv", [["ts", "x"], *[["2024-01-01 10:00:00", 1]] * rows, [word, 2]])
    spec = window(columns=["x"], timestamp_column="ts", start=utc(2024, 1, 1))
    sentence = f"‘ts’ must hold dates or times, but holds ‘{word}’ in row {rows + 2} of ‘x.csv’"
    with pytest.raises(SchemaMismatch, match=sentence):
        read_window(spec)
    with pytest.raises(SchemaMismatch, match=sentence), open_window(spec) as opened:
        list(opened.batches())


@pytest.mark.parametrize(
    ("word", "is_inside"),
    [
        ("", False),
        ("NA", False),
        ("2024-01-01", True),
        ("2024-01-01T05:00:00Z", True),
        ("2024-01-01T23:00:00-02:00", False),
        ("2024-01-01T23:00:00+02:00", True),
        ("9999-12-31 23:59:59", False),
        ("2024-01-01 00:00:00.123456789", True),
        ("0001-01-01 00:00:00", False),
    ],
)
@pytest.mark.parametrize("columns", [["x"], ["x", "ts"]])
def test_times__of_several_spellings__are_in_their_window(
    write_csv: WriteCsv, window: Any, word: str, is_inside: bool, columns: list[str]
) -> None:
    write_csv(
        "x.csv", [["ts", "x"], ["2024-01-01 10:00:00", "1"], [word, "2"], ["2024-01-02", "3"]]
    )
    bounds = {"timestamp_column": "ts", "start": utc(2024, 1, 1), "end": utc(2024, 1, 2)}
    expected = [1, 2] if is_inside else [1]
    assert both_ways(window(columns=columns, **bounds), "x") == expected


def test_contract__follows_the_reference() -> None:
    assert column_type_of(pa.string(), is_categorical=True) is ColumnType.TEXT
    assert column_type_of(pa.int64(), is_categorical=True) is ColumnType.VALUE_TEXT
    assert column_type_of(pa.bool_(), is_categorical=True) is ColumnType.VALUE_TEXT
    assert column_type_of(pa.int64(), is_categorical=False) is ColumnType.NUMERIC
    assert column_type_of(pa.date32(), is_categorical=False) is ColumnType.TIME
    assert column_type_of(None, is_categorical=False) is ColumnType.NUMERIC


ROWS = [["a", "b"], ["1", "x"], ["2", "y"]]
VALUES = {"a": [1, 2], "b": ["x", "y"]}


@pytest.mark.parametrize(
    ("delimiter", "words"), [(";", "semicolons"), ("\t", "tabs"), ("|", "pipes")]
)
def test_delimiter__another_one__is_named_and_can_be_set(
    write_csv: WriteCsv, window: Any, delimiter: str, words: str
) -> None:
    write_csv("x.csv", ROWS, delimiter=delimiter)
    with pytest.raises(UnreadableSource, match=f"‘x.csv’.* separated by {words}, not by commas"):
        read_window(window())
    assert read_window(window(dialect=CsvDialect(delimiter))).to_pydict() == VALUES


def test_delimiter__comma_where_another_is_set__is_named(write_csv: WriteCsv, window: Any) -> None:
    write_csv("x.csv", ROWS)
    with pytest.raises(UnreadableSource, match="separated by commas, not by semicolons"):
        read_window(window(dialect=CsvDialect(";")))


@pytest.mark.parametrize("header", ['"a;b"', '"a|b"', "plain", '"two\nlines;"'])
def test_delimiter__in_a_quoted_name_of_the_only_column__is_part_of_it(
    root: Path, read: ReadFolder, header: str
) -> None:
    (root / "x.csv").write_text(f"{header}\n1\n")
    assert read("").to_pydict() == {header.strip('"'): [1]}


def test_decimal_comma__numbers_with_gaps__are_read(root: Path, window: Any) -> None:
    (root / "x.csv").write_text("a;b\n1,5;2\nNA;3,25\n")
    dialect = CsvDialect(";", decimal=",")
    spec = window(dialect=dialect, types={"a": ColumnType.NUMERIC, "b": ColumnType.NUMERIC})
    assert both_ways(spec, "a") == [1.5, None]
    assert both_ways(window(dialect=dialect), "b") == [2.0, 3.25]


def test_quote__another_one_or_none__is_obeyed(root: Path, window: Any) -> None:
    (root / "x.csv").write_text("a,b\n'x,y',1\n")
    assert read_window(window(dialect=CsvDialect(quote="'"))).to_pydict() == {
        "a": ["x,y"],
        "b": [1],
    }
    (root / "x.csv").write_text('a,b\n5" disk,1\n')
    assert read_window(window(dialect=CsvDialect(quote="")))["a"].to_pylist() == ['5" disk']


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_encoding__with_a_byte_order_mark__is_read(
    write_csv: WriteCsv, read: ReadFolder, encoding: str
) -> None:
    write_csv("1.csv", [["größe", "b"], ["1", "x"]])
    write_csv("2.csv", [["größe", "b"], *[["2", "é"]] * FAR], encoding=encoding)
    table = read("")
    assert (table["größe"].to_pylist()[:2], table["b"].to_pylist()[-1]) == ([1, 2], "é")


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le", "shift_jis"])
def test_encoding__named__is_read(write_csv: WriteCsv, window: Any, encoding: str) -> None:
    letters = "日本" if encoding == "shift_jis" else "é"
    write_csv("x.csv", [["a", letters], ["1", letters]], encoding=encoding)
    spec = window(dialect=CsvDialect(encoding=encoding))
    assert read_window(spec).to_pydict() == {"a": [1], letters: [letters]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,é\n1,2\n".encode("latin-1"), "row 1 is not UTF-8 text; name its encoding"),
        ("a,b\n1,2\n1,é\n".encode("latin-1"), "row 3 is not UTF-8 text"),
        ("a,b\n1,2\n".encode("utf-16-le"), "UTF-16 without a byte-order mark"),
        (
            gzip.compress(b"a,b\n1,2\n", mtime=0),
            r"compressed with gzip; its name must end in \.csv\.gz",
        ),
        (b"PK\x03\x04 and more", "a ZIP archive, as a spreadsheet is"),
        (b"PAR1 and more", "a Parquet file"),
    ],
)
def test_file__that_is_no_text_of_the_encoding__is_called_what_it_is(
    root: Path, read: ReadFolder, content: bytes, words: str
) -> None:
    (root / "x.csv").write_bytes(content)
    with pytest.raises(UnreadableSource, match=words):
        read("")


def test_gzip__cut_short__is_worth_a_retry(root: Path, read: ReadFolder) -> None:
    whole = gzip.compress(b"a,b\n" + b"1,2\n" * FAR, mtime=0)
    (root / "x.csv.gz").write_bytes(whole[:-9])
    with pytest.raises(IncompleteSource, match=r"‘x\.csv\.gz’"):
        read("")


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"delimiter": ""}, "delimiter must be one ASCII character"),
        ({"delimiter": ";;"}, "delimiter must be one ASCII character"),
        ({"delimiter": "\n"}, "delimiter must be one ASCII character"),
        ({"quote": "''"}, "quote must be one ASCII character or empty"),
        ({"decimal": ";"}, "decimal must be a point or a comma"),
        ({"decimal": ","}, "delimiter must differ from decimal"),
        ({"quote": ","}, "delimiter must differ from quote"),
        ({"encoding": "klingon"}, "encoding must be a known one"),
        ({"encoding": "zlib"}, "encoding must be a known one"),
        ({"encoding": "\0"}, "encoding must be a known one"),
    ],
)
def test_dialect__that_cannot_be__is_refused(options: dict[str, str], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        CsvDialect(**options)  # type: ignore[arg-type]


def test_csv__file_retyped_outside_the_window__is_not_needed(
    write_csv: WriteCsv, window: Any
) -> None:
    write_csv("1.csv", [["ts", "k", "x"], *[[f"2024-01-0{day}", day, day] for day in (1, 2, 3)]])
    write_csv("2.csv", [["ts", "k", "x"], *[[f"2024-02-0{day}", "v", day] for day in (1, 2, 3)]])
    types = {"k": ColumnType.NUMERIC, "x": ColumnType.NUMERIC}
    bounds = {"timestamp_column": "ts", "start": utc(2024, 1, 2)}
    spec = window(columns=["k", "x"], types=types, **bounds, end=utc(2024, 1, 9))
    assert both_ways(spec, "k") == [2, 3]
    spec = window(columns=["k", "x"], types=types, **bounds)
    assert both_ways(spec, "x") == [2, 3, 1, 2, 3]
    with (
        open_window(spec) as opened,
        pytest.raises(UnusableColumn, match=r"‘v’ in row 2 of ‘2\.csv’"),
    ):
        opened.column("k")


def test_csv__file_of_a_header_alone__says_nothing_of_types(
    write_csv: WriteCsv, window: Any
) -> None:
    write_csv("1.csv", [["ts", "k", "c"]])
    write_csv("2.csv", [["ts", "k", "c"], ["2024-01-02", "1.5", "x"]])
    bounds = {"timestamp_column": "ts", "start": utc(2024, 1, 2)}
    assert both_ways(window(**bounds), "k") == [1.5]
    assert both_ways(window(**bounds), "c") == ["x"]
    assert both_ways(window(types={"k": ColumnType.NUMERIC}), "k") == [1.5]


def test_csv__misfits_of_several_columns__cost_each_of_them(
    write_csv: WriteCsv, window: Any
) -> None:
    write_csv("x.csv", [["a", "b", "c"], [1, 2, 3], ["p", "q", 4]])
    spec = window(types=dict.fromkeys("abc", ColumnType.NUMERIC))
    assert both_ways(spec, "c") == [3, 4]
    with open_window(spec) as opened:
        for name, word in (("a", "p"), ("b", "q")):
            with pytest.raises(UnusableColumn, match=f"‘{name}’ .*‘{word}’ in row 3"):
                opened.column(name)
