"""Two-sample Kolmogorov–Smirnov test, exact without sorting either window."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from algorithms import kernels
from algorithms.columns import Values
from algorithms.grid import Grid
from algorithms.kernels import BoolArray, CodeArray, FloatArray, IntArray
from algorithms.statistical_tests.ks_distribution import ks_p_value
from algorithms.statistical_tests.windows import numeric_windows, require_rows

SAMPLE = 60_000
CELLS = 8000
SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KsResult:
    """What the two-sample Kolmogorov–Smirnov test found.

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
    few = np.sort(left if len(left) <= SAMPLE else np.random.default_rng(SEED).choice(left, SAMPLE))
    grid = Grid.from_sorted(few[: int(np.searchsorted(few, np.nan))], 2, CELLS)  # NaN sorts last
    with ThreadPoolExecutor(len(windows)) as pool:
        before, after = pool.map(partial(_counted, grid), windows)
        result = ks_from_cells(grid, before, after, pool.map)
        location = np.inf if np.isnan(result.location) else result.location
        largest = pool.map(partial(kernels.largest_up_to, limit=location), windows)
        return replace(
            result,
            nulls_reference=len(left) - result.n_reference,
            nulls_current=len(right) - result.n_current,
            location=float(max(largest)),
        )


def ks_from_cells(grid: Grid, reference: Counted, current: Counted, apply: Apply = map) -> KsResult:
    """The test on two windows counted on one grid.

    At the edges of the cells the gap is known exactly. Inside a cell it can grow by no more than the rows the cell
    holds, so only the few cells where it might become the widest are looked into, if both windows' values were kept. If
    they were not, the statistic is the widest gap at an edge, and `error_bound` says how much wider it may be.

    Args:
        grid: The cells.
        reference: The reference on them.
        current: The current window on them.
        apply: How values of both are taken out; a thread pool's `map` does it at once.

    Raises:
        InsufficientData: If a window holds no number.
    """
    before, after = reference.counts, current.counts
    n, m = int(before.sum()), int(after.sum())
    require_rows(n, m)
    gaps, wanted = np.empty(grid.cells + 1, np.int64), np.empty(grid.cells, np.bool_)
    place = kernels.gaps_at_edges(before, after, n, m, gaps)
    widest, location = int(gaps[place]), float(grid.edges[place - 1]) if gaps[place] else np.nan
    known, bound = int(kernels.rank_gap(widest)), 0.0
    reach = kernels.find_wider_cells(before, after, n, m, gaps, grid.single_valued, known, wanted)
    insides = [counted.inside for counted in (reference, current) if counted.inside]
    if reach and len(insides) < 2:
        bound = (reach // 2 - abs(widest)) / (n * m)
    elif reach:
        left, right = apply(lambda inside: inside(wanted), insides)
        found, where = kernels.widest_gap_inside(
            left, right, before[wanted], after[wanted], gaps[:-1][wanted], n, m, known
        )
        widest, location = (int(found), float(where)) if found else (widest, location)
    statistic = abs(widest) / (n * m)
    return KsResult(
        statistic=statistic,
        p_value=ks_p_value(abs(widest), n, m),
        effect_size=statistic,
        error_bound=bound,
        location=location,
        sign=1 if widest >= 0 else -1,
        n_reference=n,
        n_current=m,
    )


def values_inside(chunks: tuple[tuple[FloatArray, CodeArray], ...], counts: IntArray, wanted: BoolArray) -> FloatArray:
    """The ascending values that lie in wanted cells, of values kept in chunks beside their cells."""
    selected, found = np.empty(int(counts[wanted].sum()) + 1), 0
    wanted_or_nan = np.append(wanted, False)
    for values, codes in chunks:
        found = kernels.select(values, codes, wanted_or_nan, selected, found)
    return np.sort(selected[:found])


def _counted(grid: Grid, values: FloatArray) -> Counted:
    counts, codes = grid.count(values)
    return Counted(counts[:-1], lambda wanted: values_inside(((values, codes),), counts[:-1], wanted))
