"""Fits the reference of a feature to its column, in one pass and bounded memory."""

from dataclasses import KW_ONLY, dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa

from .arrays import FloatArray, IntArray
from .categories import CategoryCounts, count_categories, sum_by_name
from .columns import FeatureKind, to_float64
from .grid import Grid, reference_quantile_edges, sorted_numbers
from .origins import choose_origin, has_wide_numbers
from .profiles import Column, Moments, NumericSummary
from .references import (
    CategoricalReference,
    FeatureReference,
    NumericReference,
    count_cells,
    measure_moments,
)
from .value_types import ValueType, value_type_of
from .wide_numbers import WideNumbers, tell_more_apart

MAX_CATEGORIES = 100_000
BY_FREQUENCY = [("count_sum", "descending"), ("name", "ascending")]
MAX_DISTINCT = 2_000_000
"""Distinct categories held while a reference is read. A column with more is an identifier; its rarest are dropped."""


def exact_cells(rows: int) -> int:
    """Cells for exact KS: enough that few may hold the widest gap, which by chance is about 1 / √rows."""
    return int(min(8000, max(500, 8 * rows**0.5)))


class Fitter(Protocol):
    """Takes a column in pieces; gives the feature's reference."""

    def add(self, column: Column) -> None: ...

    def finish(self) -> FeatureReference: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """The way to fit features; see `Baseline.fit`."""

    max_rows: int
    bins: int
    seed: int
    is_untyped: bool = False


def new_fitter(name: str, kind: FeatureKind, options: FitOptions) -> Fitter:
    """The fitter for a feature of this kind."""
    if kind is FeatureKind.NUMERIC:
        return NumericFitter(name, max_rows=options.max_rows, bins=options.bins, seed=options.seed)
    return CategoricalFitter(name, is_untyped=options.is_untyped)


@dataclass(eq=False)
class NumericFitter:
    """Keeps the numbers of at most `max_rows` rows, a uniform sample without replacement, and figures of all rows.

    Every row has a random priority, drawn in row order, so features fitted with one seed keep the same rows, however
    their columns are cut. From the first number on that is too wide for a float, distances from an origin are kept
    beside the floats; the reference is what tells more of its numbers apart.
    """

    name: str
    _: KW_ONLY
    max_rows: int
    bins: int
    seed: int
    chunks: list[FloatArray] = field(default_factory=list)
    priorities: FloatArray = field(default_factory=lambda: np.empty(0))
    rows: int = 0
    held: int = 0
    nulls: int = 0
    nans: int = 0
    centre: float | None = None
    moments: Moments = field(default_factory=Moments)
    value_type: ValueType = ValueType.NULL
    wide: WideNumbers | None = None
    waiting: list[Column] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def add(self, column: Column) -> None:
        """Take the next rows.

        Raises:
            UnusableColumn: If the column holds no numbers.
        """
        self.value_type = first_known(self.value_type, column)
        if self.waiting:
            self._wait(column)
        else:
            self._take(column)

    def _take(self, column: Column) -> None:
        """Count and hold a column; the first one with a wide number waits until an origin is chosen."""
        values = to_float64(column)
        centre = _first_finite(values) if self.centre is None else self.centre
        moments = measure_moments(values, centre or 0.0)
        if self.wide is None and has_wide_numbers(column, moments):
            self._wait(column)
            return
        self.centre = centre
        self.moments += moments
        self._count(values, column.null_count)
        self._hold(values)
        if self.wide is not None:
            self.wide.add(column)
        if self.held > 2 * self.max_rows:
            self._thin()

    def _wait(self, column: Column) -> None:
        self.waiting.append(column)
        self._choose_origin(is_all=False)

    def _choose_origin(self, *, is_all: bool) -> None:
        """Choose the origin as soon as enough rows are seen, and take the columns that waited for it."""
        origin = choose_origin(self.waiting, is_all=is_all)
        if origin is None:
            return
        self.wide = WideNumbers.after(self.chunks, self.moments, self.centre or 0.0, origin)
        waiting, self.waiting = self.waiting, []
        for column in waiting:
            self._take(column)

    def finish(self) -> NumericReference:
        """The reference with its values; the caller decides whether they stay."""
        if self.waiting:
            self._choose_origin(is_all=True)
        values, summary, origin = self._found()
        grid = Grid.from_sorted(values, self.bins, exact_cells(len(values)))
        return NumericReference(
            name=self.name,
            value_type=self.value_type,
            n=self._numbers,
            nulls=self.nulls,
            nans=self.nans,
            infinite=self._numbers - self.moments.finite,
            summary=summary,
            grid=grid,
            bin_edges=self._bin_edges(values),
            counts=count_cells(grid, values, self.value_type),
            values=values,
            origin=origin,
        )

    def _found(self) -> tuple[FloatArray, NumericSummary, int | None]:
        """The numbers that stay, ascending, the summary of all, and the origin that both are distances from."""
        if self.held > self.max_rows:
            self._thin()
        values = _ordered(self.chunks)
        if self.wide is not None:
            distances = _ordered(self.wide.chunks)
            if tell_more_apart(distances, values):
                return distances, self.wide.moments.summary(0.0), self.wide.origin
        return values, self.moments.summary(self.centre or 0.0), None

    @property
    def _numbers(self) -> int:
        """Rows with a number, ±inf among them."""
        return self.rows - self.nulls - self.nans

    def _count(self, values: FloatArray, nulls: int) -> None:
        """Count a column's rows, and those without a number."""
        self.rows += len(values)
        self.nulls += nulls
        self.nans += int(np.count_nonzero(np.isnan(values))) - nulls

    def _hold(self, values: FloatArray) -> None:
        self.chunks.append(values)
        self.held += len(values)

    def _bin_edges(self, values: FloatArray) -> FloatArray:
        return reference_quantile_edges(values, self.bins) if len(values) else np.empty(0)

    def _thin(self) -> None:
        """Drop all rows but the `max_rows` of the lowest priorities."""
        values, priorities = np.concatenate(self.chunks), self._drawn_priorities()
        chosen = np.sort(np.argpartition(priorities, self.max_rows)[: self.max_rows])
        self.chunks, self.priorities = [values[chosen]], priorities[chosen]
        self.held = self.max_rows
        if self.wide is not None:
            self.wide.keep(chosen)

    def _drawn_priorities(self) -> FloatArray:
        """The priorities of all rows held, those that have none yet drawn in row order."""
        fresh = self.random.random(self.held - len(self.priorities))
        return np.concatenate([self.priorities, fresh])


def first_known(known: ValueType, column: Column) -> ValueType:
    """The type of the first part of a column that has one."""
    return value_type_of(column.type) if known is ValueType.NULL else known


def _ordered(chunks: list[FloatArray]) -> FloatArray:
    """The numbers of some chunks, ascending, protected against changes."""
    values = sorted_numbers(np.concatenate([np.empty(0), *chunks]))
    values.flags.writeable = False
    return values


def _first_finite(values: FloatArray) -> float | None:
    finite = values[np.isfinite(values)]
    return float(finite[0]) if len(finite) else None


@dataclass(eq=False)
class CategoricalFitter:
    """Counts every category, and keeps the most frequent."""

    name: str
    found: list[CategoryCounts] = field(default_factory=list)
    dropped_rows: int = 0
    value_type: ValueType = ValueType.NULL
    is_untyped: bool = False

    def add(self, column: Column) -> None:
        """Take the next rows.

        Raises:
            UnusableColumn: If the column holds no categories.
        """
        self.value_type = first_known(self.value_type, column)
        if self.is_untyped and self.value_type is ValueType.TEXT:
            self.value_type = ValueType.UNTYPED
        self.found.append(count_categories(column, self.value_type))
        distinct = sum(len(each.counts) for each in self.found)
        if distinct > MAX_DISTINCT:
            self._compact(MAX_DISTINCT // 2)

    def finish(self) -> CategoricalReference:
        """The reference, most frequent categories first, ties by name."""
        self._compact(MAX_CATEGORIES)
        (kept,) = self.found
        return CategoricalReference(
            name=self.name,
            value_type=self.value_type,
            n=kept.rows + self.dropped_rows,
            nulls=kept.nulls,
            categories=kept.categories,
            counts=kept.counts,
            other=self.dropped_rows,
        )

    def _compact(self, most: int) -> None:
        """Add up what was found, and keep the most frequent categories."""
        ordered = _by_frequency(self.found)
        self.dropped_rows += int(_counts(ordered.slice(most)).sum())
        kept = ordered.slice(0, most).combine_chunks()
        nulls = sum(each.nulls for each in self.found)
        names = kept.column("name").combine_chunks()
        self.found = [CategoryCounts(names, _counts(kept), nulls)]


def _by_frequency(found: list[CategoryCounts]) -> pa.Table:
    """All categories with the sums of their rows, the most frequent first, ties by name."""
    names = pa.chunked_array([each.categories for each in found], pa.large_string())
    return sum_by_name(names, found).sort_by(BY_FREQUENCY)


def _counts(summed: pa.Table) -> IntArray:
    counts: IntArray = summed.column("count_sum").to_numpy()
    return counts
