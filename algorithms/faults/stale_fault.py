"""Names a stale copy: a window that holds the very values of the window before."""

from collections.abc import Sequence
from typing import Any

from ..pictures import QUANTILES
from .fault import Fault, FaultKind

FEWEST_ROWS = 200
FEWEST_VALUES = 5
"""Different quantiles and ends; features with fewer can look alike by chance."""
ENDS = 2

type Drawn = Sequence[Any]


def is_stale(now: Drawn, before: Drawn) -> bool:
    """True if two windows have the same picture, and that is no chance.

    Args:
        now: The picture of a numeric feature, as a list: its rows, missing rows, shares, quantiles and ends.
        before: The picture of the window before, on the same cells.
    """
    places = now[-len(QUANTILES) - ENDS :]
    values = {place for place in places if place is not None}
    is_rich = bool(now) and isinstance(now[0], int) and now[0] >= FEWEST_ROWS
    return is_rich and len(values) >= FEWEST_VALUES and list(now) == list(before)


def stale_fault() -> Fault:
    """The fault of a feature that is a stale copy."""
    words = "a stale copy: the rows have the very values of the window before"
    return Fault.likely(FaultKind.STALE, words)
