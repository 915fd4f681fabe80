"""Computes the 1-Wasserstein distance between two windows counted in the same ordered cells."""

import numpy as np

from ..arrays import FloatArray, IntArray
from .windows import require_rows


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
    require_rows(int(reference_counts.sum()), int(current_counts.sum()))
    rows = int(current_counts.sum())
    gaps = np.cumsum(_shares(current_counts) - _shares(reference_counts))
    left, right = np.append(rows_below / rows, gaps[:-1]), np.append(gaps[:-1], -rows_above / rows)
    sizes = np.abs(left) + np.abs(right)
    crossing = left * right < 0
    means = np.where(crossing, (left**2 + right**2) / np.where(crossing, sizes, 1.0), sizes) / 2
    return float(_widths(edges, minimum, maximum) @ means) + below + above


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
    require_rows(int(reference_counts.sum()), int(current_counts.sum()))
    current = current_counts.copy()
    current[0] -= rows_below
    current[-1] -= rows_above
    rises = _shares(reference_counts) + current / current_counts.sum()
    return float(_widths(edges, minimum, maximum) @ rises) / 2


def _shares(counts: IntArray) -> FloatArray:
    return counts / counts.sum()


def _widths(edges: FloatArray, minimum: float, maximum: float) -> FloatArray:
    """Widths of the cells within the reference's range, shape (k,)."""
    return np.diff(np.clip(edges, minimum, maximum), prepend=minimum, append=maximum)
