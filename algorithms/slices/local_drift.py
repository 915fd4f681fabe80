"""Measures whether a feature has moved inside a slice otherwise than in the rest of a window."""

from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray, IntArray
from ..statistical_tests.psi import psi_from_counts, smoothed_shares


@dataclass(frozen=True, slots=True, eq=False)
class CellCounts:
    """Rows of two windows in each cell of a feature, shape (cells,) or (slices, cells)."""

    reference: FloatArray
    current: FloatArray

    def __sub__(self, other: "CellCounts") -> "CellCounts":
        return CellCounts(self.reference - other.reference, self.current - other.current)

    @property
    def whole_numbers(self) -> tuple[IntArray, IntArray]:
        """The counts of both windows as whole numbers."""
        return self.reference.astype(np.int64), self.current.astype(np.int64)

    @property
    def rows(self) -> tuple[FloatArray, FloatArray]:
        """Rows of each window."""
        return self.reference.sum(axis=-1), self.current.sum(axis=-1)


def change_scores(inside: CellCounts) -> FloatArray:
    """The evidence that a feature moved inside each slice, as a standard normal score, shape (slices,).

    The chi-squared statistic of homogeneity, which Fisher's √(2χ²) − √(2k − 1) brings on one scale for any number of
    cells.

    Args:
        inside: Shape (slices, cells).
    """
    n, m = (np.maximum(each, 1)[:, None] for each in inside.rows)
    pooled = (inside.reference + inside.current) / (n + m)
    moves = inside.current / m - inside.reference / n
    terms = np.divide(
        moves**2, pooled * (1 / n + 1 / m), out=np.zeros_like(moves), where=pooled > 0
    )
    degrees = np.maximum(np.count_nonzero(pooled, axis=1) - 1, 1)
    scores: FloatArray = np.sqrt(2 * terms.sum(axis=1)) - np.sqrt(2 * degrees - 1)
    return scores


def over_representation(counts: CellCounts) -> FloatArray:
    """The share of each cell's current rows that the reference does not lead one to expect, shape (cells,)."""
    before, after = (smoothed_shares(each) for each in counts.whole_numbers)
    shares: FloatArray = np.maximum(0.0, 1 - before / after)
    return shares


def log_ratios(counts: CellCounts) -> FloatArray:
    """The logarithm of each cell's current share over its reference share, shape (cells,)."""
    before, after = (smoothed_shares(each) for each in counts.whole_numbers)
    ratios: FloatArray = np.log(after / before)
    return ratios


def unbiased_psi(counts: CellCounts) -> float:
    """The Population Stability Index less what chance gives on average, at least 0."""
    n, m = (float(each) for each in counts.rows)
    if not n or not m:
        return 0.0
    degrees = np.count_nonzero(counts.reference + counts.current) - 1
    index = psi_from_counts(*counts.whole_numbers)
    return float(max(0.0, index - degrees * (1 / n + 1 / m)))


def local_excess(inside: CellCounts, outside: CellCounts, weights: FloatArray) -> float:
    """The rise of a slice's mean weight beyond that of the rest, in standard errors; 0 where none is known.

    The difference of two differences of four means, which are independent and each about normal (Welch). Where the
    rest falls, the slice's own rise counts.

    Args:
        inside: Shape (cells,).
        outside: Shape (cells,).
        weights: Shape (cells,), learnt from other rows.
    """
    (rise, variance), (other, other_variance) = (_rise(each, weights) for each in (inside, outside))
    alone = _in_errors(rise, variance)
    return min(alone, _in_errors(rise - other, variance + other_variance))


def _rise(counts: CellCounts, weights: FloatArray) -> tuple[float, float]:
    """By how much the mean weight rises, and the variance of that."""
    before, after = _mean(counts.reference, weights), _mean(counts.current, weights)
    return after[0] - before[0], after[1] + before[1]


def _in_errors(difference: float, variance: float) -> float:
    return float(difference / np.sqrt(variance)) if 0 < variance < np.inf else 0.0


def _mean(counts: FloatArray, weights: FloatArray) -> tuple[float, float]:
    """The mean weight of rows in cells, and the variance of that mean; infinite for fewer than two rows.

    Rows that are all in one cell do not show that no row is ever elsewhere: the variance is at least as if one were.
    """
    rows = float(counts.sum())
    if rows < 2:
        return 0.0, np.inf
    mean = float(counts @ weights) / rows
    variance = float(counts @ (weights - mean) ** 2) / (rows - 1)
    return mean, max(variance, float(np.ptp(weights)) ** 2 / rows) / rows


def count_cells(reference: IntArray, current: IntArray, cells: int) -> CellCounts:
    """Rows in each cell, from the cell of each row."""
    return CellCounts(
        np.bincount(reference, minlength=cells).astype(np.float64),
        np.bincount(current, minlength=cells).astype(np.float64),
    )
