"""The sample is uniform, and merges exactly; scipy is the oracle."""

from functools import reduce
from itertools import permutations
from operator import add

import numpy as np
from scipy import stats

from algorithms.kernels.sample_rows import SIZE
from algorithms.value_samples import ValueSample


def _pieces(sizes: tuple[int, ...], seed: int = 0) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.random(size) for size in sizes]


def test_of_pieces__any_order__gives_the_same_sample() -> None:
    samples = [ValueSample.of(piece) for piece in _pieces((10, 1, 5_000, 1_200))]
    merged = [reduce(add, order) for order in permutations(samples)]
    assert all(np.array_equal(each.values, merged[0].values) for each in merged)


def test_of_pieces__any_grouping__gives_the_same_sample() -> None:
    a, b, c = (ValueSample.of(piece) for piece in _pieces((700, 2_000, 900)))
    assert np.array_equal(((a + b) + c).values, (a + (b + c)).values)


def test_of__few_rows__holds_them_all() -> None:
    (piece,) = _pieces((SIZE,))
    assert np.array_equal(np.sort(ValueSample.of(piece).values), np.sort(piece))


def test_of__no_row__is_empty() -> None:
    assert len((ValueSample.of(np.empty(0)) + ValueSample()).values) == 0


def test_of__rows_without_a_number__are_rows_of_the_sample() -> None:
    piece = np.where(np.arange(40_000) % 4 == 0, np.nan, 1.0)
    assert abs(np.isnan(ValueSample.of(piece).values).mean() - 0.25) < 0.05


def test_of_pieces__uneven_pieces__is_uniform_over_the_rows() -> None:
    def share(seed: int) -> float:
        few, many = np.full(3_000, seed + 0.5), np.full(9_000, -seed - 0.5)
        return float((ValueSample.of_pieces([few, many]).values > 0).mean())

    shares = [share(seed) for seed in range(200)]
    # four standard errors of 200 samples of 1,000 rows
    assert abs(np.mean(shares) - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 1_000 / 200)


def test_of_pieces__sorted_rows__have_the_column_s_distribution() -> None:
    column = np.sort(_pieces((20_000,))[0])
    sample = ValueSample.of_pieces([column[:700], column[700:9_000], column[9_000:]])
    assert stats.kstest(sample.values, "uniform").pvalue > 0.001
