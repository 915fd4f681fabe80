"""Sums counts over groups of cells, and finds the cells that hold given ranks, in one pass."""

from ..arrays import FloatArray, IntArray
from .compiler import jit


@jit
def sum_groups(
    counts: IntArray,
    starts: IntArray,
    ranks: FloatArray,
    sums: IntArray,
    cells: IntArray,
    before: IntArray,
) -> None:
    """Add up counts, shape (cells,), and look up ranks, shape (r,), ascending.

    Args:
        counts: Rows of each cell.
        starts: Shape (groups,), the first cell of each group; the first is 0.
        ranks: Numbers of rows, above 0 and up to the sum of the counts.
        sums: Shape (groups,), written: the rows of each group.
        cells: Shape (r,), written: the first cell up to which there are as many rows as the rank says.
        before: Shape (r,), written: the rows in the cells before that one.
    """
    total, found = 0, 0
    for group in range(len(starts)):
        begin = total
        end = starts[group + 1] if group + 1 < len(starts) else len(counts)
        for cell in range(starts[group], end):
            reached = total + counts[cell]
            while found < len(ranks) and ranks[found] <= reached:
                cells[found], before[found] = cell, total
                found += 1
            total = reached
        sums[group] = total - begin
