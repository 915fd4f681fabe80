"""Tests chi-squared homogeneity with rare categories pooled, for columns that are not clean."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import stats

from ..arrays import IntArray
from .chi_squared import ChiSquaredResult, chi_squared_from_counts
from .windows import require_rows

MIN_EXPECTED = 5.0
OTHER = "(other)"


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledChiSquared:
    """The pooled test and what was pooled.

    Attributes:
        result: The test over the kept categories and the pooled one, which is named "(other)". Its statistic is that
            table's; its p-value is the combined one.
        pooled_categories: Categories that were too rare to keep.
        is_exact: Whether a Fisher exact test of rare categories gave the p-value.
        is_conclusive: False when every category was rare: then only a single one standing out could be seen.
    """

    result: ChiSquaredResult
    pooled_categories: int
    is_exact: bool
    is_conclusive: bool


def pooled_chi_squared(
    reference_counts: IntArray, current_counts: IntArray, categories: pa.Array, *, other: int = 0
) -> PooledChiSquared:
    """Chi-squared homogeneity over categories common enough for its p-value to be right.

    The statistic follows the chi-squared distribution only where each cell expects about 5 rows or more (Cochran,
    1954); one unexpected row in a cell that expects 0.01 would look like proof. So categories that expect fewer
    than 5 in either window are pooled, judged on both windows together so that the null distribution stays as it
    was. What pooling could hide is tested exactly (Fisher): the pooled rows against the rest where they still
    expect fewer than 5, and the rare category that stands out most, times the number of rare ones. The p-value is
    the smallest, times the number of tests (Bonferroni).

    Args:
        reference_counts: Shape (k,), at least 0, no category zero in both.
        current_counts: Shape (k,).
        categories: k names, an Arrow array of text.
        other: Reference rows known only to lie outside these k categories; they join the pooled category.

    Raises:
        InsufficientData: If a window is empty.
    """
    n, m = int(reference_counts.sum()) + other, int(current_counts.sum())
    require_rows(n, m)
    rare = (reference_counts + current_counts) * (min(n, m) / (n + m)) < MIN_EXPECTED
    common_p, exact_p = _p_values(*_pool(reference_counts, current_counts, ~rare, other))
    standing_out = _standing_out(reference_counts, current_counts, rare, other)
    kept = ~rare
    if standing_out is not None:
        exact = _fisher(
            int(reference_counts[standing_out]), n, int(current_counts[standing_out]), m
        )
        standing_out_p = exact * int(rare.sum())
        kept[standing_out] = standing_out_p < min(common_p + exact_p, default=1.0)
        exact_p.append(standing_out_p)
    names = pa.concat_arrays(
        [categories.filter(pa.array(kept)), pa.array([OTHER], categories.type)]
    )
    smallest, tests = min(common_p + exact_p, default=1.0), max(1, len(common_p + exact_p))
    result = chi_squared_from_counts(
        *_pool(reference_counts, current_counts, kept, other), categories=names
    )
    return PooledChiSquared(
        result=replace(result, p_value=min(1.0, smallest * tests)),
        pooled_categories=int(rare.sum()),
        is_exact=smallest in exact_p,
        is_conclusive=not rare.all(),
    )


def _pool(
    reference_counts: IntArray, current_counts: IntArray, kept: npt.NDArray[np.bool_], other: int
) -> tuple[IntArray, IntArray]:
    """Both windows' counts of the kept categories, then of all others together."""
    before = np.append(reference_counts[kept], reference_counts[~kept].sum() + other)
    return before, np.append(current_counts[kept], current_counts[~kept].sum())


def _p_values(before: IntArray, after: IntArray) -> tuple[list[float], list[float]]:
    """p-values by chi-squared and by exact test of pooled counts, whose last cell may expect too few rows."""
    if len(before) == 1:
        return [], []
    totals = (int(before.sum()), int(after.sum()))
    expected = int(before[-1] + after[-1]) * min(totals) / sum(totals)
    if not 0 < expected < MIN_EXPECTED:
        return [chi_squared_from_counts(before, after).p_value], []
    exact = [_fisher(int(before[-1]), totals[0], int(after[-1]), totals[1])]
    return (
        [chi_squared_from_counts(before[:-1], after[:-1]).p_value] if len(before) > 2 else []
    ), exact


def _fisher(before: int, n: int, after: int, m: int) -> float:
    """Fisher's exact p-value of `before` out of n rows against `after` out of m."""
    return float(stats.fisher_exact([[before, n - before], [after, m - after]]).pvalue)


def _standing_out(
    reference_counts: IntArray, current_counts: IntArray, rare: npt.NDArray[np.bool_], other: int
) -> int | None:
    """The rare category that departs most from its expected rows; None without one whose counts are known."""
    known = rare & ((reference_counts > 0) | (other == 0))
    if np.count_nonzero(known) == 0:
        return None
    totals = reference_counts + current_counts
    share = current_counts.sum() / (totals.sum() + other)
    departure = (current_counts - totals * share) ** 2 / totals
    return int(np.argmax(np.where(known, departure, -1.0)))
