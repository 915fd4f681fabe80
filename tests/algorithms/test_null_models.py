import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from algorithms.null_models import NullModel

EFFECTS = st.lists(st.floats(0.001, 1), min_size=6, max_size=40, unique=True)


@given(EFFECTS, st.floats(0, 2))
def test_p_value__any_window__is_students(effects: list[float], effect: float) -> None:
    """A window is a second sample of one, so the prediction is the two-sample t-test (Hahn & Meeker)."""
    model = NullModel.of(effects)
    assert model is not None
    expected = stats.ttest_ind([np.cbrt(effect)], np.cbrt(effects), alternative="greater").pvalue
    assert model.p_value(effect) == pytest.approx(expected, rel=1e-6, abs=1e-12)


@given(EFFECTS, st.floats(1e-6, 0.5))
def test_limit__surprise__is_the_inverse_of_the_p_value(
    effects: list[float], surprise: float
) -> None:
    model = NullModel.of(effects)
    assert model is not None
    assert model.p_value(model.limit(surprise)) == pytest.approx(surprise, rel=1e-6)


def test_p_value__chi_squared_effects__is_uniform() -> None:
    random = np.random.default_rng(2)
    drawn = random.chisquare(4, size=(2000, 13))
    found = [model.p_value(row[0]) for row in drawn if (model := NullModel.of(row[1:]))]
    assert stats.kstest(found, "uniform").pvalue > 0.01


def test_p_value__twelve_windows__is_bounded_by_what_they_carry() -> None:
    model = NullModel.of(np.linspace(0.01, 0.03, 12).tolist())
    assert model is not None
    assert 1e-12 < model.p_value(1.0) < 1e-4


@pytest.mark.parametrize(("effect", "expected"), [(0.0, 1.0), (0.1, 0.0)])
def test_p_value__windows_all_alike__leaves_it_to_the_test(effect: float, expected: float) -> None:
    model = NullModel.of([0.0] * 8)
    assert model is not None
    assert model.p_value(effect) == expected


def test_of__five_windows__tell_nothing() -> None:
    assert NullModel.of([0.1] * 5) is None
