"""Tests two windows by the Kolmogorov–Smirnov test, exactly and without sorting either of them."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np

from ..arrays import BoolArray, CodeArray, FloatArray, IntArray
from ..columns import Values
from ..grid import Grid, sorted_numbers
from ..kernels.cell_values import largest_below, select, widen_ranges
from ..kernels.cells import Lookup, count_places, find_positions
from ..kernels.gaps import find_wider_cells, gaps_at_edges, rank_gap, widest_gap_inside
from .ks_distribution import ks_p_value
from .windows import counted_rows, numeric_windows

SAMPLE = 5000
EDGES = 500
SEED = 0
PLACES = 65_535
"""Places of a table that with one more, for NaN, are as many as 16 bits can name."""
FEW = 1 / 16
"""The share of a window below which its wanted values are picked out one by one."""
HEAVY = 1 / 5000
"""The share of both windows from which on a place is looked at whether it holds one value alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KsResult:
    """The result of the two-sample Kolmogorov–Smirnov test.

    Attributes:
        statistic: D, the widest gap between the two empirical distribution functions, in [0, 1].
        p_value: Chance of a gap at least this wide when both windows have one distribution.
        effect_size: D itself.
        error_bound: The exact D is at least `statistic` and at most so much more; 0 when it is exact.
        location: A value at which the gap is widest; ±inf when an infinite row sits there, NaN when there is no gap.
        sign: +1 when the reference's distribution function is the higher one there (current values are larger), or −1.
    """

    statistic: float
    p_value: float
    effect_size: float
    error_bound: float
    location: float
    sign: int
    n_reference: int
    n_current: int
    nulls_reference: int = 0
    nulls_current: int = 0


type Inside = Callable[[BoolArray], FloatArray]
type Apply = Callable[[Callable[[Inside], FloatArray], list[Inside]], Iterable[FloatArray]]
type ApplyToPlaced = Callable[[Callable[["_Placed"], float], Sequence["_Placed"]], list[float]]


@dataclass(frozen=True, slots=True)
class Counted:
    """A window on a grid.

    Attributes:
        counts: Shape (cells,).
        inside: Gives the ascending values in the wanted cells, shape (cells,); None when the values were not kept.
    """

    counts: IntArray
    inside: Inside | None = None


def ks_test(reference: Values, current: Values) -> KsResult:
    """Two-sided two-sample Kolmogorov–Smirnov test; agrees with `scipy.stats.ks_2samp(method="auto")`.

    The p-value is exact up to 10,000 rows in the larger window and Smirnov's asymptotic one beyond. Ties make it
    conservative. Nulls and NaN are dropped and counted; −inf and +inf are ordinary values, below and above all others;
    booleans count as 0 and 1. Two constants give D = 0 when equal and D = 1 when not; one row is enough, and
    can never be significant.

    Args:
        reference: Shape (n,), numbers or nulls.
        current: Shape (m,), numbers or nulls.

    Raises:
        InsufficientData: If a window holds no number.
        ValueError: If a window is not one-dimensional.
        TypeError: If a window does not hold numbers.
    """
    windows = left, right = numeric_windows(reference, current)
    few = _sample(windows)
    table = _table_for(few)
    with ThreadPoolExecutor(1) as pool:
        apply = partial(_apply_to_both, pool)
        before, after = placed = apply(partial(_Placed.of, table), windows)
        gap = _widest_gap(*_counted(placed), _single_places(placed, table, few), apply)
        location = _location(gap, placed, apply)
    return replace(
        _as_result(gap, before.counts, after.counts, location),
        nulls_reference=len(left) - before.rows,
        nulls_current=len(right) - after.rows,
    )


def _counted(placed: Sequence["_Placed"]) -> tuple[Counted, Counted]:
    before, after = placed
    return Counted(before.counts, before.inside), Counted(after.counts, after.inside)


def _location(gap: "_Gap", placed: Sequence["_Placed"], apply: ApplyToPlaced) -> float:
    """The value at which the gap is; at an edge, the largest value below it."""
    if gap.edge is None:
        return gap.value
    return max(apply(partial(_Placed.largest_below, edge=gap.edge), placed))


def _apply_to_both[T, R](pool: Executor, function: Callable[[T], R], pair: Sequence[T]) -> list[R]:
    """A function of two windows, of the second in another thread: a test takes little longer than a thread's start."""
    first, second = pair
    other = pool.submit(function, second)
    return [function(first), other.result()]


def ks_from_cells(grid: Grid, reference: Counted, current: Counted) -> KsResult:
    """The test on two windows counted on one grid.

    At the edges of the cells the gap is known exactly. Inside a cell it can grow by no more than the rows the cell
    holds, so only the few cells where it might become the widest are looked into, if both windows' values were kept. If
    they were not, the statistic is the widest gap at an edge, and `error_bound` says how much wider it may be.

    Args:
        grid: The cells.
        reference: The reference on them.
        current: The current window on them.

    Raises:
        InsufficientData: If a window holds no number.
    """
    gap = _widest_gap(reference, current, grid.single_valued, map)
    return _as_result(gap, reference.counts, current.counts, _location_on(grid, gap))


def _location_on(grid: Grid, gap: "_Gap") -> float:
    if gap.edge is None:
        return gap.value
    return float(grid.edges[gap.edge - 1]) if gap.steps else np.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gap:
    """The widest gap between two distribution functions.

    Attributes:
        steps: Its size in steps of 1/(n·m), positive where the reference's function is the higher one.
        edge: How many cells lie below the edge at which it is; None if it lies inside a cell.
        value: The value at which it is, if it lies inside a cell.
        reach: How wide it may be at most.
    """

    steps: int
    edge: int | None
    value: float = np.nan
    reach: int = 0


def _widest_gap(reference: Counted, current: Counted, is_single: BoolArray, apply: Apply) -> _Gap:
    """The widest gap of two windows counted on the same cells, of which some have room for one value alone."""
    cells = _Cells.of(reference.counts, current.counts)
    reach, wanted = cells.find_wider(is_single)
    insides = [counted.inside for counted in (reference, current) if counted.inside]
    if not reach or len(insides) < 2:
        return replace(cells.widest, reach=reach // 2)
    left, right = apply(lambda inside: inside(wanted), insides)
    return cells.look_into(wanted, left, right) or cells.widest


@dataclass(frozen=True, slots=True)
class _Cells:
    """Two windows counted on the same cells, and what their gap is at the edges.

    Attributes:
        reference: Shape (cells,), rows in each cell.
        current: The same of the current window.
        n: Rows of the reference.
        m: Rows of the current window.
        gaps: Shape (cells + 1,), the gap at the start of each cell and at the end of the last.
        widest: The widest of them.
    """

    reference: IntArray
    current: IntArray
    n: int
    m: int
    gaps: IntArray
    widest: _Gap

    @classmethod
    def of(cls, reference: IntArray, current: IntArray) -> Self:
        n, m = counted_rows(reference, current)
        gaps = np.empty(len(reference) + 1, np.int64)
        edge = int(gaps_at_edges(reference, current, n, m, gaps))
        widest = _Gap(steps=int(gaps[edge]), edge=edge)
        return cls(reference, current, n, m, gaps, widest)

    @property
    def rank(self) -> int:
        """The rank of the widest gap at an edge."""
        return int(rank_gap(self.widest.steps))

    def find_wider(self, is_single: BoolArray) -> tuple[int, BoolArray]:
        """The highest rank that a gap may reach inside a cell, 0 if none does, and those cells."""
        wanted = np.empty(len(self.reference), np.bool_)
        reach = find_wider_cells(
            self.reference, self.current, self.n, self.m, self.gaps, is_single, self.rank, wanted
        )
        return int(reach), wanted

    def look_into(self, wanted: BoolArray, left: FloatArray, right: FloatArray) -> _Gap | None:
        """The widest gap inside the wanted cells, from their values; None if none is wider."""
        counts = self.reference[wanted], self.current[wanted], self.gaps[:-1][wanted]
        steps, value = widest_gap_inside(left, right, *counts, self.n, self.m, self.rank)
        return _Gap(steps=int(steps), edge=None, value=float(value)) if steps else None


def _as_result(gap: _Gap, before: IntArray, after: IntArray, location: float) -> KsResult:
    n, m = int(before.sum()), int(after.sum())
    steps = abs(gap.steps)
    return KsResult(
        statistic=steps / (n * m),
        p_value=ks_p_value(steps, n, m),
        effect_size=steps / (n * m),
        error_bound=max(0, gap.reach - steps) / (n * m),
        location=location,
        sign=1 if gap.steps >= 0 else -1,
        n_reference=n,
        n_current=m,
    )


def values_inside(
    chunks: tuple[tuple[FloatArray, CodeArray], ...], counts: IntArray, wanted: BoolArray
) -> FloatArray:
    """The ascending values that lie in wanted cells, of values kept in chunks beside their cells."""
    rows = int(counts[wanted].sum())
    are_few = bool(rows < FEW * counts.sum())
    selected, found = np.empty(rows + 1), 0
    wanted_or_nan = np.append(wanted, False)
    for values, codes in chunks:
        found = select(values, codes, wanted_or_nan, selected, found, are_few)
    return np.sort(selected[:found])


@dataclass(frozen=True, slots=True)
class _Placed:
    """A window's values and their places in a table, shape (n,), with NaN in the last; counts of shape (PLACES,)."""

    values: FloatArray
    places: CodeArray
    counts: IntArray

    @classmethod
    def of(cls, table: Lookup, values: FloatArray) -> Self:
        places = np.empty(len(values), np.uint16)
        counts = np.zeros(PLACES + 1, np.uint32)  # small, for the cache
        count_places(values, table, counts, places)
        return cls(values, places, counts[:-1].astype(np.int64))

    @property
    def rows(self) -> int:
        """Rows with a number."""
        return int(self.counts.sum())

    def inside(self, wanted: BoolArray) -> FloatArray:
        """The ascending values in the wanted places."""
        return values_inside(((self.values, self.places),), self.counts, wanted)

    def largest_below(self, edge: int) -> float:
        """The largest value in the places below an edge; of all if there is none below."""
        return float(largest_below(self.values, self.places, edge or PLACES))


def _sample(windows: Sequence[FloatArray]) -> FloatArray:
    """Some values of each window, ascending, without NaN."""
    random = np.random.default_rng(SEED)
    few = [values if len(values) <= SAMPLE else random.choice(values, SAMPLE) for values in windows]
    return sorted_numbers(np.concatenate(few))


def _table_for(few: FloatArray) -> Lookup:
    """The table that spreads a sample best."""
    stride = max(1, len(few) // EDGES)
    edges = np.unique(np.concatenate([few[::stride], few[-1:]]))
    return Grid(edges[edges < np.inf]).table._replace(size=PLACES)


def _single_places(placed: Sequence[_Placed], table: Lookup, few: FloatArray) -> BoolArray:
    """The places that hold much of two windows and one value alone: there both step at once, and inside is no gap.

    Those in which a sample has several values need not be looked at.
    """
    heavy = _heavy_places(placed)
    heavy[_mixed_places(table, few)] = False
    return _level_places(placed, heavy) if heavy.any() else heavy


def _heavy_places(placed: Sequence[_Placed]) -> BoolArray:
    """The places that hold much of both windows."""
    before, after = placed
    rows = before.counts + after.counts
    heavy: BoolArray = rows > HEAVY * rows.sum()
    return heavy


def _mixed_places(table: Lookup, few: FloatArray) -> CodeArray:
    """The places in which an ascending sample has several values."""
    places = np.empty(len(few), np.uint16)
    find_positions(few, table, places)
    is_mixed = (places[1:] == places[:-1]) & (few[1:] != few[:-1])
    mixed: CodeArray = places[1:][is_mixed]
    return mixed


def _level_places(placed: Sequence[_Placed], heavy: BoolArray) -> BoolArray:
    """Those of the heavy places whose least and greatest values are one."""
    lows, highs = _ranges(placed, np.append(heavy, False))
    is_single: BoolArray = heavy & (lows == highs)[:-1]
    return is_single


def _ranges(placed: Sequence[_Placed], wanted: BoolArray) -> tuple[FloatArray, FloatArray]:
    """The least and the greatest value of both windows in each wanted place."""
    lows, highs = np.full(PLACES + 1, np.inf), np.full(PLACES + 1, -np.inf)
    for each in placed:
        widen_ranges(each.values, each.places, wanted, lows, highs)
    return lows, highs
