import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithms.charts.scales import Scale, nice_step, scale_of, short, spread_out

FINITE = st.floats(-1e12, 1e12)


@pytest.mark.parametrize(("value", "place"), [(0, 100), (10, 300), (5, 200), (-5, 100), (50, 300)])
def test_place__value__lies_between_the_ends(value: float, place: float) -> None:
    assert Scale(0, 10, 100, 300).place(value) == place


@given(st.lists(st.one_of(FINITE, st.none(), st.just(math.inf), st.just(math.nan)), max_size=8))
def test_scale_of__any_values__has_room_and_holds_all_finite(values: list[float | None]) -> None:
    scale = scale_of(values, 0, 100)
    known = [value for value in values if value is not None and math.isfinite(value)]
    assert scale.low < scale.high
    assert all(scale.low <= value <= scale.high for value in known)
    assert 1 <= len(scale.ticks()) <= 12


@pytest.mark.parametrize("values", [[1.797e308] * 2, [-1.7e308, 1.7e308], [0.0, 5e-324], [0.0]])
def test_scale_of__ends_of_the_floats__are_finite_and_drawn(values: list[float | None]) -> None:
    scale = scale_of(values, 0, 100)
    assert 0 < scale.high - scale.low < math.inf
    assert all(0 <= scale.place(value) <= 100 for value in [*values, *scale.ticks()] if value)


@pytest.mark.parametrize(
    ("rough", "step"), [(0.9, 1), (1.0, 1), (1.1, 2), (2.1, 2.5), (3, 5), (7, 10), (0.03, 0.05)]
)
def test_nice_step__rough_step__is_the_next_round_one(rough: float, step: float) -> None:
    assert nice_step(rough) == pytest.approx(step)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (0.0, "0"),
        (-12.0, "−12"),
        (0.051234, "0.0512"),
        (1000, "1000"),
        (999.9999, "1000"),
        (-2500.4, "−2500"),
        (12_345, "12.3k"),
        (1_300_000, "1.3M"),
        (2.5e9, "2.5G"),
        (1e-7, "1e-7".replace("-", "−")),
    ],
)
def test_short__value__has_few_letters(value: float | None, words: str) -> None:
    assert short(value) == words


def test_spread_out__crowded_places__keeps_those_that_fit() -> None:
    assert spread_out([0, 3, 6, 11, 12, 25], least=10) == [0, 3, 5]
