"""Computes the 1-Wasserstein distance between two windows counted in the same ordered cells."""

import numpy as np

from ..arrays import FloatArray, IntArray
from .windows import counted_rows


def wasserstein(
    edges: FloatArray,
    reference_counts: IntArray,
    current_counts: IntArray,
    *,
    minimum: float,
    maximum: float,
    below: float,
    above: float,
    rows_below: int = 0,
    rows_above: int = 0,
) -> float:
    """∫|F_reference − F_current| dx, in the values' unit, with each distribution function linear within a cell.

    Exact for what lies beyond the reference's range, and where no cell holds both rows and width; `wasserstein_error`
    bounds the rest. Agrees with `scipy.stats.wasserstein_distance` to that. Wide cells in a long tail cost most: the
    straight line spreads their rows evenly, so the grid should have edges there by width, not by rows alone.

    Args:
        edges: Shape (k − 1,), ascending; cell i holds edges[i−1] < x <= edges[i], the outermost are open.
        reference_counts: Shape (k,), rows in each cell.
        current_counts: Shape (k,), the same.
        minimum: The reference's least value, finite.
        maximum: The reference's greatest value, finite.
        below: Mean over all current rows of how far each lies below `minimum`, 0 for one that does not.
        above: Mean over all current rows of how far each lies above `maximum`.
        rows_below: Current rows below `minimum`; in the first cell they count as lying at `minimum`. Not needed, like
            `rows_above`, where the grid has an edge there, so that they have the outermost cell to themselves.
        rows_above: Current rows above `maximum`.

    Raises:
        InsufficientData: If a window's counts are all zero.
    """
    rows = counted_rows(reference_counts, current_counts)[1]
    gaps = np.cumsum(_shares(current_counts) - _shares(reference_counts))[:-1]
    left, right = np.append(rows_below / rows, gaps), np.append(gaps, -rows_above / rows)
    inside = _widths(edges, minimum, maximum) @ _mean_gaps(left, right)
    return float(inside) + below + above


def _mean_gaps(left: FloatArray, right: FloatArray) -> FloatArray:
    """The mean of |gap| over each cell, in which it goes in a straight line from left to right.

    Where it crosses zero, two triangles remain, (left² + right²) / (|left| + |right|) / 2.
    """
    sizes = np.abs(left) + np.abs(right)
    crossing = left * right < 0
    triangles = (left**2 + right**2) / np.where(crossing, sizes, 1.0)
    means: FloatArray = np.where(crossing, triangles, sizes) / 2
    return means


def wasserstein_error(
    edges: FloatArray,
    reference_counts: IntArray,
    current_counts: IntArray,
    *,
    minimum: float,
    maximum: float,
    rows_below: int = 0,
    rows_above: int = 0,
) -> float:
    """The most by which `wasserstein` can differ from the distance of the values themselves, in their unit.

    A distribution function that rises by p over a cell of width w, however it does, is at most p·w/2 away from the
    straight line in ∫|difference| dx: a step at either end. Arguments and errors are as for `wasserstein`.
    """
    counted_rows(reference_counts, current_counts)
    inside = _without_beyond(current_counts, rows_below, rows_above)
    rises = _shares(reference_counts) + inside / current_counts.sum()
    return float(_widths(edges, minimum, maximum) @ rises) / 2


def _without_beyond(counts: IntArray, rows_below: int, rows_above: int) -> IntArray:
    """Rows in each cell that lie within the reference's range."""
    inside = counts.copy()
    inside[0] -= rows_below
    inside[-1] -= rows_above
    return inside


def _shares(counts: IntArray) -> FloatArray:
    return counts / counts.sum()


def _widths(edges: FloatArray, minimum: float, maximum: float) -> FloatArray:
    """Widths of the cells within the reference's range, shape (k,)."""
    return np.diff(np.clip(edges, minimum, maximum), prepend=minimum, append=maximum)
