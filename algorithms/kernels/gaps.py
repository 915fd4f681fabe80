"""Finds the widest gap between two distribution functions."""

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .compiler import jit


@jit
def rank_gap(gap: int) -> int:
    """Twice the size of a gap, and one more if it is positive, as of two equal ones scipy reports the positive."""
    return 2 * abs(gap) + int(gap > 0)


@jit
def gaps_at_edges(reference: IntArray, current: IntArray, n: int, m: int, gaps: IntArray) -> int:
    """The gap between two distribution functions at the start of each cell and at the end of the last.

    Args:
        reference: Shape (cells,), the reference's rows in each cell.
        current: The current window's.
        n: Rows of the reference.
        m: Rows of the current window.
        gaps: Shape (cells + 1,), overwritten, in steps of 1/(n·m), positive where the reference's function is higher.

    Returns:
        The first place at which the gap is widest.
    """
    gap, best, place = 0, 0, 0
    gaps[0] = 0
    for cell in range(len(reference)):
        gap += reference[cell] * m - current[cell] * n
        gaps[cell + 1] = gap
        if rank_gap(gap) > best:
            best, place = rank_gap(gap), cell + 1
    return place


@jit
def find_wider_cells(
    reference: IntArray, current: IntArray, n: int, m: int, gaps: IntArray, is_single: BoolArray, widest: int,
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
    for cell in range(len(reference)):
        reach = max(
            2 * (gaps[cell] + reference[cell] * m) + 1, 2 * (current[cell] * n - gaps[cell])
        )
        is_wanted[cell] = (
            reach > widest and reference[cell] > 0 and current[cell] > 0 and not is_single[cell]
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
    r, c = 0, 0
    for cell in range(len(gaps)):
        gap = gaps[cell]
        reference_end, current_end = r + in_reference[cell], c + in_current[cell]
        while r < reference_end or c < current_end:
            is_of_reference = c >= current_end or (r < reference_end and reference[r] <= current[c])
            value = reference[r] if is_of_reference else current[c]
            while r < reference_end and reference[r] == value:
                r += 1
                gap += m
            while c < current_end and current[c] == value:
                c += 1
                gap -= n
            if rank_gap(gap) > best:
                best, found, place = rank_gap(gap), gap, value
    return found, place
