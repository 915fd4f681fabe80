import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from algorithms.methods.row_count_method import FEW_WINDOWS, measure_row_count

windows = st.lists(st.integers(50, 10**6), min_size=4, max_size=30).map(tuple)


def spread_of(usual: tuple[int, ...]) -> tuple[float, float]:
    """Mean of the logarithms, and standard error of one more, whose spread is at least Poisson's."""
    logarithms = np.log(usual)
    mean = logarithms.mean()
    return mean, max(logarithms.std(ddof=1), np.exp(-mean / 2)) * np.sqrt(1 + 1 / len(usual))


@given(windows, st.integers(1, 10**7))
@settings(max_examples=150)
def test_measure_row_count__any_windows__p_value_of_students_prediction(
    usual: tuple[int, ...], rows: int
) -> None:
    mean, error = spread_of(usual)
    expected = 2 * stats.t.sf(abs(np.log(rows) - mean) / error, len(usual) - 1)
    assert measure_row_count(usual, rows).p_value == pytest.approx(expected, rel=1e-9, abs=1e-300)


@given(windows, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
@settings(max_examples=100)
def test_measure_row_count__prediction_interval__holds_the_rows_whose_p_is_larger(
    usual: tuple[int, ...], level: float
) -> None:
    mean, error = spread_of(usual)
    low, high = np.exp(stats.t.interval(level, len(usual) - 1, mean, error))
    for rows in (np.floor(low), np.ceil(low), np.floor(high), np.ceil(high)):
        if rows >= 1:
            p_value = measure_row_count(usual, int(rows)).p_value
            assert p_value == pytest.approx(1 - level) or (p_value > 1 - level) == (
                low <= rows <= high
            )


@given(windows, st.integers(1, 10**7))
@settings(max_examples=100)
def test_measure_row_count__any_rows__effect_is_the_ratio_less_one(
    usual: tuple[int, ...], rows: int
) -> None:
    found, middle = measure_row_count(usual, rows), stats.gmean(usual)
    assert (
        found.statistic
        == found.effect_size
        == pytest.approx(max(rows / middle, middle / rows) - 1, abs=1e-9)
    )
    assert found.explanation["usual"] == pytest.approx(middle)
    assert found.explanation["usual_range"] == [min(usual), max(usual)]
    assert found.explanation["windows"] == len(usual)
    assert found.caveat == ""


def test_measure_row_count__half_or_double__equally_far() -> None:
    usual = (900, 1000, 1000, 1111)
    half, double = (measure_row_count(usual, rows) for rows in (500, 2000))
    assert (
        half.effect_size
        == pytest.approx(double.effect_size, rel=1e-3)
        == pytest.approx(1, rel=1e-3)
    )
    assert half.p_value == pytest.approx(double.p_value, rel=1e-2)


def test_measure_row_count__equal_windows__spread_of_independent_events() -> None:
    usual = (10_000,) * 10
    assert measure_row_count(usual, 10_100).p_value > 0.3
    assert measure_row_count(usual, 11_000).p_value < 1e-4


@pytest.mark.parametrize(("usual", "rows"), [((), 10), ((5, 5, 5), 10), ((5, 5, 5, 5), 0)])
def test_measure_row_count__too_few_windows_or_no_row__says_nothing(
    usual: tuple[int, ...], rows: int
) -> None:
    found = measure_row_count(usual, rows)
    assert (found.p_value, found.effect_size, found.caveat) == (1.0, 0.0, FEW_WINDOWS)


def test_measure_row_count__windows_of_poisson_counts__alarms_as_often_as_the_level() -> None:
    rng = np.random.default_rng(0)
    p_values = [
        measure_row_count(tuple(counts[1:]), int(counts[0])).p_value
        for counts in rng.poisson(400, (2000, 8))
    ]
    assert np.mean(np.array(p_values) < 0.05) <= 0.05 + 3 * (0.05 * 0.95 / 2000) ** 0.5
