"""Faults that are written into numbers are named; numpy writes them."""

from collections.abc import Callable

import numpy as np
import pytest

from algorithms.faults.fault import Certainty, FaultKind
from tests.algorithms.faults.windows import ROWS, draw, name_of, names_of

type Column = np.ndarray


def _prices(seed: int) -> Column:
    """Prices in units, with two decimals."""
    return np.round(draw(seed).lognormal(3, 0.6, ROWS), 2)


def _lengths(seed: int) -> Column:
    return draw(seed).gamma(9, 2, ROWS)


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (100, "× 100 (a share to percent, or units to cents)"),
        (0.01, "× 0.01 (percent to a share, or cents to units)"),
        (1.609344, "× 1.609 (miles to kilometres)"),
        (1 / 1.609344, "× 0.6214 (kilometres to miles)"),
        (1_000, "× 1000 (thousands to units, as kilograms to grams)"),
        (1_024, "× 1024 (kibibytes to bytes)"),
        (60, "× 60 (minutes to seconds, or hours to minutes)"),
        (1 / 60, "× 0.01667 (seconds to minutes, or minutes to hours)"),
    ],
)
def test_name__another_unit_of_prices__is_likely(factor: float, words: str) -> None:
    fault = name_of(_prices(1), _prices(2) * factor)
    assert fault is not None
    assert (fault.kind, fault.certainty) == (FaultKind.SCALE, Certainty.LIKELY)
    assert fault.text == f"looks like {words}"


def test_name__thousands_rounded_to_three_decimals__is_a_thousandth() -> None:
    fault = name_of(_prices(1), np.round(_prices(2) / 1_000, 3))
    assert fault is not None
    assert fault.text == "looks like × 0.001 (units to thousands, as grams to kilograms)"


@pytest.mark.parametrize("factor", [1.7, 2.3, 3.4, 9.0])
@pytest.mark.parametrize("column", [_prices, _lengths])
def test_name__factor_that_is_no_unit__is_a_possible_factor(
    factor: float, column: Callable[[int], Column]
) -> None:
    fault = name_of(column(1), column(2) * factor)
    assert fault is not None
    assert (fault.kind, fault.certainty) == (FaultKind.SCALE, Certainty.POSSIBLE)
    assert abs(float(fault.text.split()[-1]) / factor - 1) < 0.06


@pytest.mark.parametrize("factor", [1.7, 2.3, 3.3, 9.0])
def test_name__factor_of_exponential_numbers__is_never_a_unit(factor: float) -> None:
    columns = [(draw(s).exponential(5, ROWS), draw(99 + s).exponential(5, ROWS)) for s in range(20)]
    faults = [name_of(before, after * factor) for before, after in columns]
    units = [each for each in faults if each and each.certainty is Certainty.LIKELY]
    # 3.3 is 0.6 % from metres to feet, which 3,000 numbers without a step can't tell apart
    assert not units or factor == 3.3


FAULTS: list[tuple[FaultKind, Callable[[Column], Column]]] = [
    (FaultKind.OFFSET, lambda column: column + 273.15),
    (FaultKind.OFFSET, lambda column: column * 1.8 + 32),
    (FaultKind.SIGN, lambda column: -column),
    (FaultKind.LOG, np.log1p),
    (FaultKind.LOG, np.log10),
    (FaultKind.CLIP, lambda column: np.minimum(column, np.quantile(column, 0.85))),
    (FaultKind.CLIP, lambda column: np.maximum(column, np.quantile(column, 0.2))),
    (FaultKind.FILL, lambda column: np.where(np.arange(ROWS) % 7 == 0, -999, column)),
    (FaultKind.FILL, lambda column: np.where(np.arange(ROWS) % 7 == 0, 0, column)),
    (FaultKind.FILL, lambda column: np.zeros(len(column))),
    (FaultKind.ROUNDING, lambda column: np.round(column, -1)),
    (FaultKind.ROUNDING, lambda column: np.floor(column / 10) * 10),
]


@pytest.mark.parametrize(("kind", "write"), FAULTS)
def test_name__fault_of_lengths__is_likely(
    kind: FaultKind, write: Callable[[Column], Column]
) -> None:
    fault = name_of(_lengths(1), write(_lengths(2)))
    assert fault is not None
    assert (fault.kind, fault.certainty) == (kind, Certainty.LIKELY)


def test_name__logarithm_no_longer_taken__is_a_logarithm() -> None:
    fault = name_of(np.log(_lengths(1)), _lengths(2))
    assert fault is not None
    assert fault.text == "looks like values whose natural logarithm was taken before"


def test_name__hours_of_another_time_zone__says_by_how_many() -> None:
    before, after = (draw(seed).normal(13, 4, ROWS).astype(int).clip(0, 23) for seed in (1, 2))
    fault = name_of(before, (after + 5) % 24)
    assert fault is not None
    assert fault.text == "looks like another time zone, +5 hours"


def test_name__instants_of_another_time_zone__says_by_how_many() -> None:
    seconds = [1_700_000_000 + draw(s).integers(0, 7_200, ROWS) for s in (1, 2)]
    before, after = (each.astype("datetime64[s]") for each in seconds)
    fault = name_of(before, after - np.timedelta64(5, "h"))
    assert fault is not None
    assert "another time zone, -5 hours" in fault.text


def test_name__two_columns_swapped__names_the_other() -> None:
    columns = [(_lengths(seed), draw(seed).normal(50, 1, ROWS)) for seed in (1, 2)]
    (a, b), (c, d) = columns
    faults = names_of({"a": a, "b": b}, {"a": d, "b": c})
    texts = {name: fault.text for name, fault in faults.items() if fault}
    swap = "looks like a swap with the column ‘{}’"
    assert texts == {"a": swap.format("b"), "b": swap.format("a")}


NATURAL: list[Callable[[Column], Column]] = [
    lambda column: column * 1.3,
    lambda column: column + 0.5 * column.std(),
    lambda column: column + 2 * column.std(),
    lambda column: column * 0.8 + 4,
    lambda column: np.concatenate([column[: ROWS // 2], column[ROWS // 2 :] * 2]),
    lambda column: column[column < np.quantile(column, 0.7)],
    lambda column: column + draw(5).normal(0, 9, len(column)),
]


@pytest.mark.parametrize("write", NATURAL)
def test_name__natural_change__has_none(write: Callable[[Column], Column]) -> None:
    after = write(_lengths(2))
    assert names_of({"x": _lengths(1)}, {"x": after}) == {"x": None}
