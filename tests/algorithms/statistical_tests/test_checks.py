from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from algorithms.statistical_tests.checks import new_categories, null_rate, out_of_range

shares = st.tuples(st.integers(1, 500), st.integers(1, 500)).flatmap(
    lambda rows: st.tuples(
        st.integers(0, rows[0]), st.just(rows[0]), st.integers(0, rows[1]), st.just(rows[1])
    )
)


@given(shares)
@settings(max_examples=200)
def test_null_rate__any_counts__fishers_or_pearsons_p_value(
    counts: tuple[int, int, int, int],
) -> None:
    missing, n, missing_now, m = counts
    found = null_rate(*counts)
    table = np.array([[missing, n - missing], [missing_now, m - missing_now]])
    assert (found.statistic, found.expected) == (missing_now / m, missing / n)
    assert found.effect_size == pytest.approx(abs(missing_now / m - missing / n))
    if not table.sum(axis=0).all():
        assert found.p_value == 1
        return
    exact = stats.contingency.expected_freq(table).min() < 5
    expected = (
        stats.fisher_exact(table) if exact else stats.chi2_contingency(table, correction=False)
    )
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-300)


def test_null_rate__both_windows_full_or_empty__no_evidence() -> None:
    assert (null_rate(0, 100, 0, 50).p_value, null_rate(100, 100, 50, 50).p_value) == (1, 1)


def test_null_rate__a_million_rows__counts_stay_whole() -> None:
    found = null_rate(10**6, 10**9, 1200, 10**6)
    table = [[10**6, 10**9 - 10**6], [1200, 10**6 - 1200]]
    assert found.p_value == pytest.approx(
        stats.chi2_contingency(table, correction=False).pvalue, rel=1e-9
    )


@pytest.mark.parametrize(
    ("n", "m"), [(1, 1), (1, 4), (2, 5), (3, 3), (4, 6), (6, 4), (8, 5), (5, 1)]
)
def test_out_of_range__every_order_of_the_rows__exact_chance(n: int, m: int) -> None:
    orders = list(
        combinations(range(n + m), n)
    )  # the reference's places; what is before and after them lies outside
    outside = np.array([places[0] + n + m - 1 - places[-1] for places in orders])
    for count in range(m + 1):
        expected = np.mean(outside >= count)
        assert out_of_range(count, n, m).p_value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("decimals", [0, 1, 9])
def test_out_of_range__values_that_repeat__an_upper_bound(decimals: int) -> None:
    rng, n, m = np.random.default_rng(decimals), 200, 60
    windows = rng.normal(size=(3000, n + m)).round(decimals)
    before, after = windows[:, :n], windows[:, n:]
    low, high = before.min(axis=1, keepdims=True), before.max(axis=1, keepdims=True)
    outside = ((after < low) | (after > high)).sum(axis=1)
    for count in range(1, 5):
        error = 4 * (0.25 / 3000) ** 0.5
        assert np.mean(outside >= count) <= out_of_range(count, n, m).p_value + error


@pytest.mark.parametrize("rows", [10**5, 10**8])
def test_out_of_range__many_rows__no_rounding_and_no_warning(rows: int) -> None:
    found = [out_of_range(count, rows, rows).p_value for count in (0, 1, 2, 10, rows)]
    assert found[:3] == pytest.approx([1, 0.75, 0.5], abs=1e-4)
    assert found[3] == pytest.approx(6 / 2**10, rel=1e-2)
    assert found[4] == 0


def test_out_of_range__more_outside__less_likely_and_a_larger_effect() -> None:
    found = [out_of_range(count, 300, 100) for count in range(101)]
    assert (np.diff([each.p_value for each in found]) <= 0).all()
    assert (np.diff([each.effect_size for each in found]) >= 0).all()
    assert found[0].effect_size == 0


@given(shares)
@settings(max_examples=150)
def test_new_categories__any_counts__hypergeometric_tail(counts: tuple[int, int, int, int]) -> None:
    unseen, m, singletons, n = counts
    found = new_categories(*counts)
    expected = stats.hypergeom.sf(unseen - 1, n + m, unseen + singletons, m)
    assert found.p_value == pytest.approx(min(1.0, expected), rel=1e-7, abs=1e-300)
    assert found.effect_size == pytest.approx(max(0.0, unseen / m - singletons / n))


@pytest.mark.parametrize("exponent", [1.3, 2.0])
def test_new_categories__unchanged_source__expects_what_comes(exponent: float) -> None:
    rng, found = np.random.default_rng(0), []
    for _ in range(60):
        before, after = rng.zipf(exponent, 2000), rng.zipf(exponent, 2000)
        names, counts = np.unique(before, return_counts=True)
        found.append(
            new_categories(
                int((~np.isin(after, names)).sum()), 2000, int((counts == 1).sum()), 2000
            )
        )
    error = 4 * np.std([each.statistic - each.expected for each in found]) / 60**0.5
    assert np.mean([each.statistic for each in found]) == pytest.approx(
        np.mean([each.expected for each in found]), abs=error
    )
