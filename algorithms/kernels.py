"""Defines the compiled loops over columns, which release the GIL; numba keeps the machine code on disk.

Indices are cast to unsigned integers because numba otherwise checks each one for Python's negative indexing; that
halves the time. There is no `fastmath`: the same values in the same order give the same bits on every machine.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
from numba import njit

from .arrays import BoolArray, FloatArray, IntArray

BLOCK = 4096
LANES = 128
MAGNITUDE = np.int64(0x7FFF_FFFF_FFFF_FFFF)


class Lookup(NamedTuple):
    """A table to find a value's cell by: its place, then as many halvings as the fullest place needs.

    Attributes:
        is_linear: Whether the table's steps are equal, or grow with the distance from the origin.
        origin: Where a linear table begins, or the centre of a logarithmic one.
        scale: Places to a unit, of a linear table.
        shift: Bits of a float that do not tell its place, of a logarithmic table.
        lowest: What the other bits of its least distance are.
        size: Places in the table.
        first: Shape (size,), the edges that lie below every value at a place.
        edges: Ascending, with enough +inf at the end for a search to stay inside.
        halvings: The fullest place holds less than 2**halvings edges.
    """

    is_linear: bool
    origin: float
    scale: float
    shift: int
    lowest: int
    size: int
    first: Any
    edges: FloatArray
    halvings: int


def jit[F: Callable[..., Any]](function: F) -> F:
    """Compile at the first call of each signature, or load what an earlier process compiled."""
    return cast("F", njit(nogil=True, cache=True)(function))


def jit_brief[F: Callable[..., Any]](function: F) -> F:
    """The same of what takes microseconds, for which it keeps the GIL: to get it back could take longer."""
    return cast("F", njit(cache=True)(function))


@jit
def linear_positions(
    values: FloatArray, offset: float, scale: float, size: int, positions: Any
) -> None:
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
    for row in range(len(values)):
        bits = np.float64(values[row] - centre + 0.0).view(np.int64)  # adding 0 turns −0 into 0
        step = ((bits & MAGNITUDE) >> np.int64(shift)) - np.int64(lowest)
        step = min(max(step, np.int64(0)), half - np.int64(1))
        positions[row] = np.uint32(half + (step ^ (bits >> np.int64(63))))


@jit
def find_positions(values: FloatArray, table: Lookup, positions: Any) -> None:
    """Places of values, shape (n,), in a table, which needs no edges yet."""
    if table.is_linear:
        linear_positions(values, table.origin, table.scale, table.size, positions)
    else:
        logarithmic_positions(
            values, table.origin, table.shift, table.lowest, table.size, positions
        )


@jit
def find_cells(
    values: FloatArray, positions: Any, first: Any, edges: FloatArray, halvings: int, codes: Any
) -> None:
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
    nans, last = 0, np.uint64(len(counts) - 1)
    for row in range(len(values)):
        nans += int(values[row] != values[row])
    if nans:
        for row in range(len(values)):
            codes[row] = np.uint64(codes[row]) if values[row] == values[row] else last
    for row in range(len(codes)):
        counts[np.uint64(codes[row])] += 1


@jit
def count_block(
    block: FloatArray, lookup: Lookup, positions: Any, counts: IntArray, codes: Any
) -> None:
    """Add a block's cells to `counts`, shape (cells + 1,), and write them to `codes`; `positions` is overwritten."""
    place = positions[: len(block)]
    find_positions(block, lookup, place)
    find_cells(block, place, lookup.first, lookup.edges, lookup.halvings, codes)
    count_codes(block, codes, counts)


@jit
def count_column(values: FloatArray, lookup: Lookup, counts: IntArray, codes: Any) -> None:
    """Cells of a column, shape (n,), block by block so that each stays in the processor's first cache.

    Args:
        values: The column.
        lookup: The grid's.
        counts: Shape (cells + 1,), added to; NaN in the last.
        codes: Shape (n,), overwritten with each value's cell, or a block's length if the caller does not need them.
    """
    positions = np.empty(BLOCK, np.uint32)
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        first = start if len(codes) >= len(values) else 0
        count_block(block, lookup, positions, counts, codes[first : first + len(block)])


@jit
def count_places(values: FloatArray, table: Lookup, counts: Any, places: Any) -> None:
    """Places of a column, shape (n,), in a table; arguments as of `count_column`, with places for cells."""
    for start in range(0, len(values), BLOCK):
        block, place = values[start : start + BLOCK], places[start : start + BLOCK]
        find_positions(block, table, place)
        count_codes(block, place, counts)


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
        found: Shape (9,): how many values, the least and the greatest, Σ (x − centre), Σ (x − centre)², how many lie
            below low and above high, and how far, in sum, on either side.
    """
    finite = len(block)
    fill_lanes(block, centre, lanes)
    fold(lanes)
    if not np.isfinite(
        lanes[1, 0]
    ):  # something that is not finite is among them, or squares to no finite number
        finite = fill_lanes_with_finite(block, centre, lanes)
        fold(lanes)
    least, greatest = lanes[2].min(), lanes[3].max()
    found[0] += finite
    found[1], found[2] = min(found[1], least), max(found[2], greatest)
    found[3] += lanes[0, 0]
    found[4] += lanes[1, 0]
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
            found[5] += 1.0
            found[7] += low - value
        elif value > high and value < np.inf:
            found[6] += 1.0
            found[8] += value - high


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
def count_indices(indices: Any, counts: IntArray) -> None:
    """Add each index, shape (n,), of a dictionary to `counts`."""
    for row in range(len(indices)):
        counts[np.uint64(indices[row])] += 1


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


@jit
def rank_gap(gap: int) -> int:
    """Twice the size of a gap, and one more if it is positive, as of two equal ones scipy reports the positive."""
    return 2 * abs(gap) + int(gap > 0)


@jit
def gaps_at_edges(before: IntArray, after: IntArray, n: int, m: int, gaps: IntArray) -> int:
    """The gap between two distribution functions at the start of each cell and at the end of the last.

    Args:
        before: Shape (cells,), the reference's rows in each cell.
        after: The current window's.
        n: Rows of the reference.
        m: Rows of the current window.
        gaps: Shape (cells + 1,), overwritten, in steps of 1/(n·m), positive where the reference's function is higher.

    Returns:
        The first place at which the gap is widest.
    """
    gap, best, place = 0, 0, 0
    gaps[0] = 0
    for cell in range(len(before)):
        gap += before[cell] * m - after[cell] * n
        gaps[cell + 1] = gap
        if rank_gap(gap) > best:
            best, place = rank_gap(gap), cell + 1
    return place


@jit
def find_wider_cells(
    before: IntArray, after: IntArray, n: int, m: int, gaps: IntArray, is_single: BoolArray, widest: int,
    is_wanted: BoolArray,
) -> int:  # fmt: skip
    """Mark the cells inside which the gap may be wider than at any edge, where both windows have rows that may differ.

    Args:
        is_single: Shape (cells,), which cells have room for one float only; other arguments as of `gaps_at_edges`.
        widest: The rank of the widest gap at an edge.
        is_wanted: Shape (cells,), overwritten.

    Returns:
        The highest rank that a gap may reach in any of them, 0 if there is none.
    """
    highest = 0
    for cell in range(len(before)):
        reach = max(2 * (gaps[cell] + before[cell] * m) + 1, 2 * (after[cell] * n - gaps[cell]))
        is_wanted[cell] = (
            reach > widest and before[cell] > 0 and after[cell] > 0 and not is_single[cell]
        )
        if is_wanted[cell]:
            highest = max(highest, reach)
    return highest


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
        widest: The rank of the widest gap known.

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
            if rank_gap(gap) > best:
                best, found, place = rank_gap(gap), gap, value
    return found, place
