"""A uniform sample of rows from tables that come one after the other."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from monitors.row_samplers import RowSampler


def sampled(rows: int, most: int, pieces: int) -> pa.Table:
    sampler = RowSampler(most)
    for piece in np.array_split(np.arange(rows), pieces):
        sampler.add(pa.table({"row": piece}))
    return sampler.finish()


def test_sample__of_many_tables__is_uniform_and_in_order() -> None:
    rows = sampled(100_000, 2000, pieces=37)["row"].to_numpy()
    assert len(rows) == 2000
    assert (np.diff(rows) > 0).all()
    assert stats.kstest(rows, stats.uniform(0, 100_000).cdf).pvalue > 0.001


def test_sample__of_fewer_rows__holds_all() -> None:
    assert sampled(50, 2000, pieces=3)["row"].to_pylist() == list(range(50))


@pytest.mark.parametrize("rows", [2000, 2001, 4001])
def test_sample__about_as_many_rows_as_it_holds__has_no_more(rows: int) -> None:
    assert sampled(rows, 2000, pieces=2).num_rows == 2000


def test_sample__of_no_table__is_empty() -> None:
    assert RowSampler(10).finish().num_rows == 0
