from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms.arrays import FloatArray
from algorithms.grid import Grid, reference_quantile_edges

INF, NAN, HUGE, TINY = float("inf"), float("nan"), 1.7e308, 5e-324
ROWS = 5000
EDGE_CASES = [
    0.0,
    -0.0,
    TINY,
    -TINY,
    2.2e-308,
    HUGE,
    -HUGE,
    np.finfo(float).max,
    np.finfo(float).min,
    1.0,
    1e-9,
]

any_number = (
    st.floats() | st.integers(-3, 3).map(float) | st.sampled_from([*EDGE_CASES, INF, -INF, NAN])
)
columns = st.lists(any_number, min_size=1, max_size=60)
sizes = st.tuples(st.integers(2, 12), st.integers(4, 300))


@cache
def drawn(name: str, seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=ROWS)
    shapes: dict[str, Any] = {
        "normal": normal,
        "cauchy": rng.standard_cauchy(ROWS),
        "pareto": rng.pareto(0.3, ROWS),
        "lognormal": np.exp(8 * normal),
        "zeros": np.where(rng.random(ROWS) < 0.9, 0.0, normal),
        "constant": np.full(ROWS, 7.25),
        "denormal": rng.integers(-9, 9, ROWS) * TINY,
        "infinite": np.where(
            rng.random(ROWS) < 0.3, INF, np.where(rng.random(ROWS) < 0.3, -INF, normal)
        ),
        "all_infinite": np.full(ROWS, -INF),
        "huge": rng.uniform(-1, 1, ROWS) * HUGE,
        "two_huge": rng.choice([-HUGE, HUGE, np.finfo(float).min], ROWS),
        "any_bits": rng.integers(-(2**63), 2**63 - 1, ROWS).view(np.float64),
        "clusters": normal * 1e-6 + rng.choice([-1e12, 1e12], ROWS),
        "timestamps": 1.7e9 + rng.random(ROWS) * 1e-3,
        "counts": rng.poisson(2, ROWS),
        "signed_zeros": rng.choice([0.0, -0.0], ROWS),
    }
    return np.asarray(shapes[name], np.float64)


SHAPES = [
    "normal",
    "cauchy",
    "pareto",
    "lognormal",
    "zeros",
    "constant",
    "denormal",
    "infinite",
    "all_infinite",
    "huge",
    "two_huge",
    "any_bits",
    "clusters",
    "timestamps",
    "counts",
    "signed_zeros",
]


def fitted(reference: FloatArray, bins: int = 10, cells: int = 2000) -> Grid:
    return Grid.from_sorted(np.sort(reference[~np.isnan(reference)]), bins, cells)


def expected_codes(grid: Grid, values: FloatArray) -> FloatArray:
    """NaN belongs into one cell more than there are."""
    found = np.searchsorted(grid.edges, values, side="left")
    return np.where(np.isnan(values), grid.cells, found)


def assert_counts_agree(grid: Grid, values: FloatArray) -> None:
    counts, codes = grid.count(values)
    expected = expected_codes(grid, values)
    np.testing.assert_array_equal(codes, expected)
    np.testing.assert_array_equal(
        counts, np.bincount(expected.astype(np.int64), minlength=grid.cells + 1)
    )


def around(edges: FloatArray) -> FloatArray:
    """The edges and the floats next to them, where an error by one would show, and what lies outside."""
    with np.errstate(over="ignore"):
        beside = [edges, np.nextafter(edges, INF), np.nextafter(edges, -INF)]
    return np.concatenate([*beside, EDGE_CASES, [INF, -INF, NAN]])


@pytest.mark.parametrize("other", [*SHAPES])
@pytest.mark.parametrize("shape", SHAPES)
def test_count__any_distributions__agrees_with_searchsorted(shape: str, other: str) -> None:
    grid = fitted(drawn(shape, 0))
    assert_counts_agree(grid, drawn(other, 1))
    assert_counts_agree(grid, around(grid.edges))


@given(columns, columns, sizes)
@settings(max_examples=200)
def test_count__any_floats__agrees_with_searchsorted(
    reference: list[float], values: list[float], size: tuple[int, int]
) -> None:
    grid = fitted(np.array(reference), *size)
    assert_counts_agree(grid, np.array(values))
    assert_counts_agree(grid, around(grid.edges))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=60), columns)
@settings(max_examples=100)
def test_count__any_edges__agrees_with_searchsorted(
    edges: list[float], values: list[float]
) -> None:
    grid = Grid(np.unique(np.array(edges, np.float64)))
    assert_counts_agree(grid, np.array(values))
    assert_counts_agree(grid, around(grid.edges))


def test_count__no_value_or_no_edge__zeros_or_one_cell() -> None:
    assert fitted(drawn("normal", 0)).count(np.empty(0))[0].sum() == 0
    assert Grid(np.empty(0)).count(np.array([1.0, -INF, NAN]))[0].tolist() == [2, 1]


@pytest.mark.parametrize("rows", [4095, 4096, 4097, 3 * 4096 + 1])
@pytest.mark.parametrize("shape", ["normal", "lognormal"])
def test_count__blocks_of_any_length__agree_with_searchsorted(shape: str, rows: int) -> None:
    grid = fitted(drawn(shape, 0), cells=8000)
    assert_counts_agree(grid, np.resize(np.append(drawn(shape, 2), NAN), rows))


@pytest.mark.parametrize(
    ("shape", "is_linear"), [("normal", True), ("timestamps", True), ("any_bits", False)]
)
def test_lookup__by_shape__is_linear_or_logarithmic(shape: str, is_linear: bool) -> None:
    assert fitted(drawn(shape, 0), cells=8000).lookup.is_linear is is_linear


@pytest.mark.parametrize(
    "shape", ["normal", "zeros", "cauchy", "lognormal", "timestamps", "clusters"]
)
def test_lookup__usual_shapes__few_halvings(shape: str) -> None:
    assert fitted(drawn(shape, 0), cells=8000).lookup.halvings <= 6


@pytest.mark.parametrize("bins", [2, 7, 10])
@pytest.mark.parametrize("shape", SHAPES)
def test_from_sorted__bin_edges__are_among_the_edges(shape: str, bins: int) -> None:
    reference = np.sort(drawn(shape, 0)[~np.isnan(drawn(shape, 0))])
    grid, edges = Grid.from_sorted(reference, bins, 1000), reference_quantile_edges(reference, bins)
    assert set(edges) <= set(grid.edges)
    assert (grid.edges[1:] > grid.edges[:-1]).all()
    assert not np.isnan(grid.edges).any()
    starts = grid.cell_starts(edges)
    counts = np.add.reduceat(grid.count(reference)[0][:-1], starts)
    np.testing.assert_array_equal(
        counts, np.bincount(np.searchsorted(edges, reference), minlength=len(edges) + 1)
    )


@given(columns.filter(lambda values: not all(map(np.isnan, values))), sizes)
@settings(max_examples=150)
def test_from_sorted__any_floats__bin_edges_are_among_the_edges(
    values: list[float], size: tuple[int, int]
) -> None:
    reference = np.sort(np.array([value for value in values if not np.isnan(value)]))
    grid = Grid.from_sorted(reference, *size)
    assert set(reference_quantile_edges(reference, size[0])) <= set(grid.edges)
    assert (grid.edges[1:] > grid.edges[:-1]).all()
    assert not (grid.edges == INF).any()


@pytest.mark.parametrize("value", [0.0, -0.0, -3.5, 1.7e308, -1.7e308, 5e-324, 1.7e9])
def test_from_sorted__heavy_value__has_a_cell_of_its_own(value: float) -> None:
    rng = np.random.default_rng(5)
    reference = np.concatenate([np.full(500, value), rng.normal(size=2000)])
    grid = fitted(reference, cells=200)
    beside = np.array([np.nextafter(value, -INF), value, np.nextafter(value, INF)])
    below, own, above = grid.count(beside)[1].tolist()
    assert below < own < above
    assert grid.count(reference)[0][own] == 500


@pytest.mark.parametrize("shape", SHAPES)
def test_count__values_shuffled__same_counts_and_codes_move_along(shape: str) -> None:
    grid, values = fitted(drawn("normal", 0)), drawn(shape, 3)
    order = np.random.default_rng(4).permutation(ROWS)
    (counts, codes), (shuffled_counts, shuffled_codes) = (
        grid.count(values),
        grid.count(values[order]),
    )
    np.testing.assert_array_equal(counts, shuffled_counts)
    np.testing.assert_array_equal(codes[order], shuffled_codes)


@pytest.mark.parametrize("other", SHAPES)
@pytest.mark.parametrize("shape", ["cauchy", "huge", "clusters", "denormal"])
def test_count__a_value_raised__never_a_lower_cell(shape: str, other: str) -> None:
    ascending = np.sort(np.concatenate([drawn(other, 6), np.nextafter(drawn(shape, 0), 0.0)]))
    codes = fitted(drawn(shape, 0)).count(ascending)[1].astype(np.int64)
    assert (np.diff(codes) >= 0).all()


def test_from_sorted__gap__is_cut_into_cells() -> None:
    grid = fitted(np.concatenate([np.linspace(0, 1, 500), np.linspace(99, 100, 500)]), cells=400)
    assert np.diff(grid.edges).max() <= 2
    assert len(grid.edges) < 600


def test_from_sorted__reference__need_not_be_copied_to_give_the_same_grid() -> None:
    reference = np.sort(drawn("cauchy", 0))
    reference.flags.writeable = False
    np.testing.assert_array_equal(
        fitted(reference.copy()).edges, Grid.from_sorted(reference, 10, 2000).edges
    )


def test_reference_quantile_edges__fewer_than_two_bins__value_error() -> None:
    with pytest.raises(ValueError, match="2 bins"):
        reference_quantile_edges(np.arange(3.0), 1)
