"""Faults that are written into categories are named."""

from collections.abc import Callable

import numpy as np
import pytest

from algorithms.faults.fault import Certainty, FaultKind
from tests.algorithms.faults.windows import ROWS, draw, name_of, names_of

NAMES = np.array(["UA", "DL", "AA", "B6", "US", "MQ"], dtype=object)
SHARES = [0.3, 0.25, 0.2, 0.12, 0.08, 0.05]

type Column = np.ndarray


def _carriers(seed: int) -> Column:
    return draw(seed).choice(NAMES, ROWS, p=SHARES)


FAULTS: list[tuple[FaultKind, Callable[[Column], Column], str]] = [
    (FaultKind.SPELLING, lambda x: np.array([f"{n.lower()} " for n in x], object), "‘ua ’ is ‘UA’"),
    (FaultKind.RENAMED, lambda x: np.where(x == "UA", "United", x), "‘United’ is ‘UA’"),
    (FaultKind.MERGED, lambda x: np.where(x == "DL", "UA", x), "‘DL’ is ‘UA’ now"),
    (FaultKind.MERGED, lambda x: np.where((x == "DL") | (x == "AA"), "big", x), "are ‘big’ now"),
    (
        FaultKind.DEFAULT,
        lambda x: np.where(np.arange(ROWS) % 4 == 0, "unknown", x),
        "more of the rows hold ‘unknown’",
    ),
]


@pytest.mark.parametrize(("kind", "write", "words"), FAULTS)
def test_name__fault_of_categories__is_likely(
    kind: FaultKind, write: Callable[[Column], Column], words: str
) -> None:
    fault = name_of(_carriers(1), write(_carriers(2)))
    assert fault is not None
    assert (fault.kind, fault.certainty) == (kind, Certainty.LIKELY)
    assert words in fault.text


def test_name__all_categories_as_codes__is_renamed_at_once() -> None:
    codes = {name: str(place) for place, name in enumerate(NAMES)}
    fault = name_of(_carriers(1), np.array([codes[name] for name in _carriers(2)], object))
    assert fault is not None
    assert fault.kind is FaultKind.RENAMED


NATURAL: list[Callable[[Column], Column]] = [
    lambda _: draw(3).choice(NAMES, ROWS, p=[0.1, 0.25, 0.3, 0.2, 0.1, 0.05]),
    lambda x: np.where(np.arange(ROWS) % 10 == 0, "XX", x),
    lambda x: x[x != "UA"],
]


@pytest.mark.parametrize("write", NATURAL)
def test_name__natural_change_of_shares__has_none(write: Callable[[Column], Column]) -> None:
    assert names_of({"x": _carriers(1)}, {"x": write(_carriers(2))}) == {"x": None}
