import math
import time
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.stats._stats_py import _ks_2samp_prob

from algorithms.statistical_tests.ks_distribution import kolmogorov_sf, ks_p_value

SIZES = [
    1,
    2,
    5,
    20,
    60,
    139,
    140,
    141,
    200,
    299,
    301,
    500,
    1000,
    20_000,
    100_000,
    1_000_001,
    1_000_000_000,
]
SQUARES = [0.05, 0.2, 0.5, 0.7, 1.0, 1.5, 2.1, 2.3, 2.9, 3.1, 4.5, 18.0, 100.0, 340.0]
WINDOWS = [
    (300, 299),
    (50, 2000),
    (10_000, 50),
    (997, 1000),
    (3000, 2999),
    (2000, 1500),
    (400, 400),
    (3000, 3000),
]


def count_outside(steps: int, n: int, m: int) -> float:
    """The exact p-value from whole numbers of lattice paths that stay inside."""
    inside = [[0] * (m + 1) for _ in range(n + 1)]
    for x in range(n + 1):
        for y in range(m + 1):
            if abs(x * m - y * n) < steps:
                inside[x][y] = (
                    (x == y == 0) + (inside[x - 1][y] if x else 0) + (inside[x][y - 1] if y else 0)
                )
    paths = math.comb(n + m, n)
    return (paths - inside[n][m]) / paths


@given(st.integers(1, 25), st.integers(1, 25), st.floats(0, 1))
@settings(max_examples=150)
def test_ks_p_value__few_rows__equals_counted_paths(n: int, m: int, distance: float) -> None:
    steps = round(distance * n * m)
    assert ks_p_value(steps, n, m) == pytest.approx(count_outside(steps, n, m), rel=1e-12, abs=0)
    assert ks_p_value(steps, m, n) == pytest.approx(ks_p_value(steps, n, m), rel=1e-12, abs=0)


@pytest.mark.parametrize("z", [0.3, 1.0, 3.0, 10.0, 18.0])
@pytest.mark.parametrize(("n", "m"), WINDOWS)
def test_ks_p_value__thousands_of_rows__agrees_with_scipy(n: int, m: int, z: float) -> None:
    step = math.gcd(n, m)
    steps = min(max(round(z * math.sqrt((n + m) * n * m) / step), 1) * step, n * m)
    expected = float(_ks_2samp_prob(steps / (n * m), n, m, "exact", 10_000, "two-sided"))
    assert ks_p_value(steps, n, m) == pytest.approx(expected, rel=1e-9, abs=0)


@pytest.mark.parametrize(
    ("n", "m"), [(2, 3), (1, 1), (10_000, 9999), (10_000, 10_000), (10_001, 1), (10**9, 10**9)]
)
def test_ks_p_value__least_and_greatest_gap__one_and_its_least(n: int, m: int) -> None:
    assert ks_p_value(0, n, m) == ks_p_value(min(n, m), n, m) == 1.0
    disjoint = 2 / math.comb(n + m, n) if n + m < 1000 else 0.0
    assert ks_p_value(n * m, n, m) == pytest.approx(disjoint, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize(
    ("n", "m"), [(10_001, 9), (20_000, 70), (11_000, 900), (50_000, 40_000), (10**9, 10**7)]
)
def test_ks_p_value__many_rows__is_that_of_one_sample(n: int, m: int) -> None:
    for square in SQUARES:
        steps = min(int(math.sqrt(square * (n + m) * n * m)), n * m)
        expected = stats.kstwo.sf(steps / (n * m), round(n * m / (n + m)))
        assert ks_p_value(steps, n, m) == pytest.approx(expected, rel=1e-6, abs=0)


def test_ks_p_value__max_exact_steps__asymptotic_beyond_and_exact_up_to_it() -> None:
    steps = 20_000
    exact, asymptotic = ks_p_value(steps, 400, 399), float(stats.kstwo.sf(steps / (400 * 399), 200))
    assert (
        ks_p_value(steps, 400, 399, max_exact_steps=2 * steps)
        == exact
        != pytest.approx(asymptotic, rel=1e-3)
    )
    assert ks_p_value(steps, 400, 399, max_exact_steps=2 * steps - 1) == pytest.approx(
        asymptotic, rel=1e-6
    )
    assert ks_p_value(400 * 50, 400, 400, max_exact_steps=0) == ks_p_value(400 * 50, 400, 400)


@pytest.mark.parametrize("n", SIZES)
def test_kolmogorov_sf__body_and_tail__agrees_with_scipy(n: int) -> None:
    for square in SQUARES:
        distance = min(1.0, math.sqrt(square / n))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            expected = float(stats.kstwo.sf(distance, n))
        assert kolmogorov_sf(distance, n) == pytest.approx(expected, rel=1e-6, abs=1e-305)


@given(st.integers(1, 3000), st.floats(0.01, 300))
@settings(max_examples=200)
def test_kolmogorov_sf__any_size__agrees_with_scipy(n: int, square: float) -> None:
    distance = min(1.0, math.sqrt(square / n))
    assert kolmogorov_sf(distance, n) == pytest.approx(
        float(stats.kstwo.sf(distance, n)), rel=1e-6, abs=1e-305
    )


@given(st.integers(1, 400), st.floats(0.001, 1), st.floats(0.001, 1))
@settings(max_examples=150)
def test_kolmogorov_sf__wider_gap__no_larger(n: int, one: float, other: float) -> None:
    narrow, wide = sorted((one, other))
    step = 4e-6  # where the series takes over from Durbin's matrix; 3.1e-6 at n = 141, the coarsest
    assert 0 <= kolmogorov_sf(wide, n) <= kolmogorov_sf(narrow, n) + step <= 1 + step


def test_kolmogorov_sf__half_a_million_rows__needs_no_sum_over_them() -> None:
    kolmogorov_sf(0.001, 500_000), kolmogorov_sf(0.01, 500_000)  # compiles the series and the sum
    few, many = (min(_seconds_of_tails(n) for _ in range(5)) for n in (500, 500_000))
    assert many < 100 * few  # a sum would take a thousand times as long


def _seconds_of_tails(n: int) -> float:
    started = time.perf_counter()
    for square in SQUARES * 20:
        kolmogorov_sf(math.sqrt(square / n), n)
    return time.perf_counter() - started
