"""Columns of CSV as older versions read them, for baselines without value types."""

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from monitors.sources import ColumnType, SourcePolicy, WindowSpec, open_window, read_window

OLDER = pacsv.ConvertOptions(strings_can_be_null=True)
"""The options that older versions gave to pyarrow."""


def names_of(column: pa.ChunkedArray) -> list[str | None]:
    """The categories that a baseline without value types knows."""
    names: list[str | None] = column.cast(pa.large_string()).to_pylist()
    return names


@pytest.mark.parametrize(
    "words",
    [
        ["02134", "10115", ""],
        ["1.10", "2", "NA"],
        ["true", "False", "TRUE"],
        ["2024-01-01", "2024-01-02", "null"],
        ["2024-01-01 10:00:00", "2024-01-01 11:00:00", "n/a"],
        ["a", "NA", "", "null", "None", "<NA>", " NA", "-nan"],
        ['"a, b"', '""', '"NA"', "#N/A"],
        ["007", "1.50", "x", "NULL"],
        ["18446744073709551615", "9223372036854775808"],
        ["", "NA", "null"],
    ],
)
def test_older__words_of_a_column__have_the_names_that_pyarrow_gives_them(
    root: Path, words: list[str]
) -> None:
    path = root / "x.csv"
    path.write_text("\n".join(["word,more", *(f"{word},1" for word in words), ""]))
    spec = WindowSpec(
        str(path),
        SourcePolicy(allowed_roots=(str(root),)),
        ["word"],
        types={"word": ColumnType.OLDER},
    )
    expected = names_of(pacsv.read_csv(path, convert_options=OLDER)["word"])
    assert names_of(read_window(spec)["word"]) == expected
    with open_window(spec) as window:
        batches = pa.Table.from_batches(window.batches())
    assert names_of(batches["word"]) == expected
