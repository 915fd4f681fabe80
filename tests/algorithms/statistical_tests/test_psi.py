import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from algorithms.columns import Values
from algorithms.errors import InsufficientData
from algorithms.statistical_tests import psi
from algorithms.statistical_tests.psi import psi_from_counts, psi_null_quantile

INF, NAN = float("inf"), float("nan")
samples = st.lists(
    st.floats(allow_nan=False) | st.integers(-2, 2).map(float), min_size=1, max_size=60
)
counts = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=12)


def psi_by_hand(before: list[int], after: list[int]) -> float:
    pairs = [(b + 0.5, a + 0.5) for b, a in zip(before, after, strict=True) if b + a]
    n, m = sum(b for b, _ in pairs), sum(a for _, a in pairs)
    return sum((a / m - b / n) * math.log((a / m) / (b / n)) for b, a in pairs)


def rows_per_cell(values: list[float], edges: tuple[float, ...]) -> list[int]:
    cells = [sum(edge < value for edge in edges) for value in values]
    return [cells.count(cell) for cell in range(len(edges) + 1)]


def test_psi__four_cells__matches_the_formula_by_hand() -> None:
    found = psi(range(1, 101), [10] * 10 + [30] * 20 + [60] * 30 + [90] * 40, bins=4)
    assert list(found.edges) == [25, 50, 75]
    assert list(found.current_shares) == [0.1, 0.2, 0.3, 0.4]
    p, q = [25.5 / 102] * 4, [10.5 / 102, 20.5 / 102, 30.5 / 102, 40.5 / 102]
    assert found.statistic == pytest.approx(
        sum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True))
    )
    assert found.effect_size == pytest.approx(found.statistic - 3 * (1 / 100 + 1 / 100))
    assert (found.p_value, found.degrees_of_freedom) == (None, 3)


def test_psi__large_samples__tends_to_the_integral_of_the_densities() -> None:
    grid = (np.arange(200_000) + 0.5) / 200_000
    reference = stats.norm.ppf(grid)
    expected, actual = (
        np.full(10, 0.1),
        np.diff(stats.norm.cdf(stats.norm.ppf(np.linspace(0, 1, 11)), loc=0.5)),
    )
    limit = float(np.sum((actual - expected) * np.log(actual / expected)))
    assert psi(reference, reference + 0.5).statistic == pytest.approx(limit, rel=1e-3)


@given(counts)
def test_psi_from_counts__any_counts__matches_by_hand_and_is_symmetric(
    cells: list[tuple[int, int]],
) -> None:
    before, after = [b + 1 for b, _ in cells], [a for _, a in cells]
    after[0] += 1
    found = psi_from_counts(np.array(before), np.array(after))
    assert found == pytest.approx(psi_by_hand(before, after), abs=1e-12)
    assert found == pytest.approx(psi_from_counts(np.array(after), np.array(before)), abs=1e-12)
    assert found >= 0


@given(samples, samples, st.integers(2, 20))
def test_psi__any_values__shares_sum_to_one_and_match_a_loop(
    left: list[float], right: list[float], bins: int
) -> None:
    found = psi(left, right, bins=bins)
    inside = [rows_per_cell(side, found.edges) for side in (left, right)]
    assert sum(found.reference_shares) == pytest.approx(1)
    assert list(found.current_shares) == pytest.approx([count / len(right) for count in inside[1]])
    assert found.statistic == pytest.approx(psi_by_hand(*inside), abs=1e-9)
    assert psi(left[::-1], right[::-1], bins=bins) == found


def test_psi__an_outlier_in_the_current_window__moves_no_edge() -> None:
    reference = np.random.default_rng(0).normal(size=500)
    shifted = reference + 1
    assert psi(reference, np.append(shifted, 1e9)).edges == psi(reference, shifted).edges
    assert psi(reference, np.append(shifted, 1e9)).statistic == pytest.approx(
        psi(reference, shifted).statistic, rel=0.02
    )


@pytest.mark.parametrize("moved_to", [-0.001, 0.001, 5.0, -INF, INF])
def test_psi__constant_reference__sees_another_constant(moved_to: float) -> None:
    assert psi([0.0] * 100, [moved_to] * 100).effect_size > 5
    assert psi([0.0] * 100, [0.0] * 70).statistic == 0


@pytest.mark.parametrize("constant", [-INF, INF, 0.0, -1e308, 1e308])
def test_psi__any_constant__equal_windows_give_zero(constant: float) -> None:
    assert psi([constant] * 60, [constant] * 50).statistic == 0


def test_psi__ninety_percent_zeros__atom_has_its_own_cell() -> None:
    reference = [0.0] * 900 + list(range(1, 101))
    found = psi(reference, [-1.0] * 900 + list(range(1, 101)))
    assert list(found.reference_shares) == [0, 0.9, 0.1]
    assert list(found.current_shares) == [0.9, 0, 0.1]
    assert found.effect_size > 1


def test_psi__infinite_values__fall_in_the_outermost_cells() -> None:
    reference = np.arange(100.0)
    found = psi(reference, [-INF] * 30 + [INF] * 70)
    assert (found.current_shares[0], found.current_shares[-1]) == (0.3, 0.7)


def test_psi__nulls_and_nan__dropped_and_counted() -> None:
    found = psi([1.0, None, NAN, 2.0], [NAN, 1.0])
    assert (found.n_reference, found.nulls_reference, found.n_current, found.nulls_current) == (
        2,
        2,
        1,
        1,
    )


@pytest.mark.parametrize("size", [100, 1000])
def test_psi__no_drift__null_mean_and_quantile_hold(size: int) -> None:
    rng = np.random.default_rng(size)
    found = [psi(rng.normal(size=size), rng.normal(size=size)) for _ in range(600)]
    beyond = np.mean([result.statistic > psi_null_quantile(0.05, result) for result in found])
    assert np.mean([result.statistic for result in found]) == pytest.approx(9 * 2 / size, rel=0.1)
    assert beyond == pytest.approx(0.05, abs=0.03)


@pytest.mark.parametrize(
    ("reference", "current", "window"), [([], [1], "reference"), ([1], [None], "current")]
)
def test_psi__no_usable_row__names_the_window(
    reference: Values, current: Values, window: str
) -> None:
    with pytest.raises(InsufficientData, match=window):
        psi(reference, current)


def test_psi__bad_input__says_what_is_wrong() -> None:
    with pytest.raises(TypeError, match="numbers"):
        psi(["a"], ["b"])
    with pytest.raises(ValueError, match="one-dimensional"):
        psi(np.zeros((2, 2)), [1.0])
    with pytest.raises(ValueError, match="2 bins"):
        psi([1.0], [1.0], bins=1)
