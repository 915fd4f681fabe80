"""A sample of a window's rows; the chances of a uniform sample are the oracle."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from algorithms.slices.row_samples import sample_rows


def batches(rows: int, size: int) -> list[pa.RecordBatch]:
    table = pa.table({"row": np.arange(rows), "text": [f"t{each % 7}" for each in range(rows)]})
    found: list[pa.RecordBatch] = table.to_batches(max_chunksize=size)
    return found


def drawn(rows: int, size: int, most: int, seed: int) -> list[int]:
    sample = sample_rows(batches(rows, size), most, seed)
    found: list[int] = pa.chunked_array(sample.column("row")).to_pylist()
    return found


def test_sample_rows__fewer_rows_than_wanted__are_all_there_in_order() -> None:
    assert drawn(50, 7, 100, seed=0) == list(range(50))


@pytest.mark.parametrize("size", [10, 1000])
def test_sample_rows__more_rows__are_as_many_as_wanted_without_repeats(size: int) -> None:
    rows = drawn(1000, size, 100, seed=1)
    assert len(rows) == len(set(rows)) == 100
    assert rows == sorted(rows)


def test_sample_rows__many_seeds__each_part_of_the_window_is_drawn_alike() -> None:
    parts = [np.array(drawn(1000, 90, 100, seed)) // 100 for seed in range(100)]
    counts = np.bincount(np.concatenate(parts), minlength=10)
    assert stats.chisquare(counts).pvalue > 0.001


def test_sample_rows__same_seed__same_rows() -> None:
    assert drawn(1000, 90, 50, seed=3) == drawn(1000, 90, 50, seed=3)
    assert drawn(1000, 90, 50, seed=3) != drawn(1000, 90, 50, seed=4)


def test_sample_rows__window_without_rows__is_an_empty_sample() -> None:
    sample = sample_rows([], 10, 0)
    assert (sample.rows, sample.num_rows) == (0, 0)
