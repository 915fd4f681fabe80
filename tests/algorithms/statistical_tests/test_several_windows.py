"""Tests of several windows at once; the test of each by itself, and scipy, are the oracles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from algorithms.arrays import IntArray
from algorithms.grid import Grid
from algorithms.statistical_tests.chi_squared import chi_squared_from_counts
from algorithms.statistical_tests.ks_test import Counted, ks_from_cells
from algorithms.statistical_tests.several_windows import (
    chi_squared_of_several,
    have_rare,
    ks_of_several,
)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[IntArray, IntArray]:
    """Counts of several pairs of windows on the same cells, in each of which there is a row."""
    shape = draw(st.integers(1, 6)), draw(st.integers(1, 40))
    most = draw(st.sampled_from([3, 50, 20_000]))
    counts = arrays.arrays(np.int64, shape, elements=st.integers(0, most))
    reference, current = draw(counts), draw(counts)
    place = draw(st.integers(0, shape[1] - 1))
    reference[:, place] += 1
    current[:, place] += 1
    return reference, current


@given(pairs())
@settings(deadline=None)
def test_ks_of_several__any_counts__are_the_test_of_each(found: tuple[IntArray, IntArray]) -> None:
    reference, current = found
    grid = Grid(np.arange(float(reference.shape[1] - 1)))
    alone = [
        ks_from_cells(grid, Counted(before), Counted(after))
        for before, after in zip(reference, current, strict=True)
    ]
    expected = [(each.statistic, each.p_value, each.effect_size) for each in alone]
    assert [tuple(each) for each in ks_of_several(reference, current)] == expected


@given(pairs())
@settings(deadline=None)
def test_chi_squared_of_several__any_counts__are_the_test_of_each(
    found: tuple[IntArray, IntArray],
) -> None:
    alone = [chi_squared_from_counts(*each) for each in zip(*found, strict=True)]
    expected = [(each.statistic, each.p_value, each.effect_size) for each in alone]
    assert [tuple(each) for each in chi_squared_of_several(*found)] == expected


def test_ks_of_several__rows_in_cells__agree_with_scipy() -> None:
    random = np.random.default_rng(0)
    cells = np.arange(30)
    counts = random.multinomial(500, np.full(30, 1 / 30), (2, 5))
    found = ks_of_several(counts[0], counts[1])
    for place, each in enumerate(found):
        expected = stats.ks_2samp(*(np.repeat(cells, side[place]) for side in counts))
        assert (each.statistic, each.p_value) == pytest.approx(expected[:2])


def test_chi_squared_of_several__random_tables__agree_with_scipy() -> None:
    tables = np.random.default_rng(1).integers(5, 90, (2, 5, 12))
    for place, each in enumerate(chi_squared_of_several(tables[0], tables[1])):
        expected = stats.chi2_contingency(tables[:, place], correction=False)
        assert (each.statistic, each.p_value) == pytest.approx(expected[:2])


def test_have_rare__table__is_scipys_expected_rows_below_five() -> None:
    tables = np.random.default_rng(2).integers(1, 12, (2, 40, 6))
    expected = [
        bool((stats.contingency.expected_freq(tables[:, place]) < 5).any()) for place in range(40)
    ]
    assert have_rare(tables[0], tables[1]).tolist() == expected
    assert len(set(expected)) == 2
