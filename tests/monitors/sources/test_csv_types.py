from pathlib import Path

import pyarrow as pa
import pytest

from monitors.sources import SchemaMismatch, UnreadableSource
from tests.monitors.sources.conftest import ReadFolder, utc

BEYOND_FIRST_BLOCK = 150_000


def write_late(path: Path, first: str, last: str) -> None:
    path.write_text("x,y\n" + f"{first},padding\n" * BEYOND_FIRST_BLOCK + f"{last},padding\n")


@pytest.mark.parametrize(
    ("text", "dtype"),
    [
        ("2024-01-01 05:00:00", pa.timestamp("s")),
        ("2024-01-01T05:00:00.25", pa.timestamp("ns")),
        ("2024-01-01T05:00:00Z", pa.timestamp("s", "UTC")),
        ("2024-01-01T07:00:00+02:00", pa.timestamp("s", "UTC")),
        ("2024-01-02", pa.date32()),
    ],
)
def test_read_window__iso_text__is_inferred_and_filtered(
    root: Path, read: ReadFolder, text: str, dtype: pa.DataType
) -> None:
    (root / "x.csv").write_text(f"ts\n2023-12-31{text[10:]}\n{text}\n")
    table = read("", timestamp_column="ts", start=utc(2024, 1, 1, 5), end=utc(2024, 1, 2, 0, 0, 1))
    assert (table.schema.field("ts").type, table.num_rows) == (dtype, 1)


def test_read_window__missing_values__are_null_in_numbers_and_strings(
    root: Path, read: ReadFolder
) -> None:
    (root / "x.csv").write_text('n,s\n1,a\n,\nNA,"two\nlines"\n')
    assert read("").to_pydict() == {"n": [1, None, None], "s": ["a", None, "two\nlines"]}


@pytest.mark.parametrize(
    ("first", "last", "dtype"),
    [
        ("1", "1.5", pa.float64()),
        ("1", "99999999999999999999", pa.float64()),
        ("1", "many", pa.string()),
        ("", "0.5", pa.float64()),
        ("true", "maybe", pa.string()),
        ("2024-01-01", "2024-01-01 10:00:00", pa.timestamp("s")),
        ("2024-01-01 10:00:00Z", "2024-01-01 10:00:00.5Z", pa.timestamp("us", "UTC")),
    ],
)
def test_read_window__value_far_down_does_not_fit__type_is_widened(
    root: Path, read: ReadFolder, first: str, last: str, dtype: pa.DataType
) -> None:
    write_late(root / "b.csv", first, last)
    (root / "a.csv").write_text(f"y,x\nother order,{first}\n")
    table = read("", columns=["x"])
    assert (table.schema.field("x").type, table.num_rows) == (dtype, BEYOND_FIRST_BLOCK + 2)
    assert table["x"][-1].is_valid


def test_read_window__timestamps_turn_to_words_far_down__names_word_and_row(
    root: Path, read: ReadFolder
) -> None:
    write_late(root / "x.csv", "2024-01-01 10:00:00", "soon")
    with pytest.raises(SchemaMismatch, match=r"‘soon’ in row 150002 of ‘x\.csv’"):
        read("", columns=["y"], timestamp_column="x", start=utc(2024, 1, 1))


def test_read_window__row_with_too_many_values__names_file_and_row(
    root: Path, read: ReadFolder
) -> None:
    (root / "a.csv").write_text("x,y\n1,2\n")
    write_late(root / "b.csv", "1", "2,3")
    with pytest.raises(
        UnreadableSource,
        match=r"‘b\.csv’ cannot be read: row 150002 has 3 values where 2 are expected",
    ):
        read("")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "‘x.csv’ cannot be read: the file is empty"),
        (b"a,b\n1,2\n1\n", "row 3 has 1 values where 2 are expected"),
        (b"a,b\n1,\xe9\n", "row 2 is not UTF-8 text; name its encoding"),
        (b"a,b\n" + b"1,xxxxxxxxx\n" * 150_000 + b"1,\xe9\n", "it is not UTF-8 text"),
    ],
)
def test_read_window__not_a_table__says_what_is_wrong(
    root: Path, read: ReadFolder, content: bytes, sentence: str
) -> None:
    (root / "x.csv").write_bytes(content)
    with pytest.raises(UnreadableSource, match=sentence):
        read("")


def test_read_window__not_really_gzip__unreadable(root: Path, read: ReadFolder) -> None:
    (root / "x.csv.gz").write_text("a\n1\n")
    with pytest.raises(UnreadableSource, match=r"‘x\.csv.gz’ cannot be read"):
        read("")
