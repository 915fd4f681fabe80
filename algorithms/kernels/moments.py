"""Sums the moments of columns, and counts their cells in the same pass."""

from typing import Any

import numpy as np

from ..arrays import FloatArray, IntArray
from .cells import BLOCK, Lookup, count_block
from .compiler import jit

LANES = 128
"""Sums that are kept side by side: they fill the processor's vectors, and are added in pairs at the end."""

# The slots of `found`, which `add_moments` adds to.
FINITE = 0
"""Rows with a finite value."""
LEAST = 1
GREATEST = 2
DISTANCES = 3
"""Σ (x − centre)."""
SQUARES = 4
"""Σ (x − centre)²."""
ROWS_BELOW = 5
"""Rows below the usual range."""
ROWS_ABOVE = 6
BELOW = 7
"""How far these rows lie below the range, in sum."""
ABOVE = 8
SLOTS = 9


def no_moments() -> FloatArray:
    """The moments of no row, shape (SLOTS,)."""
    found = np.zeros(SLOTS)
    found[LEAST], found[GREATEST] = np.inf, -np.inf
    return found


@jit
def profile_column(
    values: FloatArray, lookup: Lookup, counts: IntArray, codes: Any, centre: float, low: float, high: float,
    found: FloatArray,
) -> None:  # fmt: skip
    """Cells and moments of a column in one reading of the memory; arguments as of `count_column` and `add_moments`."""
    positions, lanes = np.empty(BLOCK, np.uint32), np.empty((4, LANES))
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        first = start if len(codes) >= len(values) else 0
        count_block(block, lookup, positions, counts, codes[first : first + len(block)])
        add_moments(block, centre, low, high, lanes, found)


@jit
def sum_moments(
    values: FloatArray, centre: float, low: float, high: float, found: FloatArray
) -> None:
    """Moments of a column, shape (n,); arguments as of `add_moments`."""
    lanes = np.empty((4, LANES))
    for start in range(0, len(values), BLOCK):
        add_moments(values[start : start + BLOCK], centre, low, high, lanes, found)


@jit
def add_moments(
    block: FloatArray, centre: float, low: float, high: float, lanes: FloatArray, found: FloatArray
) -> None:
    """Add the moments of a block's finite values to `found`.

    Each lane has its own sums, which are then added in pairs: precise, quick, and the same whatever the processor's
    vectors.

    Args:
        block: At most BLOCK values.
        centre: What distances are taken from.
        low: Nothing below it is usual.
        high: Nothing above it is.
        lanes: Shape (4, LANES), overwritten.
        found: Shape (SLOTS,), added to; the slots are named above.
    """
    finite = len(block)
    fill_lanes(block, centre, lanes)
    fold(lanes)
    # a value is not finite, or its square is not
    if not np.isfinite(lanes[1, 0]):
        finite = fill_lanes_with_finite(block, centre, lanes)
        fold(lanes)
    least, greatest = lanes[2].min(), lanes[3].max()
    found[FINITE] += finite
    found[LEAST], found[GREATEST] = min(found[LEAST], least), max(found[GREATEST], greatest)
    found[DISTANCES] += lanes[0, 0]
    found[SQUARES] += lanes[1, 0]
    if least < low or greatest > high:
        add_beyond(block, low, high, found)


@jit
def fill_lanes(block: FloatArray, centre: float, lanes: FloatArray) -> None:
    """Σ (x − centre), Σ (x − centre)², least and greatest of every LANES-th value.

    Four rows of lanes are taken at once, one after the other, so that a lane is loaded and stored a quarter as often.
    """
    distances, squares, lows, highs = lanes[0], lanes[1], lanes[2], lanes[3]
    lanes[:2], lows[:], highs[:] = 0.0, np.inf, -np.inf
    whole = len(block) // (4 * LANES) * (4 * LANES)
    for start in range(0, whole, 4 * LANES):
        a, b = block[start : start + LANES], block[start + LANES : start + 2 * LANES]
        c, d = (
            block[start + 2 * LANES : start + 3 * LANES],
            block[start + 3 * LANES : start + 4 * LANES],
        )
        for lane in range(LANES):
            w, x, y, z = a[lane] - centre, b[lane] - centre, c[lane] - centre, d[lane] - centre
            distances[lane] = distances[lane] + w + x + y + z
            squares[lane] = squares[lane] + w * w + x * x + y * y + z * z
            lows[lane] = lesser(
                lesser(lesser(lesser(lows[lane], a[lane]), b[lane]), c[lane]), d[lane]
            )
            highs[lane] = greater(
                greater(greater(greater(highs[lane], a[lane]), b[lane]), c[lane]), d[lane]
            )
    for start in range(whole, len(block), LANES):
        part = block[start : start + LANES]
        for lane in range(len(part)):
            distance = part[lane] - centre
            distances[lane] += distance
            squares[lane] += distance * distance
            lows[lane] = lesser(lows[lane], part[lane])
            highs[lane] = greater(highs[lane], part[lane])


@jit
def lesser(known: float, value: float) -> float:
    """The lesser of two, the known one if the value is NaN; a comparison, which is quicker than `min`."""
    return value if value < known else known


@jit
def greater(known: float, value: float) -> float:
    """The greater of two, the known one if the value is NaN."""
    return value if value > known else known


@jit
def fill_lanes_with_finite(block: FloatArray, centre: float, lanes: FloatArray) -> int:
    """The same of finite values alone, distances that are not finite left out; returns how many values are."""
    distances, squares, lows, highs = lanes[0], lanes[1], lanes[2], lanes[3]
    lanes[:2], lows[:], highs[:] = 0.0, np.inf, -np.inf
    finite = 0
    for row in range(len(block)):
        value, lane = block[row], row % LANES
        if not np.isfinite(value):
            continue
        finite += 1
        distance = value - centre
        distance = distance if np.isfinite(distance) else 0.0
        distances[lane] += distance
        squares[lane] += distance * distance
        lows[lane] = min(lows[lane], value)
        highs[lane] = max(highs[lane], value)
    return finite


@jit
def fold(lanes: FloatArray) -> None:
    """Add two rows of LANES sums up, in pairs, into their first columns."""
    width = LANES // 2
    while width > 0:
        for lane in range(width):
            lanes[0, lane] += lanes[0, lane + width]
            lanes[1, lane] += lanes[1, lane + width]
        width //= 2


@jit
def add_beyond(block: FloatArray, low: float, high: float, found: FloatArray) -> None:
    """Add to `found`, as of `add_moments`, what lies outside of low and high."""
    for row in range(len(block)):
        value = block[row]
        if value < low and value > -np.inf:
            found[ROWS_BELOW] += 1.0
            found[BELOW] += low - value
        elif value > high and value < np.inf:
            found[ROWS_ABOVE] += 1.0
            found[ABOVE] += value - high
