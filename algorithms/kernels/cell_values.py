"""Selects values by their cells."""

from typing import Any

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .compiler import jit

LANES = 128
"""Maxima that are kept side by side, so that no row waits for the row before."""


@jit
def select(
    values: FloatArray, codes: Any, is_wanted: Any, selected: FloatArray, count: int, are_few: bool
) -> int:
    """Append the values, shape (n,), whose cell is wanted to the first `count` of `selected`; returns the new count.

    Where few are wanted, a branch is foreseen and spares reading the others. Else it would be mispredicted too often:
    every value is written and only the wanted ones are counted, so `selected` has room for one more than will be.
    """
    place = np.uint64(count)
    if are_few:
        for row in range(len(values)):
            if is_wanted[np.uint64(codes[row])]:
                selected[place] = values[row]
                place += np.uint64(1)
        return int(place)
    for row in range(len(values)):
        selected[place] = values[row]
        place += np.uint64(is_wanted[np.uint64(codes[row])])
    return int(place)


@jit
def widen_ranges(
    values: FloatArray, codes: Any, is_wanted: BoolArray, lows: FloatArray, highs: FloatArray
) -> None:
    """The least and the greatest of the values, shape (n,), in each wanted cell; lows and highs, shape (cells,)."""
    for row in range(len(values)):
        code = np.uint64(codes[row])
        if is_wanted[code]:
            lows[code] = min(lows[code], values[row])
            highs[code] = max(highs[code], values[row])


@jit
def take_cells(
    values: FloatArray, counts: IntArray, is_wanted: BoolArray, taken: FloatArray
) -> None:
    """Copy from ascending values those of the wanted cells; `counts`, shape (cells,), says how many each cell holds."""
    end, place = 0, 0
    for cell in range(len(counts)):
        start, end = end, end + counts[cell]
        if is_wanted[cell]:
            taken[place : place + counts[cell]] = values[start:end]
            place += counts[cell]


@jit
def largest_below(values: FloatArray, codes: Any, end: int) -> float:
    """The largest value, shape (n,), whose code is below `end`; −inf if there is none.

    Each lane keeps its own, as a single one would make every row wait for the row before.
    """
    lanes = np.full(LANES, -np.inf)
    whole = len(values) // LANES * LANES
    for start in range(0, whole, LANES):
        for lane in range(LANES):
            value = values[start + lane]
            lanes[lane] = (
                value if lanes[lane] < value and codes[start + lane] < end else lanes[lane]
            )
    for row in range(whole, len(values)):
        lanes[0] = values[row] if lanes[0] < values[row] and codes[row] < end else lanes[0]
    return float(lanes.max())
