"""Each budget of a window refuses by itself, with what it has found and what is allowed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from monitors.sources import (
    SourceLimits,
    SourcePolicy,
    SourceTooLarge,
    WindowSpec,
    WindowTooLarge,
    describe,
    open_window,
    read_window,
)

MIB = 1 << 20


def allowed(root: Path, max_window_bytes: int) -> SourcePolicy:
    return SourcePolicy(allowed_roots=(str(root),), max_window_bytes=max_window_bytes)


def test_batches__arrow_with_one_large_batch__refused_before_it_is_decompressed(root: Path) -> None:
    feather.write_feather(
        pa.table({"n": np.zeros(9_000_000)}), root / "x.arrow", chunksize=9_000_000
    )
    with (
        open_window(WindowSpec(str(root), allowed(root, MIB))) as window,
        pytest.raises(WindowTooLarge, match=r"One record batch of ‘x.arrow’ takes 68\.7 MiB"),
    ):
        list(window.batches())


def test_read_window__arrow_of_long_texts__refused_by_the_lengths_of_its_buffers(
    root: Path,
) -> None:
    feather.write_feather(pa.table({"text": ["x" * 10_000] * 1000}), root / "x.arrow")
    with pytest.raises(WindowTooLarge, match=r"The window holds about 9\.5 MiB"):
        read_window(WindowSpec(str(root), allowed(root, MIB)))


def test_column__lists_of_one_long_text__refused_by_what_one_row_can_hold(root: Path) -> None:
    codes = pa.array(np.zeros(10_000, np.int32))
    texts = pa.DictionaryArray.from_arrays(codes, pa.array(["x" * 100_000]))
    lists = pa.ListArray.from_arrays(pa.array(range(0, 10_001, 10), pa.int32()), texts)
    pq.write_table(pa.table({"list": lists}), root / "x.parquet", store_schema=False)
    with (
        open_window(WindowSpec(str(root), allowed(root, MIB))) as window,
        pytest.raises(WindowTooLarge, match="One row of the column ‘list’ takes up to"),
    ):
        window.column("list")


def test_column__bytes_as_codes__refused_before_they_are_repeated(root: Path) -> None:
    codes = pa.array(np.zeros(1000, np.int32))
    data = pa.DictionaryArray.from_arrays(codes, pa.array([b"x" * 10_000]))
    pq.write_table(pa.table({"data": data}), root / "x.parquet", store_schema=False)
    with (
        open_window(WindowSpec(str(root), allowed(root, MIB))) as window,
        pytest.raises(WindowTooLarge, match="The column ‘data’ holds about"),
    ):
        window.column("data")


def test_column__more_rows_than_allowed__refused_before_they_are_read(root: Path) -> None:
    pq.write_table(pa.table({"n": pa.array([1] * 1000, pa.int8())}), root / "x.parquet")
    with (
        open_window(WindowSpec(str(root), allowed(root, 7999))) as window,
        pytest.raises(WindowTooLarge, match="One column of the window takes 1,000 rows"),
    ):
        window.column("n")


def test_describe__folder_that_is_deep__refused_at_the_limit(root: Path) -> None:
    deep = root.joinpath(*"d" * 70)
    deep.mkdir(parents=True)
    pq.write_table(pa.table({"n": [1]}), deep / "x.parquet")
    with pytest.raises(SourceTooLarge, match=r"65 folders within folders at .*limit is 64"):
        describe(str(root), allowed(root, MIB))


@pytest.mark.parametrize("columns", [3, 4])
def test_describe__csv_of_many_columns__refused_by_its_header(
    root: Path, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No type of a column is guessed before the count."""
    (root / "x.csv").write_text("a,b,c,d\n1,2,3,4\n")
    policy = replace(allowed(root, MIB), limits=SourceLimits(columns=columns))
    if columns == 4:
        assert len(describe(str(root), policy).columns) == 4
        return
    monkeypatch.setattr("monitors.sources.datasets.file_schema", None)
    with pytest.raises(SourceTooLarge, match=r"4 columns in ‘x.csv’; the limit is 3"):
        describe(str(root), policy)
