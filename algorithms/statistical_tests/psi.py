"""Population Stability Index over reference-quantile cells."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from algorithms.columns import FloatArray, IntArray, Values
from algorithms.statistical_tests.windows import numeric_windows, require_rows

SMOOTHING = 0.5
"""Rows added to each cell of both windows (Jeffreys' prior)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PsiResult:
    """What the Population Stability Index found.

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
    result = psi_from_sorted(left.values, right.values, bins)
    return replace(result, nulls_reference=left.nulls, nulls_current=right.nulls)


def psi_from_sorted(reference: FloatArray, current: FloatArray, bins: int = 10) -> PsiResult:
    """The index on values that are sorted already, shapes (n,) and (m,) without NaN; raises as `psi` does."""
    n, m = len(reference), len(current)
    require_rows(n, m)
    edges = reference_quantile_edges(reference, bins)
    before, after = cell_counts(reference, edges), cell_counts(current, edges)
    statistic = psi_from_counts(before, after)
    degrees = int(np.count_nonzero(before + after)) - 1
    return PsiResult(
        statistic=statistic,
        effect_size=max(0.0, statistic - degrees * (1 / n + 1 / m)),
        edges=tuple(edges.tolist()),
        reference_shares=tuple((before / n).tolist()),
        current_shares=tuple((after / m).tolist()),
        degrees_of_freedom=degrees,
        n_reference=n,
        n_current=m,
    )


def psi_from_counts(reference_counts: IntArray, current_counts: IntArray) -> float:
    """The smoothed index of two count arrays of shape (B,) over the same cells."""
    occupied = (reference_counts + current_counts) > 0
    expected, actual = smoothed_shares(reference_counts[occupied]), smoothed_shares(current_counts[occupied])
    return float(np.sum((actual - expected) * np.log(actual / expected)))


def psi_null_quantile(level: float, result: PsiResult) -> float:
    """The index that chance alone exceeds with probability `level`.

    With no drift PSI / (1/n + 1/m) tends to chi-squared with B − 1 degrees of freedom (Yurdakul & Naranjo, 2020).
    """
    scale = 1 / result.n_reference + 1 / result.n_current
    return scale * float(stats.chi2.isf(level, result.degrees_of_freedom)) if result.degrees_of_freedom else 0.0


def reference_quantile_edges(reference: FloatArray, bins: int) -> FloatArray:
    """Ascending upper cell ends from a sorted reference, shape (B − 1,).

    Raises:
        ValueError: If there are fewer than 2 bins.
    """
    if bins < 2:
        raise ValueError(f"PSI needs at least 2 bins, not {bins}.")
    n = len(reference)
    ranks = -(-np.arange(1, bins) * n // bins) - 1
    cuts = np.unique(reference[ranks])
    rows = np.searchsorted(reference, cuts, side="right") - np.searchsorted(reference, cuts, side="left")
    heavy = cuts[rows >= max(min(2, n), n / bins)]
    with np.errstate(over="ignore"):  # below the least float lies -inf
        just_below = np.nextafter(heavy, -np.inf)
    edges = np.unique(np.concatenate([cuts, just_below]))
    return edges[edges < np.inf]  # nothing lies above +inf


def cell_counts(ordered: FloatArray, edges: FloatArray) -> IntArray:
    """Rows of sorted values, shape (n,), in each of the len(edges) + 1 cells."""
    return np.diff(np.searchsorted(ordered, edges, side="right"), prepend=0, append=len(ordered)).astype(np.int64)


def smoothed_shares(counts: IntArray) -> FloatArray:
    """Positive shares that sum to 1: (count + ½) / (n + B/2)."""
    smoothed = counts + SMOOTHING
    return smoothed / smoothed.sum()
