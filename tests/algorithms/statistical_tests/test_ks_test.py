import warnings

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from scipy import stats

from algorithms.arrays import FloatArray
from algorithms.columns import Values
from algorithms.errors import InsufficientData
from algorithms.statistical_tests import ks_test

INF, NAN = float("inf"), float("nan")
SIZES = [
    (1, 1),
    (1, 2),
    (2, 1),
    (5, 7),
    (100, 100),
    (300, 299),
    (50, 2000),
    (2000, 50),
    (20_000, 50),
    (50, 12_000),
]
samples = st.lists(
    st.floats(allow_nan=False) | st.integers(-3, 3).map(float), min_size=1, max_size=40
)


def draw(n: int, m: int, *, shift: float, decimals: int) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(n * 31 + m)
    return rng.normal(size=n).round(decimals), (rng.normal(size=m) + shift).round(decimals)


def scipy_ks(reference: Values, current: Values) -> tuple[float, float, float, int]:
    """scipy's answer; RuntimeWarning where rounding spoils its exact p-value and it would give the asymptotic one."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        found = stats.ks_2samp(reference, current, method="auto")
    return found.statistic, found.pvalue, found.statistic_location, found.statistic_sign


@pytest.mark.parametrize("decimals", [0, 1, 15])
@pytest.mark.parametrize("shift", [0.0, 0.2, 3.0])
@pytest.mark.parametrize(("n", "m"), SIZES)
def test_ks_test__any_sizes_and_ties__agrees_with_scipy(
    n: int, m: int, shift: float, decimals: int
) -> None:
    reference, current = draw(n, m, shift=shift, decimals=decimals)
    statistic, p_value, _, sign = scipy_ks(reference, current)
    found = ks_test(reference, current)
    assert found.statistic == found.effect_size == pytest.approx(statistic, abs=1e-12)
    assert found.p_value == pytest.approx(p_value, rel=1e-6, abs=0)
    assert found.sign == sign


@given(samples, samples)
@settings(max_examples=150)
def test_ks_test__any_values__agrees_with_scipy_and_with_brute_force(
    left: list[float], right: list[float]
) -> None:
    try:
        statistic, p_value, _, _ = scipy_ks(left, right)
    except RuntimeWarning:
        reject()
    found = ks_test(left, right)
    gaps = [np.mean(np.array(left) <= x) - np.mean(np.array(right) <= x) for x in left + right]
    assert found.statistic == pytest.approx(statistic, abs=1e-12)
    assert found.statistic == pytest.approx(max(map(abs, gaps)), abs=1e-12)
    assert found.p_value == pytest.approx(p_value, rel=1e-6, abs=0)
    assert gaps[(left + right).index(found.location)] * found.sign == pytest.approx(
        found.statistic, abs=1e-12
    )


@given(samples, samples)
@settings(max_examples=50)
def test_ks_test__shuffled_or_swapped__same_statistic(
    left: list[float], right: list[float]
) -> None:
    found = ks_test(left, right)
    swapped = ks_test(right[::-1], sorted(left))
    assert 0 <= found.statistic <= 1
    assert swapped.statistic == pytest.approx(found.statistic, abs=1e-12)
    assert swapped.p_value == pytest.approx(found.p_value, rel=1e-6, abs=0)


def test_ks_test__nulls_and_nan__dropped_and_counted() -> None:
    found = ks_test([1.0, None, 2.0, NAN], np.array([NAN, 3.0, 4.0, 5.0]))
    assert (found.n_reference, found.nulls_reference, found.n_current, found.nulls_current) == (
        2,
        2,
        3,
        1,
    )
    assert (found.statistic, found.location, found.sign) == (1.0, 2.0, 1)


def test_ks_test__infinite_values__ordered_like_any_other() -> None:
    found = ks_test([-INF, 0.0, 1.0], [0.0, 1.0, INF, INF])
    assert found.statistic == pytest.approx(
        ks_test([-9.0, 0.0, 1.0], [0.0, 1.0, 9.0, 9.0]).statistic
    )
    assert ks_test([INF, INF], [INF]).statistic == 0


@pytest.mark.parametrize(
    ("current", "statistic"), [([7.0] * 40, 0.0), ([8.0] * 40, 1.0), ([6.0] * 40, 1.0)]
)
def test_ks_test__constants__zero_when_equal_one_when_not(
    current: list[float], statistic: float
) -> None:
    found = ks_test([7.0] * 60, current)
    assert found.statistic == statistic
    assert (found.p_value == 1.0) == (statistic == 0.0)


def test_ks_test__one_row_each__cannot_be_significant() -> None:
    assert ks_test([1], [2]).p_value == 1.0


def test_ks_test__booleans_and_integers__read_as_numbers() -> None:
    assert ks_test([True, False], np.array([0, 1, 1, 0], dtype=np.uint8)).statistic == 0


@pytest.mark.parametrize(
    ("reference", "current", "window"),
    [([], [1], "reference"), ([1], [], "current"), ([NAN], [1], "reference")],
)
def test_ks_test__no_usable_row__names_the_window(
    reference: Values, current: Values, window: str
) -> None:
    with pytest.raises(InsufficientData, match=window):
        ks_test(reference, current)


@pytest.mark.parametrize("values", [["a", "b"], [b"a"], [1, "a"], np.array([1j]), [2**70]])
def test_ks_test__not_numbers__type_error(values: Values) -> None:
    with pytest.raises(TypeError):
        ks_test(values, [1.0])


@pytest.mark.parametrize("values", [np.zeros((2, 2)), [[1.0], [2.0]], np.float64(1.0)])
def test_ks_test__not_one_dimensional__value_error(values: Values) -> None:
    with pytest.raises(ValueError, match="one-dimensional"):
        ks_test([1.0], values)
