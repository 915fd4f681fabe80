"""Tests chi-squared homogeneity with rare categories pooled, for columns that are not clean."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from ..arrays import BoolArray, FloatArray, IntArray
from .checks import MIN_EXPECTED, fisher
from .chi_squared import ChiSquaredResult, chi_squared_from_counts
from .windows import require_rows

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
    windows = _Windows(reference_counts, current_counts, other)
    require_rows(*windows.rows)
    rare = windows.expect_too_few()
    common_p, exact_p = _p_values(*windows.pool(~rare))
    kept, standing_out_p = _keep(windows, rare, min(common_p + exact_p, default=1.0))
    combined = _Combined(common_p, exact_p + standing_out_p)
    result = chi_squared_from_counts(*windows.pool(kept), categories=_names(categories, kept))
    return PooledChiSquared(
        result=replace(result, p_value=combined.p_value),
        pooled_categories=int(rare.sum()),
        is_exact=combined.is_exact,
        is_conclusive=not rare.all(),
    )


@dataclass(frozen=True, slots=True)
class _Combined:
    """p-values of the chi-squared test and of exact ones, of which the smallest counts."""

    common: list[float]
    exact: list[float]

    @property
    def smallest(self) -> float:
        return min(self.common + self.exact, default=1.0)

    @property
    def p_value(self) -> float:
        """The smallest, times the number of tests (Bonferroni)."""
        tests = len(self.common) + len(self.exact)
        return min(1.0, self.smallest * max(1, tests))

    @property
    def is_exact(self) -> bool:
        return self.smallest in self.exact


@dataclass(frozen=True, slots=True)
class _Windows:
    """Both windows' counts of the same categories, shape (k,), and reference rows outside them."""

    reference: IntArray
    current: IntArray
    other: int

    @property
    def rows(self) -> tuple[int, int]:
        """All rows of the reference and of the current window."""
        return int(self.reference.sum()) + self.other, int(self.current.sum())

    def expect_too_few(self) -> BoolArray:
        """True for the categories that expect fewer than 5 rows in either window, shape (k,)."""
        n, m = self.rows
        expected = (self.reference + self.current) * (min(n, m) / (n + m))
        is_rare: BoolArray = expected < MIN_EXPECTED
        return is_rare

    def pool(self, kept: BoolArray) -> tuple[IntArray, IntArray]:
        """Both windows' counts of the kept categories, then of all others together."""
        outside = self.reference[~kept].sum() + self.other
        reference = np.append(self.reference[kept], outside)
        return reference, np.append(self.current[kept], self.current[~kept].sum())

    def fisher(self, place: int) -> float:
        """Fisher's exact p-value of one category against all others."""
        n, m = self.rows
        return fisher(int(self.reference[place]), n, int(self.current[place]), m)


def _keep(windows: _Windows, rare: BoolArray, smallest: float) -> tuple[BoolArray, list[float]]:
    """The categories to keep, and the p-value of the rare one that stands out most.

    That one is kept if its p-value, times the number of rare ones, is below the others'.
    """
    kept, place = ~rare, _standing_out(windows, rare)
    if place is None:
        return kept, []
    p_value = windows.fisher(place) * int(rare.sum())
    kept[place] = p_value < smallest
    return kept, [p_value]


def _names(categories: pa.Array, kept: BoolArray) -> pa.Array:
    """The names of the kept categories and of the pooled one."""
    pooled = pa.array([OTHER], categories.type)
    return pa.concat_arrays([categories.filter(pa.array(kept)), pooled])


def _p_values(reference: IntArray, current: IntArray) -> tuple[list[float], list[float]]:
    """p-values by chi-squared and by exact test of pooled counts, whose last cell may expect too few rows."""
    if len(reference) == 1:
        return [], []
    if not _expects_too_few(reference, current):
        return [chi_squared_from_counts(reference, current).p_value], []
    return _p_value_without_last(reference, current), [_p_value_of_last(reference, current)]


def _expects_too_few(reference: IntArray, current: IntArray) -> bool:
    """True if the last cell expects fewer than 5 rows in either window, but not none."""
    n, m = int(reference.sum()), int(current.sum())
    rows = int(reference[-1] + current[-1])
    return 0 < rows * min(n, m) / (n + m) < MIN_EXPECTED


def _p_value_of_last(reference: IntArray, current: IntArray) -> float:
    """Fisher's exact p-value of the last cell against all others."""
    n, m = int(reference.sum()), int(current.sum())
    return fisher(int(reference[-1]), n, int(current[-1]), m)


def _p_value_without_last(reference: IntArray, current: IntArray) -> list[float]:
    """The p-value of all cells but the last; none where only one is left."""
    if len(reference) <= 2:
        return []
    return [chi_squared_from_counts(reference[:-1], current[:-1]).p_value]


def _standing_out(windows: _Windows, rare: BoolArray) -> int | None:
    """The rare category that departs most from its expected rows; None without one whose counts are known."""
    known = _known(windows, rare)
    if not known.any():
        return None
    return int(np.argmax(np.where(known, _departures(windows), -1.0)))


def _known(windows: _Windows, rare: BoolArray) -> BoolArray:
    """The rare categories whose reference rows are known; rows outside all may be of the others."""
    known: BoolArray = rare & ((windows.reference > 0) | (windows.other == 0))
    return known


def _departures(windows: _Windows) -> FloatArray:
    """Each category's squared departure from its expected rows, over its rows, shape (k,)."""
    totals = windows.reference + windows.current
    share = windows.current.sum() / (totals.sum() + windows.other)
    departures: FloatArray = (windows.current - totals * share) ** 2 / totals
    return departures
