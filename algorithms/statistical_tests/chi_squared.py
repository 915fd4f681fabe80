"""Tests if two samples share one distribution over categories: the chi-squared test of homogeneity."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import special

from ..arrays import FloatArray, IntArray
from ..categories import CategoryCounts
from ..columns import Values
from .windows import categorical_windows, require_rows

TOP_CATEGORIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """One category's part in the statistic."""

    category: str
    reference_share: float
    current_share: float
    contribution: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChiSquaredResult:
    """The result of the chi-squared test of homogeneity.

    Attributes:
        statistic: Pearson's chi-squared of the 2×k table.
        p_value: Upper tail of chi-squared with `degrees_of_freedom`; 1 with a single category.
        effect_size: Le Cam distance of the two distributions in [0, 1], sampling bias removed.
        degrees_of_freedom: Categories seen in either window, less one.
        top_categories: Up to 10 categories that add most to the statistic, the largest first.
        new_categories: Categories that only the current window holds.
        vanished_categories: Categories that only the reference holds.
    """

    statistic: float
    p_value: float
    effect_size: float
    degrees_of_freedom: int
    top_categories: tuple[Contribution, ...]
    new_categories: int
    vanished_categories: int
    n_reference: int
    n_current: int
    nulls_reference: int = 0
    nulls_current: int = 0


def chi_squared(reference: Values, current: Values) -> ChiSquaredResult:
    """Chi-squared homogeneity test; agrees with `scipy.stats.chi2_contingency(table, correction=False)`.

    The reference is a sample like the current window, not the truth: both rows of the table have sampling error. A
    category that is new or has vanished is a column with a zero in it. Values are compared by name (booleans "true"
    and "false", numbers by their digits, so 1 and 1.0 are one category); nulls and NaN are dropped and counted. Two
    equal constants give 0 and p = 1. Categories expected in fewer than 5 rows make the p-value rough; see
    `pooled_chi_squared`.

    Args:
        reference: Shape (n,), text, booleans, numbers or nulls.
        current: Shape (m,), the same.

    Raises:
        InsufficientData: If a window holds no category.
        ValueError: If a window is not one-dimensional.
        TypeError: If the values cannot be named, such as bytes or a mix of types.
    """
    left, right = categorical_windows(reference, current)
    categories, before, after = align_counts(left, right)
    result = chi_squared_from_counts(before, after, categories=categories)
    return replace(result, nulls_reference=left.nulls, nulls_current=right.nulls)


def chi_squared_from_counts(
    reference_counts: IntArray | Sequence[int],
    current_counts: IntArray | Sequence[int],
    *,
    categories: Sequence[str] | pa.Array | None = None,
) -> ChiSquaredResult:
    """The test on counts of the same categories in the same order.

    Args:
        reference_counts: Shape (k,), rows of each category, at least 0.
        current_counts: Shape (k,), the same.
        categories: k names for `top_categories`; positions when not given.

    Raises:
        InsufficientData: If a window's counts are all zero.
        ValueError: If the arrays differ in shape, are not one-dimensional or hold a negative or fractional count.
    """
    table = _table(reference_counts, current_counts)
    require_rows(*table.sum(axis=1))
    seen = np.flatnonzero(table.sum(axis=0))
    names = range(len(reference_counts)) if categories is None else categories
    return _test(table[:, seen], _Named(names, seen))


@dataclass(frozen=True, slots=True)
class _Named:
    """The names of a table's columns, which may be many and are read one at a time."""

    names: Sequence[object] | pa.Array
    seen: IntArray

    def __getitem__(self, column: int) -> str:
        return str(self.names[int(self.seen[column])])


def _test(table: FloatArray, names: _Named) -> ChiSquaredResult:
    """The test on a table, shape (2, k), without empty rows and columns."""
    n, m = (int(total) for total in table.sum(axis=1))
    parts, degrees = _contributions(table), table.shape[1] - 1
    statistic, shares = float(parts.sum()), table / table.sum(axis=1, keepdims=True)
    return ChiSquaredResult(
        statistic=statistic,
        p_value=_upper_tail(statistic, degrees),
        effect_size=le_cam_effect(shares[0], shares[1], n, m),
        degrees_of_freedom=degrees,
        top_categories=_top_categories(names, shares, parts),
        new_categories=_count_zeros(table[0]),
        vanished_categories=_count_zeros(table[1]),
        n_reference=n,
        n_current=m,
    )


def _upper_tail(statistic: float, degrees: int) -> float:
    """The chi-squared p-value; 1 for a single category, which has no degree of freedom."""
    return float(special.chdtrc(degrees, statistic)) if degrees else 1.0


def _contributions(table: FloatArray) -> FloatArray:
    """Each column's part in Pearson's Σ (observed − expected)² / expected, shape (k,)."""
    rows = table.sum(axis=1)
    expected = np.outer(rows, table.sum(axis=0)) / int(rows.sum())
    parts: FloatArray = ((table - expected) ** 2 / expected).sum(axis=0)
    return parts


def _count_zeros(counts: FloatArray) -> int:
    return int(np.count_nonzero(counts == 0))


def le_cam_effect(
    reference_shares: FloatArray, current_shares: FloatArray, n: int, m: int
) -> float:
    """Le Cam distance of two distributions, with the part that sampling alone adds removed.

    φ² = ½ Σ (p − q)² / (p + q) lies in [0, 1]; its root is Cramér's V of the table had both samples been equally
    large, so it does not depend on n/m (Le Cam, 1986; also Vincze–Le Cam or triangular discrimination). With no drift
    E[φ²] = (k − 1)/4 · (1/n + 1/m): simulation finds a ratio of 0.99–1.04 for k = 2–50, equal and Zipf shares,
    n and m from 500 to 20,000.

    Args:
        reference_shares: Shape (k,), no category zero in both.
        current_shares: Shape (k,).
        n: Rows behind the reference shares.
        m: Rows behind the current shares.
    """
    differences, sums = reference_shares - current_shares, reference_shares + current_shares
    squared = 0.5 * float(np.sum(differences**2 / sums))
    unbiased = squared - _le_cam_bias(len(sums), n, m)
    return float(np.sqrt(min(1.0, max(0.0, unbiased))))


def _le_cam_bias(categories: int, n: int, m: int) -> float:
    """The mean of φ² without drift."""
    return (categories - 1) / 4 * (1 / n + 1 / m)


def align_counts(
    reference: CategoryCounts, current: CategoryCounts
) -> tuple[pa.Array, IntArray, IntArray]:
    """The k categories of both windows and their counts in each, the reference's first."""
    position = pc.index_in(current.categories, value_set=reference.categories)
    unseen = current.categories.filter(pc.is_null(position))
    padding = np.zeros(len(unseen), dtype=np.int64)
    return (
        pa.concat_arrays([reference.categories, unseen]),
        np.concatenate([reference.counts, padding]),
        _placed_counts(current.counts, position, len(reference.counts)),
    )


def _placed_counts(counts: IntArray, position: pa.Array, categories: int) -> IntArray:
    """Counts at their positions among the reference's categories, then those without a position."""
    known = position.is_valid().to_numpy(zero_copy_only=False)
    placed = np.zeros(categories, dtype=np.int64)
    placed[position.drop_null().to_numpy()] = counts[known]
    return np.concatenate([placed, counts[~known]])


def _table(
    reference_counts: IntArray | Sequence[int], current_counts: IntArray | Sequence[int]
) -> FloatArray:
    """Both windows' counts, checked, shape (2, k)."""
    reference = np.asarray(reference_counts, dtype=np.float64)
    current = np.asarray(current_counts, dtype=np.float64)
    _require_one_shape(reference, current)
    return _require_counts(np.stack([reference, current]))


def _require_one_shape(reference: FloatArray, current: FloatArray) -> None:
    if reference.ndim != 1 or reference.shape != current.shape:
        raise ValueError(
            f"Counts must be two arrays of one length, not of shapes {reference.shape} and "
            f"{current.shape}."
        )


def _require_counts(table: FloatArray) -> FloatArray:
    is_whole = np.isfinite(table) & (table >= 0) & (table == np.floor(table))
    if not is_whole.all():
        raise ValueError("Counts must be whole numbers of at least 0.")
    return table


def _top_categories(
    names: _Named, shares: FloatArray, parts: FloatArray
) -> tuple[Contribution, ...]:
    """The categories that add most to the statistic, the largest first."""
    order = np.argsort(-parts, kind="stable")[:TOP_CATEGORIES]
    return tuple(_contribution(index, names, shares, parts) for index in order.tolist())


def _contribution(index: int, names: _Named, shares: FloatArray, parts: FloatArray) -> Contribution:
    return Contribution(
        category=names[index],
        reference_share=float(shares[0, index]),
        current_share=float(shares[1, index]),
        contribution=float(parts[index]),
    )
