"""Keys of rows: the outputs that others print for SplitMix64, and scipy, which tests them as random numbers."""

import numpy as np
import pytest
from scipy import stats

from algorithms.row_keys import RowKeys, split_mix

PRINTED = [
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]
"""Of the seed 1234567, by Rosetta Code's page of the generator."""


def test_split_mix__of_a_seed__gives_what_is_printed_for_it() -> None:
    places = np.arange(5, dtype=np.uint64)
    found = split_mix(np.full(5, 1234567, np.uint64), places)
    assert found.tolist() == PRINTED


def test_keys__of_rows_in_any_pieces__are_the_same() -> None:
    cells = np.random.default_rng(1).integers(-20, 20, 5000)
    whole = RowKeys(7).next(cells)
    pieces = RowKeys(7)
    parts = [pieces.next(part) for part in np.array_split(cells, 13)]
    assert np.array_equal(np.concatenate(parts), whole)
    assert len(np.unique(whole)) == 5000


def test_keys__of_a_window_that_begins_later__are_those_of_its_whole_cells() -> None:
    cells = np.repeat(np.arange(100), 50)
    whole, later = RowKeys(7).next(cells), RowKeys(7).next(cells[25:])
    assert np.array_equal(later[25:], whole[50:])
    assert not np.isin(later[:25], whole[25:50]).all()


@pytest.mark.parametrize("rows_of_a_cell", [1, 3, 100_000])
def test_keys__of_many_rows__are_uniform_and_not_related(rows_of_a_cell: int) -> None:
    cells = 28_400_000 + np.arange(100_000) // rows_of_a_cell
    for seed in (0, 1, 2**56 - 1):
        keys = RowKeys(seed).next(cells) / 2**53
        assert stats.kstest(keys, stats.uniform.cdf).pvalue > 1e-3
        for lag in (1, 2, 3, 50):
            assert abs(np.corrcoef(keys[:-lag], keys[lag:])[0, 1]) < 0.016  # five standard errors


def test_keys__of_other_seeds__are_not_related() -> None:
    cells = np.arange(100_000)
    one, other = RowKeys(1).next(cells), RowKeys(2).next(cells)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.016
