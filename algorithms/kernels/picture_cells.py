"""Counts cells together for a picture, and interpolates quantiles, in one pass over the cells."""

import numpy as np

from ..arrays import FloatArray, IntArray
from .compiler import jit

LEVELS = np.array([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
"""Of the quantiles of a picture."""
SHARE_UNITS = 10_000
"""Shares are kept in units of 0.01 %."""


@jit
def draw_cells(
    counts: IntArray,
    starts: IntArray,
    edges: FloatArray,
    low: float,
    high: float,
    shares: IntArray,
    quantiles: FloatArray,
) -> int:
    """Sum counts, shape (cells,), by groups of cells, and find the quantiles of the rows.

    Args:
        counts: Rows of each cell.
        starts: Shape (groups,), the first cell of each group; the first is 0.
        edges: Shape (cells − 1,), the upper ends of all cells but the last.
        low: The least value.
        high: The greatest value.
        shares: Shape (groups,), written: the share of each group, in units.
        quantiles: Shape (len(LEVELS),) or longer, written: the value up to which there are as many rows
            as the level says, interpolated in its cell and kept between the ends.

    Returns:
        All rows.
    """
    rows = counts.sum()
    scale = SHARE_UNITS / rows if rows > 0 else 0.0
    total, found = 0, 0
    for group in range(len(starts)):
        begin = total
        end = starts[group + 1] if group + 1 < len(starts) else len(counts)
        for cell in range(starts[group], end):
            reached = total + counts[cell]
            while found < len(LEVELS) and LEVELS[found] * rows <= reached and reached > total:
                part = (LEVELS[found] * rows - total) / counts[cell]
                quantiles[found] = place_in_cell(edges, low, high, cell, part)
                found += 1
            total = reached
        shares[group] = int((total - begin) * scale + 0.5)
    return int(rows)


@jit
def place_in_cell(edges: FloatArray, low: float, high: float, cell: int, part: float) -> float:
    """The value a part of the way through a cell, between the least and the greatest value."""
    lower = max(low, edges[cell - 1]) if cell > 0 else low
    upper = min(high, edges[cell]) if cell < len(edges) else high
    # not lower + part * (upper - lower), whose difference may be larger than any float
    place = lower * (1 - part) + upper * part
    return float(min(max(place, low), high))
