"""Distances from an origin are the floats nearest to the exact differences, in every type."""

from collections.abc import Callable, Sequence
from decimal import Context, Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms.origins import choose_origin, distances_from, with_origin

BASE = 2**60
DIGITS = Context(prec=100)

type Make = Callable[[Sequence[int]], pa.Array]

TYPES: dict[str, tuple[int, int, Make]] = {
    "int64": (-(2**63), 2**63 - 1, lambda v: pa.array(v, pa.int64())),
    "uint64": (0, 2**64 - 1, lambda v: pa.array(v, pa.uint64())),
    "int32": (-(2**31), 2**31 - 1, lambda v: pa.array(v, pa.int32())),
    "decimal(20, 0)": (
        1 - 10**20,
        10**20 - 1,
        lambda v: pa.array([Decimal(x) for x in v], pa.decimal128(20, 0)),
    ),
    "decimal(60, 0)": (
        1 - 10**60,
        10**60 - 1,
        lambda v: pa.array([Decimal(x) for x in v], pa.decimal256(60, 0)),
    ),
}


def nearest_float(exact: Fraction) -> float:
    """The nearest float: Python rounds the quotient of two whole numbers once."""
    return exact.numerator / exact.denominator


@pytest.mark.parametrize("name", TYPES)
@settings(max_examples=40, deadline=None)
@given(data=st.data(), origin=st.integers(-(2**64), 2**64))
def test_distances_from__whole_numbers__nearest_float(
    name: str, data: st.DataObject, origin: int
) -> None:
    low, high, make = TYPES[name]
    origin = int(float(origin))
    near = st.integers(max(low, min(high, origin - 9)), min(high, max(low, origin + 9)))
    values = data.draw(st.lists(st.integers(low, high) | near, max_size=30))
    expected = [nearest_float(Fraction(value) - origin) for value in values]
    column = pa.concat_arrays([make(values), pa.nulls(1, make([]).type)])
    found = distances_from(origin, column).tolist()
    assert found[:-1] == expected
    assert np.isnan(found[-1])


@settings(max_examples=40, deadline=None)
@given(unscaled=st.lists(st.integers(-(10**30), 10**30), max_size=20), scale=st.integers(0, 9))
def test_distances_from__decimals_with_fractions__nearest_float(
    unscaled: list[int], scale: int
) -> None:
    values = [Decimal(value).scaleb(-scale, DIGITS) for value in unscaled]
    column = pa.array(values, pa.decimal128(38, scale))
    expected = [nearest_float(Fraction(value) - BASE) for value in values]
    assert distances_from(BASE, column).tolist() == expected


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_distances_from__floats__nearest_float(values: list[float]) -> None:
    exact = [max(-1e300, min(1e300, value)) for value in values]
    expected = [nearest_float(Fraction(value) - BASE) for value in exact]
    assert distances_from(BASE, pa.array(exact, pa.float64())).tolist() == expected


@settings(max_examples=40, deadline=None)
@given(distance=st.integers(-(2**53), 2**53))
def test_with_origin__whole_distance__exact(distance: int) -> None:
    assert with_origin(BASE, float(distance)) == BASE + distance


def test_choose_origin__rare_far_value_first__median_of_the_wide_ones() -> None:
    ids = [2**63 - 1, *range(BASE, BASE + 2000)]
    origin = choose_origin([pa.array(ids, pa.int64())], is_all=False)
    assert origin is not None
    assert abs(origin - BASE) < 2**12


@settings(max_examples=30, deadline=None)
@given(cut=st.integers(1, 3000), seed=st.integers(0, 2**20))
def test_choose_origin__column_in_two_pieces__same_origin(cut: int, seed: int) -> None:
    ids = pa.array(BASE + np.random.default_rng(seed).integers(0, 2**55, 3000))
    whole = choose_origin([ids], is_all=True)
    assert choose_origin([ids.slice(0, cut), ids.slice(cut)], is_all=True) == whole
