"""Counts cells together for a picture, and interpolates quantiles, in one pass over the cells."""

from ..arrays import FloatArray, IntArray
from .compiler import jit


@jit
def draw_cells(
    counts: IntArray,
    starts: IntArray,
    edges: FloatArray,
    ends: FloatArray,
    ranks: FloatArray,
    scale: float,
    shares: IntArray,
    quantiles: FloatArray,
) -> None:
    """Sum counts, shape (cells,), by groups of cells, and find the values of ranks.

    Args:
        counts: Rows of each cell.
        starts: Shape (groups,), the first cell of each group; the first is 0.
        edges: Shape (cells − 1,), the upper ends of all cells but the last.
        ends: The least and the greatest value.
        ranks: Shape (r,), ascending numbers of rows, above 0 and up to the sum of the counts.
        scale: What a row counts.
        shares: Shape (groups,), written: the rows of each group, scaled and rounded.
        quantiles: Shape (r,), written: the value up to which there are as many rows as the rank
            says, interpolated in its cell and kept between the ends.
    """
    total, found = 0, 0
    for group in range(len(starts)):
        begin = total
        end = starts[group + 1] if group + 1 < len(starts) else len(counts)
        for cell in range(starts[group], end):
            reached = total + counts[cell]
            while found < len(ranks) and ranks[found] <= reached:
                part = (ranks[found] - total) / counts[cell]
                quantiles[found] = place_in_cell(edges, ends, cell, part)
                found += 1
            total = reached
        shares[group] = int((total - begin) * scale + 0.5)


@jit
def place_in_cell(edges: FloatArray, ends: FloatArray, cell: int, part: float) -> float:
    """The value a part of the way through a cell, between the least and the greatest value."""
    low, high = ends[0], ends[1]
    lower = max(low, edges[cell - 1]) if cell > 0 else low
    upper = min(high, edges[cell]) if cell < len(edges) else high
    # not lower + part * (upper - lower), whose difference may be larger than any float
    place = lower * (1 - part) + upper * part
    return float(min(max(place, low), high))
