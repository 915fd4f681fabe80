"""Finds and counts the cells of values.

Indices are cast to unsigned integers because numba otherwise checks each one for Python's negative indexing; that
halves the time.
"""

from typing import Any, NamedTuple

import numpy as np

from ..arrays import FloatArray, IntArray
from .compiler import jit

BLOCK = 4096
"""Values that are taken at once, so that they and their cells stay in the processor's first cache."""
MAGNITUDE = np.int64(0x7FFF_FFFF_FFFF_FFFF)
"""All bits of a float but its sign."""


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
def count_indices(indices: Any, counts: IntArray) -> None:
    """Add each index, shape (n,), of a dictionary to `counts`."""
    for row in range(len(indices)):
        counts[np.uint64(indices[row])] += 1


@jit
def count_chosen(codes: Any, rows: IntArray, counts: IntArray) -> None:
    """Add the codes of some rows to `counts`; no code lies beyond it, and no row beyond the codes."""
    for place in range(len(rows)):
        counts[np.uint64(codes[np.uint64(rows[place])])] += 1
