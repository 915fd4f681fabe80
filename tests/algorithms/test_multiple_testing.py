import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from algorithms.multiple_testing import adjust_p_values


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjust_p_values__any_values__match_the_definition(p_values: list[float]) -> None:
    total = len(p_values)
    ranked = sorted(p_values)
    expected = [
        min(1, *(ranked[rank] * total / (rank + 1) for rank in range(total) if ranked[rank] >= p))
        for p in p_values
    ]
    assert adjust_p_values(p_values) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjust_p_values__any_values__are_those_of_scipy(p_values: list[float]) -> None:
    assert adjust_p_values(p_values) == [*stats.false_discovery_control(p_values)]


def test_adjust_p_values__none__none() -> None:
    assert adjust_p_values([]) == []
