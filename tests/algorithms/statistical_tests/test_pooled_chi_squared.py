import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from algorithms.statistical_tests.pooled_chi_squared import PooledChiSquared, pooled_chi_squared


def pooled(before: list[int], after: list[int], other: int = 0) -> PooledChiSquared:
    names = pa.array([f"c{index}" for index in range(len(before))], pa.large_string())
    return pooled_chi_squared(np.array(before), np.array(after), names, other=other)


def test_pooled_chi_squared__nothing_rare__plain_test() -> None:
    found = pooled([50, 60, 70], [70, 60, 50])
    oracle = stats.chi2_contingency([[50, 60, 70], [70, 60, 50]], correction=False)
    assert found.result.p_value == pytest.approx(oracle.pvalue)
    assert (found.pooled_categories, found.is_exact) == (0, False)


def test_pooled_chi_squared__many_rare__pooled_into_one_cell() -> None:
    found = pooled([500] + [2] * 20, [500] + [3] * 20)
    oracle = stats.chi2_contingency([[500, 40], [500, 60]], correction=False)
    assert found.result.statistic == pytest.approx(oracle.statistic)
    assert found.result.p_value == pytest.approx(2 * oracle.pvalue)
    assert (found.pooled_categories, found.is_exact) == (20, False)


def test_pooled_chi_squared__pooled_cell_still_rare__fisher_exact() -> None:
    found = pooled([80_000, 0], [47, 3])
    assert found.is_exact
    assert found.result.p_value == pytest.approx(
        2 * stats.fisher_exact([[0, 80_000], [3, 47]]).pvalue, abs=0
    )


def test_pooled_chi_squared__rare_cell_beside_several__three_tests_combined() -> None:
    found = pooled([500, 500, 1], [560, 440, 2])
    kept = stats.chi2_contingency([[500, 500], [560, 440]], correction=False).pvalue
    assert found.result.p_value == pytest.approx(3 * kept)
    assert not found.is_exact


def test_pooled_chi_squared__unkept_reference_rows__join_the_pooled_cell() -> None:
    found = pooled([500, 0], [500, 4], other=200)
    oracle = stats.chi2_contingency([[500, 200], [500, 4]], correction=False)
    assert found.result.statistic == pytest.approx(oracle.statistic)
    assert found.result.n_reference == 700


def test_pooled_chi_squared__only_rare_categories__not_conclusive() -> None:
    found = pooled([1] * 100, [1] * 100)
    assert (found.is_conclusive, found.result.p_value) == (False, 1)


def test_pooled_chi_squared__one_rare_category_takes_over__found_and_named() -> None:
    found = pooled([5] * 20_000, [500] + [0] * 19_999)
    exact = stats.fisher_exact([[5, 99_995], [500, 0]]).pvalue
    assert found.result.p_value == pytest.approx(20_000 * exact, abs=0)
    assert found.result.top_categories[0].category == "c0"
    assert found.result.effect_size > 0.9


@pytest.mark.parametrize(("n", "m"), [(50, 50), (20_000, 50), (1000, 1000)])
def test_pooled_chi_squared__no_drift_long_tail__p_values_hold_their_level(n: int, m: int) -> None:
    rng = np.random.default_rng(n + m)
    shares = 1 / np.arange(1, 41) ** 1.5
    runs = [[rng.multinomial(size, shares / shares.sum()) for size in (n, m)] for _ in range(500)]
    seen = [(before[before + after > 0], after[before + after > 0]) for before, after in runs]
    p_values = np.array(
        [pooled(list(before), list(after)).result.p_value for before, after in seen]
    )
    assert np.mean(p_values <= 0.05) <= 0.05 + 0.03
    assert np.mean(p_values <= 0.005) <= 0.005 + 0.01
