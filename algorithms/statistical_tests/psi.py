"""Computes the Population Stability Index over reference-quantile cells."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from ..arrays import FloatArray, IntArray
from ..columns import Values
from ..grid import Grid, reference_quantile_edges, sorted_numbers
from .windows import counted_rows, numeric_windows

SMOOTHING = 0.5
"""Rows added to each cell of both windows (Jeffreys' prior)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PsiResult:
    """The result of the Population Stability Index.

    Attributes:
        statistic: The index, at least 0; 0 when both windows fill the cells alike.
        p_value: None; the index is compared with limits. `psi_null_quantile` says what chance alone would give.
        effect_size: The index less what chance alone gives on average, at least 0.
        edges: Upper ends of all cells but the last; cell i holds edges[i-1] < x <= edges[i], open to ±inf.
        reference_shares: Share of the reference's rows in each cell, before smoothing; sums to 1.
        current_shares: The same for the current window.
        degrees_of_freedom: Cells with a row in either window, less one.
    """

    statistic: float
    p_value: None = None
    effect_size: float
    edges: tuple[float, ...]
    reference_shares: tuple[float, ...]
    current_shares: tuple[float, ...]
    degrees_of_freedom: int
    n_reference: int
    n_current: int
    nulls_reference: int = 0
    nulls_current: int = 0


def psi(reference: Values, current: Values, bins: int = 10) -> PsiResult:
    """Population Stability Index, Σ (q − p) ln(q / p), over cells cut at the reference's quantiles.

    The cells come from the reference alone, so no outlier in the current window can move them, and they are open to
    ±inf: infinite rows fall in the outermost cells, and the first cell takes everything below the reference's range.
    Equal quantiles merge into one cell. A value that holds at least 1/bins of the reference gets a cell of its own,
    bounded on both sides: a reference of zeros sees any move away from zero, up or down.

    Smoothing: half a row is added to each cell of both windows, after cells empty in both are left out, so shares
    still sum to 1 and swapping the windows' counts leaves the index as it was. With no drift the index averages
    (B − 1)(1/n + 1/m) over B occupied cells (Yurdakul & Naranjo, 2020); `effect_size` has that removed.
    Nulls and NaN are dropped and counted; booleans count as 0 and 1; one row is enough, and says little.

    Args:
        reference: Shape (n,), numbers or nulls.
        current: Shape (m,), numbers or nulls.
        bins: Quantile cells to cut, at least 2.

    Raises:
        InsufficientData: If a window holds no number.
        ValueError: If a window is not one-dimensional or there are fewer than 2 bins.
        TypeError: If a window does not hold numbers.
    """
    left, right = numeric_windows(reference, current)
    grid = _quantile_grid(left, bins)
    before, after = grid.count(left)[0], grid.count(right)[0]
    result = psi_from_bins(grid.edges, before[:-1], after[:-1])
    return replace(result, nulls_reference=int(before[-1]), nulls_current=int(after[-1]))


def _quantile_grid(values: FloatArray, bins: int) -> Grid:
    """The cells between the quantiles of a window's numbers; a single one if it has none."""
    ordered = sorted_numbers(values)
    return Grid(reference_quantile_edges(ordered, bins) if len(ordered) else ordered)


def psi_from_bins(edges: FloatArray, before: IntArray, after: IntArray) -> PsiResult:
    """The index of counts of shape (len(edges) + 1,) in the cells between edges; raises as `psi` does."""
    n, m = counted_rows(before, after)
    statistic = psi_from_counts(before, after)
    degrees = int(np.count_nonzero(before + after)) - 1
    return PsiResult(
        statistic=statistic,
        effect_size=max(0.0, statistic - degrees * (1 / n + 1 / m)),
        edges=tuple(edges.tolist()),
        reference_shares=_shares(before, n),
        current_shares=_shares(after, m),
        degrees_of_freedom=degrees,
        n_reference=n,
        n_current=m,
    )


def _shares(counts: IntArray, rows: int) -> tuple[float, ...]:
    return tuple((counts / rows).tolist())


def psi_from_counts(reference_counts: IntArray, current_counts: IntArray) -> float:
    """The smoothed index of two count arrays of shape (B,) over the same cells."""
    occupied = (reference_counts + current_counts) > 0
    p = smoothed_shares(reference_counts[occupied])
    q = smoothed_shares(current_counts[occupied])
    return float(np.sum((q - p) * np.log(q / p)))


def psi_null_quantile(level: float, result: PsiResult) -> float:
    """The index that chance alone exceeds with probability `level`.

    With no drift PSI / (1/n + 1/m) tends to chi-squared with B − 1 degrees of freedom (Yurdakul & Naranjo, 2020).
    """
    if not result.degrees_of_freedom:
        return 0.0
    scale = 1 / result.n_reference + 1 / result.n_current
    return scale * float(special.chdtri(result.degrees_of_freedom, level))


def smoothed_shares(counts: IntArray) -> FloatArray:
    """Positive shares that sum to 1: (count + ½) / (n + B/2)."""
    smoothed = counts + SMOOTHING
    return smoothed / smoothed.sum()
