"""Tests windows counted in the same ordered cells by the two-sample Anderson–Darling test."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from ..arrays import FloatArray, IntArray
from ..kernels.compiler import jit
from .windows import counted_rows

LIMIT_VARIANCE = 2 * (math.pi**2 / 3 - 3)
"""Variance of A² for many rows without ties, 2·Σ 1/(j(j+1))² over j ≥ 1; its mean is 1."""
LEAST = 0.035
"""A² below which its survival function is 1 to machine precision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AndersonDarlingResult:
    """The result of the two-sample Anderson–Darling test.

    Attributes:
        statistic: (A² − 1) / σ, standardised for the numbers of rows as `scipy.stats.anderson_ksamp` does.
        a2: A² itself, the midrank A²akN of Scholz & Stephens (1987); 1 on average without drift, whatever the ties.
        p_value: Chance of an A² at least this large when both windows have one distribution.
        effect_size: (A² − 1) / (n·m/(n + m)), at least 0: the squared difference of the distribution functions
            divided by H(1 − H), averaged over the pooled rows, H being theirs; sampling bias removed. It does not
            grow with the rows. Windows of equal size that do not overlap have 8·ln 2 − 4 = 1.55, the most they can.
    """

    statistic: float
    a2: float
    p_value: float
    effect_size: float


def anderson_darling(reference_counts: IntArray, current_counts: IntArray) -> AndersonDarlingResult:
    """Two-sample Anderson–Darling test; `statistic` agrees with `scipy.stats.anderson_ksamp(variant="midrank")`.

    Each cell is a tie. The p-value is that of the limiting distribution without ties, right down to 1e-300, of A²
    stretched about its mean of 1 so that its variance becomes that of the given ties. Without that, chance alone falls
    below 0.001 in 5 windows of 1,000 over four cells and in 15 over two, where A² is chi-squared with its longer tail;
    with it, in 1 to 2 (simulated). An A² below 1 is taken as it is. The p-value is too large by a fifth at 0.05 with 35
    rows in all, and right from a few hundred. One common cell gives A² = 0 and p = 1.

    Args:
        reference_counts: Shape (k,), rows in each cell, in the cells' order.
        current_counts: Shape (k,), the same.

    Raises:
        InsufficientData: If a window's counts are all zero.
    """
    n, m = counted_rows(reference_counts, current_counts)
    a2, tied_variance = _a2_and_variance(reference_counts, current_counts, n, m)
    excess = a2 - 1
    return AndersonDarlingResult(
        statistic=excess / math.sqrt(_untied_variance(n, m)),
        a2=a2,
        p_value=anderson_darling_sf(_untied(a2, tied_variance)),
        effect_size=max(0.0, excess * (1 / n + 1 / m)),
    )


def _untied(a2: float, tied_variance: float) -> float:
    """A² stretched about its mean of 1 to its variance without ties; below 1 as it is."""
    scale = math.sqrt(LIMIT_VARIANCE / tied_variance) if a2 > 1 else 1.0
    return 1 + (a2 - 1) * scale


def anderson_darling_sf(a2: float) -> float:
    """Pr(A² > a2) of the limiting distribution, that of Σ χ²₁/(j(j+1)): to 1e-13 relative, 1e-11 at 1e-300.

    The characteristic function of a sum of chi-squared variables has a branch point for each weight; Smirnov's (1937)
    formula adds with alternating signs the integrals between the first and second, the third and fourth and so on.
    With s = (u² − 1)/8 they are ∫ e^(−s·a2) √(2π/s)·u/4 / √|cos(πu/2)| du / π over |u − 4k| < 1.
    """
    if not a2 > LEAST:
        return 1.0
    return min(1.0, float(np.exp(-a2 * RATES) @ WEIGHTS))


def _quadrature(k: int, nodes: int) -> tuple[FloatArray, FloatArray]:
    """Rates s and weights of the k-th integral by Gauss–Chebyshev quadrature, which suits roots at both ends."""
    v = np.cos((np.arange(nodes) + 0.5) * math.pi / nodes)
    u = 4 * k + v
    rates = (u**2 - 1) / 8
    return rates, -((-1) ** k) / nodes * np.sqrt(math.tau / rates) * u / 4 * _smooth_part(v)


def _smooth_part(v: FloatArray) -> FloatArray:
    """√((1 − v²) / cos(πv/2)): the integrand without the roots at both ends."""
    smooth: FloatArray = np.sqrt((1 - v**2) / np.cos(math.pi * v / 2))
    return smooth


RATES, WEIGHTS = np.concatenate(
    [_quadrature(k, 128 if k == 1 else 32) for k in range(1, 25)], axis=1
)


@jit
def _a2_and_variance(
    reference_counts: IntArray, current_counts: IntArray, n: int, m: int
) -> tuple[float, float]:
    """A²akN (equation 7 of Scholz & Stephens) and its variance for many rows given the ties.

    A² is a sum of chi-squared variables; its variance is twice the sum of squares of their weights. Cells i < j of
    shares p and midranks b (in 0 to 1) are correlated by b_i(1 − b_j) / √(v_i·v_j) with v = b(1 − b) − p/4, so the sum
    of p_i·p_j times the squares of all correlations takes one pass. With a single cell both are what they tend to.
    """
    rows, below, reference_below = n + m, 0, 0
    a2, squares, before, pairs = 0.0, 0.0, 0.0, 0.0
    for i in range(len(reference_counts)):
        reference, ties = reference_counts[i], reference_counts[i] + current_counts[i]
        if ties == rows:
            return 0.0, LIMIT_VARIANCE
        if ties == 0:
            continue
        rank, reference_rank = 2 * below + ties, 2 * reference_below + reference
        below += ties
        reference_below += reference
        share, b = ties / rows, rank / (2.0 * rows)
        weight = share / (b * (1.0 - b) - share / 4.0)
        departure = (rows * reference_rank - n * rank) / (2.0 * rows)
        a2 += weight * departure * departure
        squares += share * share
        pairs += weight * (1.0 - b) ** 2 * before
        before += weight * b * b
    return a2 * (1.0 / n + 1.0 / m) * (rows - 1.0) / rows, 2.0 * squares + 4.0 * pairs


def _untied_variance(n: int, m: int) -> float:
    """Variance of A² without ties (Scholz & Stephens, equation 4); the limit's below 4 rows."""
    rows = n + m
    if rows < 4:
        return LIMIT_VARIANCE
    a, b, c, d = _coefficients(rows, 1 / n + 1 / m)
    cubic = ((a * rows + b) * rows + c) * rows + d
    return cubic / ((rows - 1.0) * (rows - 2.0) * (rows - 3.0))


def _coefficients(rows: int, both: float) -> tuple[float, float, float, float]:
    """The coefficients a to d of Scholz & Stephens' equation 4, with `both` = 1/n + 1/m."""
    h, g = _harmonic_sums(rows)
    a = 4 * g - 6 + (10 - 6 * g) * both
    b = 4 * (2 * g - 4) + 16 * h + (2 * g - 14 * h - 4) * both - 8 * h + 4 * g - 6
    c = 4 * (6 * h + 2 * g - 2) + 2 * (4 * h - 4 * g + 6) + (2 * h - 6) * both + 4 * h
    d = 4 * (2 * h + 6) - 8 * h
    return a, b, c, d


def _harmonic_sums(rows: int) -> tuple[float, float]:
    """Their h = Σ 1/i over i < N and double sum g = Σ_{i<j} 1/((N − i)·j), N being the rows.

    The double sum is Σ 1/j² − (2·H_N − 1/N)/N over N rows, H_N the harmonic number.
    """
    harmonic = float(special.digamma(rows + 1)) + np.euler_gamma
    squares = math.pi**2 / 6 - float(special.polygamma(1, rows + 1))
    return harmonic - 1 / rows, squares - (2 * harmonic - 1 / rows) / rows
