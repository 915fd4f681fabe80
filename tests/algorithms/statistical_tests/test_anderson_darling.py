import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from algorithms.arrays import IntArray
from algorithms.errors import InsufficientData
from algorithms.statistical_tests.anderson_darling import anderson_darling, anderson_darling_sf

BRANCHES = np.arange(1, 2001) * np.arange(2, 2002) / 2
cells = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=40)


def scipy_statistic(reference: IntArray, current: IntArray) -> float:
    places = np.arange(len(reference))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        samples = [np.repeat(places, reference), np.repeat(places, current)]
        return float(stats.anderson_ksamp(samples, variant="midrank").statistic)


def invert_generating_function(a2: float) -> float:
    """Pr(Σ χ²₁/(j(j+1)) > a2): the Bromwich integral along a parabola around the branch points from 1 on."""
    width = min(0.5, 1 / a2)
    reach = math.sqrt(40 / (width * a2))
    v, step = np.linspace(-reach, reach, 401, retstep=True)
    s = 1 - width * (1 + 1j * v) ** 2
    log_factors = (
        np.log(1 - s[:, None] / BRANCHES).sum(axis=1) - 2 * s / 2001
    )  # the rest, Σ 2s / (j(j + 1))
    integrand = np.exp(-log_factors / 2 - s * a2) / s * -2j * width * (1 + 1j * v)
    return float(abs(integrand.sum() * step / (2j * math.pi)))


@pytest.mark.parametrize("a2", [0.2, 0.5, 1.0, 2.4923, 3.8784, 10.0, 30.0, 100.0, 300.0, 690.0])
def test_anderson_darling_sf__body_and_tail__equals_inverted_generating_function(a2: float) -> None:
    assert anderson_darling_sf(a2) == pytest.approx(invert_generating_function(a2), rel=1e-9, abs=0)


@pytest.mark.parametrize(
    ("a2", "p_value"),
    [(1.2476, 0.25), (1.9329, 0.1), (2.4923, 0.05), (3.0775, 0.025), (3.8784, 0.01)],
)
def test_anderson_darling_sf__published_critical_values__their_levels(
    a2: float, p_value: float
) -> None:
    assert anderson_darling_sf(a2) == pytest.approx(p_value, abs=1e-4)


@given(st.floats(0, 800), st.floats(0, 800))
@settings(max_examples=100)
def test_anderson_darling_sf__larger__no_more_likely(one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert 0 <= anderson_darling_sf(large) <= anderson_darling_sf(small) + 1e-13 <= 1 + 1e-13
    assert anderson_darling_sf(0) == 1


@given(cells)
@settings(max_examples=75)
def test_anderson_darling__any_ties__agrees_with_scipy(table: list[tuple[int, int]]) -> None:
    reference, current = np.array([*table, (1, 2), (2, 1)]).T
    found = anderson_darling(reference, current)
    assert found.statistic == pytest.approx(scipy_statistic(reference, current), rel=1e-9, abs=1e-9)
    swapped = anderson_darling(current[::-1].copy(), reference[::-1].copy())
    assert swapped.a2 == pytest.approx(found.a2, rel=1e-9, abs=1e-12)


def test_anderson_darling__many_cells__agrees_with_scipy() -> None:
    rng = np.random.default_rng(4)
    reference, current = (
        rng.multinomial(50_000, np.full(4000, 1 / 4000)),
        rng.multinomial(900, np.full(4000, 1 / 4000)),
    )
    assert anderson_darling(reference, current).statistic == pytest.approx(
        scipy_statistic(reference, current)
    )


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.25] * 4, [0.9, 0.05, 0.05], [0.01] * 100])
def test_anderson_darling__no_drift__p_value_falls_below_a_level_as_often(
    shares: list[float],
) -> None:
    rng = np.random.default_rng(5)
    windows = zip(
        rng.multinomial(300, shares, 6000), rng.multinomial(400, shares, 6000), strict=True
    )
    found = [anderson_darling(*window) for window in windows]
    assert np.mean([result.a2 for result in found]) == pytest.approx(1, abs=0.07)
    assert np.mean([result.p_value <= 0.05 for result in found]) == pytest.approx(0.05, abs=0.01)
    assert np.mean([result.p_value <= 0.005 for result in found]) == pytest.approx(0.005, abs=0.004)


def test_anderson_darling__drift__effect_size_is_the_weighted_squared_difference() -> None:
    rng = np.random.default_rng(6)
    before, after = np.full(200, 1 / 200), stats.beta.pdf((np.arange(200) + 0.5) / 200, 1.3, 1)
    after /= after.sum()
    first, second, middle = np.cumsum(before), np.cumsum(after), np.cumsum(before + after) / 2
    truth = np.sum(((first - second) ** 2 / (middle * (1 - middle)) * (before + after) / 2)[:-1])
    effects = [
        anderson_darling(rng.multinomial(500, before), rng.multinomial(500, after)).effect_size
        for _ in range(300)
    ]
    assert np.mean(effects) == pytest.approx(truth, rel=0.05)


def test_anderson_darling__windows_apart__largest_effect() -> None:
    apart = np.arange(1000) < 500
    found = anderson_darling(10 * apart, 10 * ~apart)
    assert found.effect_size == pytest.approx(8 * math.log(2) - 4, rel=1e-2)
    assert found.p_value == 0


@pytest.mark.parametrize("counts", [([5], [7]), ([0, 5, 0], [0, 7, 0]), ([4, 6], [2, 3])])
def test_anderson_darling__equal_shares__nothing(counts: tuple[list[int], list[int]]) -> None:
    found = anderson_darling(np.array(counts[0]), np.array(counts[1]))
    assert (found.a2, found.p_value, found.effect_size) == pytest.approx((0.0, 1.0, 0.0), abs=1e-12)


@pytest.mark.parametrize("counts", [([1, 0], [0, 1]), ([1, 0], [1, 1])])
def test_anderson_darling__fewer_than_four_rows__finite(
    counts: tuple[list[int], list[int]],
) -> None:
    found = anderson_darling(np.array(counts[0]), np.array(counts[1]))
    assert math.isfinite(found.statistic)
    assert found.p_value > 0.1


def test_anderson_darling__billions_of_rows__no_overflow() -> None:
    reference, current = np.full(100, 10**7), np.full(100, 10**7)
    current[0] += 10**4
    rational = anderson_darling(reference // 10**4, current // 10**4)
    assert anderson_darling(reference, current).a2 == pytest.approx(rational.a2 * 1e4, rel=1e-4)


@pytest.mark.parametrize(
    ("counts", "window"), [(([0, 0], [1, 2]), "reference"), (([1, 2], [0, 0]), "current")]
)
def test_anderson_darling__empty_window__named(
    counts: tuple[list[int], list[int]], window: str
) -> None:
    with pytest.raises(InsufficientData, match=window):
        anderson_darling(np.array(counts[0]), np.array(counts[1]))
