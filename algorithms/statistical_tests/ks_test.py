"""Tests two windows by the Kolmogorov–Smirnov test, exactly and without sorting either of them."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np

from ..arrays import BoolArray, CodeArray, FloatArray, IntArray
from ..columns import Values
from ..grid import Grid
from ..kernels.cell_values import largest_below, select, widen_ranges
from ..kernels.cells import Lookup, count_places, find_positions
from ..kernels.gaps import find_wider_cells, gaps_at_edges, rank_gap, widest_gap_inside
from .ks_distribution import ks_p_value
from .windows import numeric_windows, require_rows

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
        left_counted, right_counted = (Counted(each.counts, each.inside) for each in placed)
        gap = _widest_gap(
            left_counted, right_counted, _single_places(before, after, table, few), apply
        )
        location = gap.value
        if gap.edge is not None:
            location = max(apply(partial(_Placed.largest_below, edge=gap.edge), placed))
    return replace(
        _as_result(gap, before.counts, after.counts, location),
        nulls_reference=len(left) - int(before.counts.sum()),
        nulls_current=len(right) - int(after.counts.sum()),
    )


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
    location = (
        gap.value if gap.edge is None else float(grid.edges[gap.edge - 1]) if gap.steps else np.nan
    )
    return _as_result(gap, reference.counts, current.counts, location)


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
    before, after = reference.counts, current.counts
    n, m = int(before.sum()), int(after.sum())
    require_rows(n, m)
    gaps, wanted = np.empty(len(before) + 1, np.int64), np.empty(len(before), np.bool_)
    edge = int(gaps_at_edges(before, after, n, m, gaps))
    widest = int(gaps[edge])
    known = int(rank_gap(widest))
    reach = int(find_wider_cells(before, after, n, m, gaps, is_single, known, wanted))
    insides = [counted.inside for counted in (reference, current) if counted.inside]
    if not reach or len(insides) < 2:
        return _Gap(steps=widest, edge=edge, reach=reach // 2)
    left, right = apply(lambda inside: inside(wanted), insides)
    found, where = widest_gap_inside(
        left, right, before[wanted], after[wanted], gaps[:-1][wanted], n, m, known
    )
    return (
        _Gap(steps=int(found), edge=None, value=float(where))
        if found
        else _Gap(steps=widest, edge=edge)
    )


def _as_result(gap: _Gap, before: IntArray, after: IntArray, location: float) -> KsResult:
    n, m = int(before.sum()), int(after.sum())
    statistic = abs(gap.steps) / (n * m)
    return KsResult(
        statistic=statistic,
        p_value=ks_p_value(abs(gap.steps), n, m),
        effect_size=statistic,
        error_bound=max(0, gap.reach - abs(gap.steps)) / (n * m),
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
        counts, places = (
            np.zeros(PLACES + 1, np.uint32),
            np.empty(len(values), np.uint16),
        )  # small, for the cache
        count_places(values, table, counts, places)
        return cls(values, places, counts[:-1].astype(np.int64))

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
    ordered = np.sort(np.concatenate(few))
    return ordered[: int(np.searchsorted(ordered, np.nan))]  # NaN sorts last


def _table_for(few: FloatArray) -> Lookup:
    """The table that spreads a sample best."""
    edges = np.unique(np.concatenate([few[:: max(1, len(few) // EDGES)], few[-1:]]))
    return Grid(edges[edges < np.inf]).table._replace(size=PLACES)


def _single_places(before: _Placed, after: _Placed, table: Lookup, few: FloatArray) -> BoolArray:
    """The places that hold much of two windows and one value alone: there both step at once, and inside is no gap.

    Those in which a sample has several values need not be looked at.
    """
    rows = before.counts + after.counts
    heavy = rows > HEAVY * rows.sum()
    places = np.empty(len(few), np.uint16)
    find_positions(few, table, places)
    heavy[places[1:][(places[1:] == places[:-1]) & (few[1:] != few[:-1])]] = False
    if not heavy.any():
        return heavy
    lows, highs = np.full(PLACES + 1, np.inf), np.full(PLACES + 1, -np.inf)
    for each in (before, after):
        widen_ranges(each.values, each.places, np.append(heavy, False), lows, highs)
    is_single: BoolArray = heavy & (lows[:-1] == highs[:-1])
    return is_single
