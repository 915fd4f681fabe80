"""Compiled loops over columns. They release the GIL, and what numba compiled is kept on disk between processes.

Indices are cast to unsigned integers because numba otherwise checks each one for Python's negative indexing; that
halves the time. There is no `fastmath`: the same values in the same order give the same bits on every machine.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from numba import njit

type FloatArray = npt.NDArray[np.float64]
type IntArray = npt.NDArray[np.int64]
type BoolArray = npt.NDArray[np.bool_]
type CodeArray = npt.NDArray[np.unsignedinteger[Any]]

BLOCK = 4096
LANES = 32
MAGNITUDE = np.int64(0x7FFF_FFFF_FFFF_FFFF)


def jit[F: Callable[..., Any]](function: F) -> F:
    """Compile at the first call of each signature, or load what an earlier process compiled."""
    return cast("F", njit(nogil=True, cache=True)(function))


@jit
def linear_positions(values: FloatArray, offset: float, scale: float, size: int, positions: Any) -> None:
    """Places of values, shape (n,), in a table of `size` equal steps from `offset`, clamped; NaN comes first."""
    top = np.float64(size - 1)
    for row in range(len(values)):
        place = (values[row] - offset) * scale
        place = place if place > 0.0 else 0.0
        place = place if place < top else top
        positions[row] = np.uint32(np.int64(place))


@jit
def logarithmic_positions(
    values: FloatArray, centre: float, shift: int, lowest: int, size: int, positions: Any
) -> None:
    """Places in a table whose steps grow with the distance from `centre`, by octaves and equal parts of an octave.

    A float's first bits are its exponent and the head of its mantissa, so equal steps of them are nearly equal steps of
    its logarithm. What lies below the centre takes the lower half of the table, mirrored.
    """
    half = np.int64(size // 2)
    bits = (values - centre + 0.0).view(np.int64)  # adding 0 turns −0 into 0
    for row in range(len(values)):
        step = ((bits[row] & MAGNITUDE) >> np.int64(shift)) - np.int64(lowest)
        step = min(max(step, np.int64(0)), half - np.int64(1))
        positions[row] = np.uint32(half + (step ^ (bits[row] >> np.int64(63))))


@jit
def find_cells(values: FloatArray, positions: Any, first: Any, edges: FloatArray, halvings: int, codes: Any) -> None:
    """The number of edges below each value, found from its place by as many halvings as the fullest place needs.

    Args:
        values: Shape (n,).
        positions: Shape (n,), places in the table.
        first: Shape (table,), the edges that lie below every value at a place.
        edges: Ascending, with enough +inf at the end for a search to stay inside.
        halvings: The fullest place holds less than 2**halvings edges.
        codes: Shape (n,), unsigned, overwritten; NaN has no edge below it.
    """
    for row in range(len(values)):
        value = values[row]
        cell = np.uint64(first[np.uint64(positions[row])])
        for halving in range(halvings - 1, 0, -1):
            stride = np.uint64(1) << np.uint64(halving)
            cell += stride * np.uint64(edges[cell + stride - np.uint64(1)] < value)
        codes[row] = cell + np.uint64(edges[cell] < value)


@jit
def count_codes(values: FloatArray, codes: Any, counts: Any) -> None:
    """Add the values' cells to `counts`, shape (cells + 1,); NaN is counted, and coded, as the last."""
    last = np.uint64(len(counts) - 1)
    for row in range(len(values)):
        code = np.uint64(codes[row]) if values[row] == values[row] else last
        codes[row] = code
        counts[code] += np.int64(1)


@jit
def count_linear(
    values: FloatArray, offset: float, scale: float, size: int, first: Any, edges: FloatArray, halvings: int,
    counts: Any, codes: Any,
) -> None:  # fmt: skip
    """Cells of a column by a linear table, block by block so that each stays in the processor's first cache."""
    positions = np.empty(BLOCK, np.uint32)
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        place = positions[: len(block)]
        linear_positions(block, offset, scale, size, place)
        find_cells(block, place, first, edges, halvings, codes[start : start + BLOCK])
        count_codes(block, codes[start : start + BLOCK], counts)


@jit
def count_logarithmic(
    values: FloatArray, centre: float, shift: int, lowest: int, size: int, first: Any, edges: FloatArray,
    halvings: int, counts: Any, codes: Any,
) -> None:  # fmt: skip
    """Cells of a column by a logarithmic table."""
    positions = np.empty(BLOCK, np.uint32)
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        place = positions[: len(block)]
        logarithmic_positions(block, centre, shift, lowest, size, place)
        find_cells(block, place, first, edges, halvings, codes[start : start + BLOCK])
        count_codes(block, codes[start : start + BLOCK], counts)


@jit
def fold(buffer: FloatArray) -> float:
    """The sum of a buffer of BLOCK values, in pairs: precise, quick, and the same whatever the processor's vectors."""
    width = BLOCK // 2
    while width > 0:
        for row in range(width):
            buffer[row] += buffer[row + width]
        width //= 2
    return float(buffer[0])


@jit
def sum_moments(values: FloatArray, centre: float) -> tuple[float, float]:
    """Sums of x − centre and of its square over the finite values, shape (n,)."""
    distances, squares = np.zeros(BLOCK), np.zeros(BLOCK)
    total, square = 0.0, 0.0
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        for row in range(len(block)):
            distance = block[row] - centre
            distance = distance if distance - distance == 0.0 else 0.0
            distances[row] = distance
            squares[row] = distance * distance
        distances[len(block) :] = 0.0
        squares[len(block) :] = 0.0
        total += fold(distances)
        square += fold(squares)
    return total, square


@jit
def sum_beyond(values: FloatArray, low: float, high: float) -> tuple[int, int, float, float]:
    """How many finite values, shape (n,), lie below `low` and above `high`, and how far, in sum, on either side."""
    rows_below, rows_above, below, above = 0, 0, 0.0, 0.0
    for row in range(len(values)):
        value = values[row]
        if value < low and value > -np.inf:
            rows_below += 1
            below += low - value
        elif value > high and value < np.inf:
            rows_above += 1
            above += value - high
    return rows_below, rows_above, below, above


@jit
def select(values: FloatArray, codes: Any, is_wanted: Any, selected: FloatArray, count: int) -> int:
    """Append the values, shape (n,), whose cell is wanted to the first `count` of `selected`; returns the new count.

    Every value is written and only the wanted ones are counted, as a branch would be mispredicted too often; so
    `selected` has room for one more than will be wanted.
    """
    place = np.uint64(count)
    for row in range(len(values)):
        selected[place] = values[row]
        place += np.uint64(is_wanted[np.uint64(codes[row])])
    return int(place)


@jit
def count_indices(indices: Any, counts: IntArray) -> None:
    """Add each index, shape (n,), of a dictionary to `counts`."""
    for row in range(len(indices)):
        counts[np.uint64(indices[row])] += 1


@jit
def largest_up_to(values: FloatArray, limit: float) -> float:
    """The largest value, shape (n,), that is not above the limit; −inf if there is none.

    Each lane keeps its own, as a single one would make every row wait for the row before.
    """
    lanes = np.full(LANES, -np.inf)
    whole = len(values) // LANES * LANES
    for start in range(0, whole, LANES):
        for lane in range(LANES):
            value = values[start + lane]
            lanes[lane] = value if lanes[lane] < value <= limit else lanes[lane]
    for row in range(whole, len(values)):
        value = values[row]
        lanes[0] = value if lanes[0] < value <= limit else lanes[0]
    return float(lanes.max())


@jit
def widest_gap_inside(
    reference: FloatArray, current: FloatArray, in_reference: IntArray, in_current: IntArray, gaps: IntArray,
    n: int, m: int, widest: int,
) -> tuple[int, float]:  # fmt: skip
    """The widest gap between two distribution functions inside some cells, in steps of 1/(n·m).

    Args:
        reference: The reference's values in those cells, ascending.
        current: The current window's.
        in_reference: Shape (k,), how many of the values each cell holds.
        in_current: The same of the current window.
        gaps: Shape (k,), the gap just before each cell, positive where the reference's function is the higher one.
        n: Rows of the reference.
        m: Rows of the current window.
        widest: The rank of the widest gap known: twice its size, and one more if it is positive, as of two equal
            ones scipy reports the positive.

    Returns:
        The widest gap, signed, if it outranks the one known, else 0; and the value at which it is.
    """
    best, found, place = widest, 0, np.nan
    left, right = 0, 0
    for cell in range(len(gaps)):
        gap = gaps[cell]
        left_end, right_end = left + in_reference[cell], right + in_current[cell]
        while left < left_end or right < right_end:
            if right >= right_end or (left < left_end and reference[left] <= current[right]):
                value = reference[left]
            else:
                value = current[right]
            while left < left_end and reference[left] == value:
                left += 1
                gap += m
            while right < right_end and current[right] == value:
                right += 1
                gap -= n
            rank = 2 * abs(gap) + np.int64(gap > 0)
            if rank > best:
                best, found, place = rank, gap, value
    return found, place
