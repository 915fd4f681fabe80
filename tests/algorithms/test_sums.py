from fractions import Fraction
from functools import reduce
from math import fsum
from operator import add
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithms.sums import ExactSum

finite = st.floats(allow_nan=False, allow_infinity=False)


def total(values: list[float]) -> ExactSum:
    return reduce(add, map(ExactSum.of, values), ExactSum())


@given(st.lists(finite, max_size=30), st.randoms())
def test_exact_sum__any_floats_in_any_order__the_rational_sum(
    values: list[float], random: Any
) -> None:
    found, shuffled = total(values), total(random.sample(values, len(values)))
    assert found == shuffled
    assert found.units == sum(map(Fraction, values)) * 2**1074


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=30))
def test_over__one__the_correctly_rounded_sum(values: list[float]) -> None:
    assert total(values).over(1) == fsum(values)


@given(st.lists(finite, min_size=1, max_size=30), st.integers(1, 10**9))
def test_over__any_count__the_rational_mean_rounded_once(values: list[float], count: int) -> None:
    try:
        expected: float | None = float(sum(map(Fraction, values)) / count)
    except OverflowError:
        expected = None
    assert total(values).over(count) == expected


@given(
    st.lists(finite, max_size=5),
    st.sampled_from([float("inf"), float("-inf"), float("nan")]),
    st.randoms(),
)
def test_exact_sum__one_not_finite__has_no_sum(
    values: list[float], odd: float, random: Any
) -> None:
    everything = [*values, odd]
    random.shuffle(everything)
    assert total(everything) == ExactSum(None)
    assert total(everything).over(1) is None


def test_over__no_rows__none() -> None:
    assert ExactSum().over(0) is None


def test_over__sum_beyond_the_largest_float__none_but_the_mean_is_there() -> None:
    doubled = ExactSum.of(1.5e308) + ExactSum.of(1.5e308)
    assert doubled.over(1) is None
    assert doubled.over(2) == 1.5e308


@pytest.mark.parametrize("value", [0.0, -0.0, 5e-324, -5e-324, 1.7976931348623157e308, 0.1])
def test_exact_sum__one_float__comes_back(value: float) -> None:
    assert ExactSum.of(value).over(1) == value
