import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from algorithms.arrays import FloatArray, IntArray
from algorithms.errors import InsufficientData
from algorithms.statistical_tests.wasserstein import wasserstein, wasserstein_error

numbers = st.lists(st.floats(-1e3, 1e3) | st.integers(-3, 3).map(float), min_size=1, max_size=50)


def count(values: FloatArray, edges: FloatArray) -> IntArray:
    return np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)


def measure(
    reference: FloatArray, current: FloatArray, edges: FloatArray, *, counted: bool = True
) -> tuple[float, float]:
    """The distance from counts and the bound on its error."""
    least, greatest = float(reference.min()), float(reference.max())
    counts = count(reference, edges), count(current, edges)
    below = float(np.maximum(least - current, 0).mean())
    above = float(np.maximum(current - greatest, 0).mean())
    low, high = int(np.sum(current < least)) * counted, int(np.sum(current > greatest)) * counted
    distance = wasserstein(
        edges,
        *counts,
        minimum=least,
        maximum=greatest,
        below=below,
        above=above,
        rows_below=low,
        rows_above=high,
    )
    error = wasserstein_error(
        edges, *counts, minimum=least, maximum=greatest, rows_below=low, rows_above=high
    )
    return distance, error


def atom_edges(*values: FloatArray) -> FloatArray:
    atoms = np.unique(np.concatenate(values))
    return np.unique(np.concatenate([atoms, np.nextafter(atoms, -np.inf)]))


@given(numbers, numbers, st.integers(0, 12), st.booleans())
@settings(max_examples=300)
def test_wasserstein__any_values_and_cells__within_its_error_of_scipy(
    left: list[float], right: list[float], size: int, counted: bool
) -> None:
    reference, current = np.array(left), np.array(right)
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, size + 2)))[: size + 1]
    distance, error = measure(reference, current, edges, counted=counted)
    assert distance >= 0
    assert abs(distance - stats.wasserstein_distance(reference, current)) <= error + 1e-9


@given(numbers, numbers)
@settings(max_examples=200)
def test_wasserstein__each_value_a_cell__equals_scipy(
    left: list[float], right: list[float]
) -> None:
    reference, current = np.array(left), np.array(right)
    distance, error = measure(reference, current, atom_edges(reference, current))
    assert distance == pytest.approx(
        stats.wasserstein_distance(reference, current), rel=1e-9, abs=1e-9
    )
    assert error <= 1e-9


@pytest.mark.parametrize(
    ("shift", "bound"), [(0.0, 0.02), (0.1, 0.02), (1.0, 0.04), (5.0, 0.11), (-30.0, 0.008)]
)
def test_wasserstein__many_quantile_cells__near_scipy(shift: float, bound: float) -> None:
    rng = np.random.default_rng(7)
    reference, current = rng.normal(size=20_000), rng.normal(size=5000) + shift
    distance, error = measure(
        reference, current, np.quantile(reference, np.linspace(0, 1, 501)[1:-1])
    )
    expected = stats.wasserstein_distance(reference, current)
    assert (
        abs(distance - expected) <= error / 3
    )  # rows spread over a cell are far from the worst case, all at one end
    assert error < bound  # largest where most of the window is in the last cell, one unit wide


def test_wasserstein__distribution_functions_cross_within_a_cell__both_sides_count() -> None:
    edges, counts = np.array([1.0, 2.0]), (np.array([1, 2, 1]), np.array([0, 4, 0]))
    found = wasserstein(edges, *counts, minimum=0.0, maximum=3.0, below=0.0, above=0.0)
    assert found == pytest.approx(0.125 + 0.125 + 0.125)


def test_wasserstein__window_moved_beyond_the_range__moved_distance() -> None:
    reference, current = np.arange(10.0), np.arange(10.0) + 100
    assert measure(reference, current, atom_edges(reference))[0] == pytest.approx(100)
    assert measure(reference, current - 200, atom_edges(reference))[0] == pytest.approx(100)


def test_wasserstein__constant_reference__mean_distance_from_it() -> None:
    current = np.array([6.0, 7.0, 9.0])
    assert measure(np.full(5, 7.0), current, atom_edges(np.array([7.0]))) == pytest.approx(
        (1.0, 0.0), abs=1e-12
    )


@pytest.mark.parametrize(
    ("counts", "window"), [(([0, 0], [1, 2]), "reference"), (([1, 2], [0, 0]), "current")]
)
def test_wasserstein__empty_window__named(counts: tuple[list[int], list[int]], window: str) -> None:
    arrays = np.array([0.5]), np.array(counts[0]), np.array(counts[1])
    with pytest.raises(InsufficientData, match=window):
        wasserstein(*arrays, minimum=0.0, maximum=1.0, below=0.0, above=0.0)
    with pytest.raises(InsufficientData, match=window):
        wasserstein_error(*arrays, minimum=0.0, maximum=1.0)
