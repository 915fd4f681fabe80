"""Holds two windows of a numeric feature as samples, and says whether a fault explains how they differ."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..arrays import FloatArray
from ..profiles import NumericProfile, NumericSummary
from ..references import NumericReference
from ..value_samples import ValueSample
from ..value_types import ValueType
from .fault import Explanation, Fault

QUANTILES = 1_000
"""Values that stand for the reference."""
FEWEST_ROWS = 200
"""Fewer rows leave gaps of 0.16 to chance, in which nearly every fault finds room."""
WIDEST_NOISE = 0.1
"""The gap left to chance beyond which a fault of all values fits too much of what is none: 530 rows and 530."""
FEWEST_VALUES = 10
"""A feature with fewer values than this is a set of codes: a factor or an offset of codes says nothing."""
LARGEST, LEAST = 1e100, 1e-100
"""Beyond these sizes products and squares leave the range of floats."""
LEVEL = 1.63
"""Of the gap between two samples in units of √(1/n + 1/m), that chance exceeds in 1 % (Smirnov, 1948)."""
REST = 0.15
"""The part of a gap that may stay: windows differ a little without any fault, too."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NumericEvidence:
    """The data in which a fault of numbers is sought.

    Attributes:
        reference: Shape (n,), ascending, finite: the reference's values, or quantiles of them.
        rows: Shape (m,), finite values of the window's sample, in the order of their priorities.
        reference_rows: Rows that `reference` stands for.
        window_rows: Rows that `rows` stands for.
        before: The figures of all rows of the reference.
        now: The figures of all rows of the window.
        value_type: Of the reference.
    """

    reference: FloatArray
    rows: FloatArray
    reference_rows: int
    window_rows: int
    before: NumericSummary
    now: NumericSummary
    value_type: ValueType | None = None

    @classmethod
    def of(cls, reference: NumericReference, profile: NumericProfile) -> "NumericEvidence":
        """The evidence of a counted window; distances from an origin are no numbers that have a unit."""
        rows = _finite(_sample_of(profile).values)
        return cls(
            reference=_finite(spread_values(reference)),
            rows=rows if reference.origin is None else rows[:0],
            reference_rows=reference.usable_rows,
            window_rows=profile.rows,
            before=reference.summary,
            now=profile.moments.summary(reference.centre),
            value_type=reference.value_type,
        )

    @cached_property
    def window(self) -> FloatArray:
        """The rows, ascending."""
        return np.sort(self.rows)

    @cached_property
    def can_be_tried(self) -> bool:
        """True if both windows hold enough rows and values of sizes that can be multiplied."""
        if min(len(self.reference), len(self.rows), self.reference_rows) < FEWEST_ROWS:
            return False
        if len(np.unique(self.reference)) < FEWEST_VALUES:
            return False
        return all(map(_is_usual_size, (self.reference, self.rows)))

    @cached_property
    def gap(self) -> float:
        """The gap between the distribution functions of the two windows."""
        return gap_between(self.reference, self.window)

    @cached_property
    def noise(self) -> float:
        """The gap that chance explains, and the step of the reference's quantiles."""
        rows = 1 / self.reference_rows + 1 / len(self.rows)
        return float(LEVEL * np.sqrt(rows)) + 0.5 / len(self.reference)

    def explained(
        self, fault: Fault, changed: FloatArray, *, is_strict: bool = False
    ) -> Iterator[Explanation]:
        """The explanation, if the reference changed by the fault no longer differs from the window.

        Args:
            fault: The fault.
            changed: The reference's values after the fault, in any order.
            is_strict: True if nothing may stay of the gap but chance.
        """
        if not np.isfinite(changed).all() or self.noise > WIDEST_NOISE:
            return
        rest = gap_between(np.sort(changed), self.window)
        allowed = self.noise if is_strict else max(self.noise, REST * self.gap)
        if rest <= allowed and rest <= self.gap / 2:
            yield Explanation(fault=fault, gap=rest)

    def explained_by_sight(self, fault: Fault, changed: FloatArray) -> Iterator[Explanation]:
        """As `explained`, of a fault whose trace in the window is seen by itself, however narrow the gap is."""
        rest = gap_between(np.sort(changed), self.window)
        if rest <= max(self.noise, REST * self.gap):
            yield Explanation(fault=fault, gap=rest)


def gap_between(left: FloatArray, right: FloatArray) -> float:
    """The widest gap between the distribution functions of two ascending samples (Kolmogorov–Smirnov)."""
    if not len(left) or not len(right):
        return 1.0
    places = np.concatenate([left, right])
    below_left = np.searchsorted(left, places, side="right") / len(left)
    below_right = np.searchsorted(right, places, side="right") / len(right)
    return float(np.abs(below_left - below_right).max())


def spread_values(reference: NumericReference) -> FloatArray:
    """At most `QUANTILES` values of a reference, one of each equal part of its rows.

    Where its values were not kept, the upper end of the cell stands for each: cells end at values of the reference,
    and hold a few rows.
    """
    count = min(QUANTILES, reference.usable_rows)
    ranks = ((np.arange(count) + 0.5) * reference.usable_rows / max(count, 1)).astype(np.int64)
    if reference.values is not None:
        return reference.values[ranks]
    ends = np.append(reference.grid.edges, _or_nan(reference.summary.maximum))
    spread: FloatArray = ends[np.searchsorted(np.cumsum(reference.counts), ranks, side="right")]
    return spread


def _or_nan(number: float | None) -> float:
    return np.nan if number is None else number


def _sample_of(profile: NumericProfile) -> ValueSample:
    """The sample of a window that was counted with one, or whose values were kept."""
    if profile.sample is not None:
        return profile.sample
    return ValueSample.of_pieces(values for values, _ in profile.values or ())


def _finite(values: FloatArray) -> FloatArray:
    finite: FloatArray = values[np.isfinite(values)]
    return finite


def _is_usual_size(values: FloatArray) -> bool:
    sizes = np.abs(values[values != 0])
    return not len(sizes) or bool(sizes.max() < LARGEST and sizes.min() > LEAST)
