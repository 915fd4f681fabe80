import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import distance

from algorithms.arrays import FloatArray, IntArray
from algorithms.errors import InsufficientData
from algorithms.statistical_tests.distances import (
    DistanceResult,
    hellinger,
    jensen_shannon,
    null_divergence,
)

type Distance = Callable[[IntArray, IntArray], DistanceResult]

both = pytest.mark.parametrize("measure", [jensen_shannon, hellinger])
tables = st.lists(
    st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=30
).filter(lambda table: all(map(sum, zip(*table, strict=True))))


def draw(n: int, m: int, shares: FloatArray, *, seed: int) -> tuple[IntArray, IntArray]:
    rng = np.random.default_rng(seed)
    return rng.multinomial(n, shares), rng.multinomial(m, shares)


@given(tables)
@settings(max_examples=150)
def test_jensen_shannon__any_counts__agrees_with_scipy(table: list[tuple[int, int]]) -> None:
    reference, current = np.array(table).T
    expected = distance.jensenshannon(reference, current, base=2)
    assert jensen_shannon(reference, current).statistic == pytest.approx(
        expected, rel=1e-9, abs=1e-7
    )


@given(tables)
@settings(max_examples=150)
def test_hellinger__any_counts__distance_of_roots_of_shares(table: list[tuple[int, int]]) -> None:
    reference, current = np.array(table).T
    roots = [np.sqrt(counts / counts.sum()) for counts in (reference, current)]
    expected = distance.euclidean(*roots) / math.sqrt(2)
    assert hellinger(reference, current).statistic == pytest.approx(expected, rel=1e-9, abs=1e-12)


@both
@given(tables)
@settings(max_examples=60)
def test_distance__windows_swapped_or_empty_cells_added__unchanged(
    measure: Distance, table: list[tuple[int, int]]
) -> None:
    reference, current = np.array(table).T
    found, swapped = measure(reference, current), measure(current, reference)
    assert swapped.statistic == pytest.approx(found.statistic, abs=1e-7)
    assert measure(np.append(reference, [0, 0]), np.append(current, [0, 0])) == found
    assert 0 <= found.effect_size <= found.statistic <= 1


@both
def test_distance__equal_shares__nothing(measure: Distance) -> None:
    found = measure(np.array([10, 20, 0, 30]), np.array([1, 2, 0, 3]))
    assert (found.statistic, found.effect_size) == pytest.approx((0.0, 0.0), abs=1e-7)
    assert found.degrees_of_freedom == 2


@both
def test_distance__no_common_cell__one(measure: Distance) -> None:
    found = measure(np.array([10, 20, 0, 0]), np.array([0, 0, 50, 1]))
    assert found.statistic == pytest.approx(1)
    assert found.degrees_of_freedom == 3


@both
@pytest.mark.parametrize(("n", "m"), [(2000, 2000), (200_000, 2000)])
def test_distance__no_drift_and_twenty_rows_a_cell__square_averages_the_null_mean(
    measure: Distance, n: int, m: int
) -> None:
    unit = math.log(2) if measure is jensen_shannon else 1.0
    shares = np.full(100, 0.01)
    squares = [unit * measure(*draw(n, m, shares, seed=seed)).statistic ** 2 for seed in range(400)]
    assert np.mean(squares) == pytest.approx(null_divergence(99, n, m), rel=0.035)


@both
def test_distance__drift__effect_size_does_not_depend_on_the_rows(measure: Distance) -> None:
    rng = np.random.default_rng(3)
    before, after = np.full(50, 0.02), np.repeat([0.01, 0.03], 25)
    truth = measure((before * 10**8).astype(np.int64), (after * 10**8).astype(np.int64)).statistic
    effects = [
        measure(rng.multinomial(1000, before), rng.multinomial(1000, after)).effect_size
        for _ in range(200)
    ]
    assert np.mean(effects) == pytest.approx(truth, rel=0.03)


@both
@pytest.mark.parametrize(
    ("counts", "window"), [(([0, 0], [1, 2]), "reference"), (([1, 2], [0, 0]), "current")]
)
def test_distance__empty_window__named(
    measure: Distance, counts: tuple[list[int], list[int]], window: str
) -> None:
    with pytest.raises(InsufficientData, match=window):
        measure(np.array(counts[0]), np.array(counts[1]))
