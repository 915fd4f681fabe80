"""Defines the frozen cells of a numeric feature, and finds a value's cell without a search."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from .arrays import BoolArray, CodeArray, FloatArray, IntArray
from .kernels.cells import Lookup, count_column, find_positions

TABLE_SIZE = 65_536
MANTISSA_BITS = 52
"""Bits after the point of an IEEE 754 float64."""
LARGEST = np.finfo(np.float64).max
SLACK = {MANTISSA_BITS: 4}
"""Units in the last place by which equal numbers may differ: by 4 after a few operations on float64; by 1 where a
narrower float was rounded once."""
ROOM = {MANTISSA_BITS: 1024}
"""Units in the last place to the next edge from which a frequent value stands alone. Nearer ones are data that use up
the resolution of floats, such as seconds since 1970 with microseconds."""
OCTAVE_BITS = (6, 9, 11)
"""Steps to an octave that logarithmic tables try, as powers of two, the coarsest first."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells open to ±∞: cell i holds edges[i−1] < x <= edges[i].

    Attributes:
        edges: Shape (cells − 1,), ascending, distinct, without NaN and +inf; it may be empty.
    """

    edges: FloatArray

    @classmethod
    def from_sorted(cls, reference: FloatArray, bins: int, cells: int) -> Self:
        """The grid of a reference.

        Its edges are the reference's quantiles, so that cells hold about equally many rows; a value that holds more
        than a cell's share gets a cell of its own. Where the reference has a gap, equally spaced edges cut it, so that
        it is not one wide cell. The edges of `bins` quantile cells, which PSI compares, are among them.

        Args:
            reference: Shape (n,), ascending, without NaN; n may be 0.
            bins: Cells that PSI compares.
            cells: Quantile cells wanted; rounded to a multiple of `bins`.
        """
        if not len(reference):
            return cls(np.empty(0))
        quantiles = reference_quantile_edges(reference, bins * max(1, round(cells / bins)))
        steps = min(cells // 4, len(reference))
        return cls(np.union1d(quantiles, _gap_edges(reference, quantiles, steps)))

    @property
    def cells(self) -> int:
        """Number of cells."""
        return len(self.edges) + 1

    def count(self, values: FloatArray) -> tuple[IntArray, CodeArray]:
        """Count a column.

        Args:
            values: Shape (n,).

        Returns:
            Counts of shape (cells + 1,), NaN in the last, and each value's cell, shape (n,).
        """
        counts = np.zeros(self.cells + 1, np.int64)
        codes = np.empty(len(values), self.code_type)
        count_column(values, self.lookup, counts, codes)
        return counts, codes

    @property
    def code_type(self) -> np.dtype[np.unsignedinteger[Any]]:
        """The least type that holds a cell's number."""
        is_narrow = self.cells < np.iinfo(np.uint16).max
        return np.dtype(np.uint16 if is_narrow else np.uint32)

    @cached_property
    def single_valued(self) -> BoolArray:
        """Shape (cells,), which cells have room for one float only, so that two windows step there at once."""
        is_single = np.zeros(self.cells, np.bool_)
        if len(self.edges):
            is_single[1:-1] = np.nextafter(self.edges[:-1], np.inf) == self.edges[1:]
            is_single[0] = self.edges[0] == -np.inf
            is_single[-1] = self.edges[-1] == LARGEST
        return is_single

    def loosened(self, bits: int) -> Self:
        """The same cells for values that are rounded to a mantissa of some bits.

        The same number computed or stored in two ways differs in its last bits: 3 · 0.1 is not 3 / 10, and 19.99 as a
        float32 is not 19.99. So the cell of a frequent value, which has room for that float alone, takes what lies
        within a few units in the last place too, unless other values of the reference are as near. Cells keep their
        numbers.
        """
        if not self.single_valued.any():
            return self
        runs = _Runs.of(self.edges, self.single_valued[1:-1], bits)
        slack = np.where(runs.are_loose, SLACK.get(bits, 1), 0) * _unit(self.edges, bits)
        with np.errstate(over="ignore"):
            moved = np.where(runs.are_last, self.edges + slack, runs.first - slack)
        is_moved = runs.are_loose & np.isfinite(moved)
        return type(self)(np.where(is_moved, moved, self.edges))

    def cell_starts(self, upper_edges: FloatArray) -> IntArray:
        """The first cell above each of some of the grid's edges, with 0 in front: where groups of cells begin."""
        above = np.searchsorted(self.edges, upper_edges) + 1
        return np.concatenate([[0], above]).astype(np.int64)

    @cached_property
    def lookup(self) -> Lookup:
        """By the table whose fullest place holds the fewest edges."""
        table, per_place = self._emptiest_table()
        halvings = int(per_place.max()).bit_length()
        return table._replace(
            first=_edges_before(per_place).astype(self.code_type),
            edges=_padded(self.edges, 2 ** (halvings + 1)),
            halvings=halvings,
        )

    @property
    def table(self) -> Lookup:
        """The lookup's table, which has no edges yet."""
        return self._emptiest_table()[0]

    def _emptiest_table(self) -> tuple[Lookup, IntArray]:
        """The table whose fullest place holds the fewest edges, and the edges of each place."""
        best: tuple[Lookup, IntArray] | None = None
        for table in _tables(self.edges[np.isfinite(self.edges)]):
            per_place = _edges_per_place(table, self.edges)
            if best is None or per_place.max() < best[1].max():
                best = table, per_place
            if per_place.max() <= 1:
                break
        if best is None:
            raise AssertionError("There is always a table to try.")
        return best


NO_EDGES: dict[str, Any] = {"first": np.empty(0, np.uint16), "edges": np.empty(0), "halvings": 0}


def _tables(edges: FloatArray) -> list[Lookup]:
    """The tables to try for finite edges, linear ones first, as they are the quickest to use."""
    if not len(edges):
        return [_linear(0.0, 0.0)]
    return _linear_tables(edges) + _logarithmic_tables(edges)


def _linear_tables(edges: FloatArray) -> list[Lookup]:
    """Tables over all edges, and over fewer, as a far edge would make all steps wide."""
    tables: list[Lookup] = []
    for trimmed in _trims(len(edges)):
        low, high = float(edges[trimmed]), float(edges[-1 - trimmed])
        scale = _places_per_unit(low, high)
        if 0 < scale < np.inf:
            tables.append(_linear(low, scale))
    return tables


def _trims(edges: int) -> list[int]:
    """The numbers of edges to leave out at either end: none, 0.1 %, 1 % and 5 %."""
    return sorted({0, edges // 1000, edges // 100, edges // 20})


def _places_per_unit(low: float, high: float) -> float:
    """The scale of a linear table; 0 or inf where the range is too wide or too narrow for one."""
    with np.errstate(over="ignore", divide="ignore"):
        return float(np.float64(TABLE_SIZE) / (np.float64(high) - np.float64(low)))


def _logarithmic_tables(edges: FloatArray) -> list[Lookup]:
    tables: list[Lookup] = []
    for centre in {0.0, float(edges[len(edges) // 2])}:
        tables += [_logarithmic(edges, centre, bits) for bits in OCTAVE_BITS]
    return tables


def _edges_per_place(table: Lookup, edges: FloatArray) -> IntArray:
    return np.bincount(_positions(table, edges), minlength=TABLE_SIZE)


def _edges_before(per_place: IntArray) -> IntArray:
    """The number of edges in the places before each place."""
    return np.concatenate([[0], np.cumsum(per_place)[:-1]])


def _padded(edges: FloatArray, places: int) -> FloatArray:
    """The edges with enough +inf after them for a search to stay inside."""
    return np.concatenate([edges, np.full(places, np.inf)])


def _linear(origin: float, scale: float) -> Lookup:
    """A table of equal steps, still without edges."""
    return Lookup(True, origin, scale, 0, 0, TABLE_SIZE, **NO_EDGES)


def _logarithmic(edges: FloatArray, centre: float, bits: int) -> Lookup:
    """A table for heavy tails that ends at the edge farthest from the centre, with 2**bits steps to an octave."""
    shift = MANTISSA_BITS - bits
    lowest = (_float_bits(_farthest(edges, centre)) >> shift) - TABLE_SIZE // 2 + 1
    return Lookup(False, centre, 0.0, shift, lowest, TABLE_SIZE, **NO_EDGES)


def _farthest(edges: FloatArray, centre: float) -> float:
    """The distance from the centre to the edge that lies farthest from it."""
    with np.errstate(over="ignore"):
        return float(np.abs(edges - centre).max())


def _float_bits(value: float) -> int:
    """The bits of a float as a whole number, which rises with the float while that is positive."""
    return int(np.float64(value).view(np.int64))


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs of edges that lie a few units in the last place apart: the bounds of one value, or of a few equal ones.

    Attributes:
        first: Shape (edges,), the first edge of each edge's run.
        are_last: Shape (edges,), which edges are the last of their run.
        are_loose: Shape (edges,), which edges bound a frequent value that stands alone.
    """

    first: FloatArray
    are_last: BoolArray
    are_loose: BoolArray

    @classmethod
    def of(cls, edges: FloatArray, is_single: BoolArray, bits: int) -> Self:
        units = _gaps_in_units(edges, bits)
        narrow = 2 * SLACK.get(bits, 1)
        begins = np.append(True, units > narrow)
        run = np.cumsum(begins) - 1
        starts = np.flatnonzero(begins)
        ends = np.append(starts[1:], len(edges)) - 1
        holds_value = np.bincount(run[1:], weights=is_single, minlength=len(starts)) > 0
        widths = np.add.reduceat(np.where(begins, 0.0, np.append(0.0, units)), starts)
        around = np.concatenate([[np.inf], units, [np.inf]])
        is_alone = np.minimum(around[starts], around[ends + 1]) > ROOM.get(bits, narrow)
        loose = holds_value & (widths <= narrow) & is_alone
        return cls(edges[starts][run], np.append(begins[1:], True), loose[run])


def _gaps_in_units(edges: FloatArray, bits: int) -> FloatArray:
    """The distances of neighbouring edges, shape (edges − 1,), in units in the last place of the larger of the two."""
    unit = np.maximum(_unit(edges[:-1], bits), _unit(edges[1:], bits))
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        gaps: FloatArray = np.diff(edges) / unit
    return np.nan_to_num(gaps, nan=np.inf, posinf=np.inf)


def _unit(values: FloatArray, bits: int) -> FloatArray:
    """The unit in the last place of finite floats with a mantissa of some bits; 0 for 0 and what is not finite."""
    finite = np.where(np.isfinite(values), values, 0.0)
    _, exponents = np.frexp(finite)
    units: FloatArray = np.where(finite == 0, 0.0, np.ldexp(1.0, exponents - 1 - bits))
    return units


def usual_range(low: float, high: float, bits: int | None) -> tuple[float, float]:
    """A range that takes in what differs from its ends in the last places only."""
    if bits is None:
        return low, high
    ends = np.array([low, high])
    below, above = SLACK.get(bits, 1) * _unit(ends, bits)
    return low - float(below), high + float(above)


def _positions(table: Lookup, values: FloatArray) -> IntArray:
    found = np.empty(len(values), np.uint32)
    find_positions(values, table, found)
    return found.astype(np.int64)


def reference_quantile_edges(reference: FloatArray, bins: int) -> FloatArray:
    """Ascending upper cell ends from a sorted reference, shape (at most 2·bins,).

    Equal quantiles merge. A value that holds at least 1/bins of the reference gets a cell of its own, bounded on both
    sides: a reference of zeros sees any move away from zero, up or down.

    Raises:
        ValueError: If there are fewer than 2 bins.
    """
    if bins < 2:
        raise ValueError(f"At least 2 bins are needed, not {bins}.")
    cuts = _quantiles(reference, bins)
    heavy = cuts[_rows_equal(reference, cuts) >= _heavy_rows(len(reference), bins)]
    edges = np.unique(np.concatenate([cuts, _just_below(heavy)]))
    return edges[edges < np.inf]  # nothing lies above +inf


def sorted_numbers(values: FloatArray) -> FloatArray:
    """The values, ascending, without NaN, which sorts last."""
    ordered = np.sort(values)
    return ordered[: int(np.searchsorted(ordered, np.nan))]


def _quantiles(reference: FloatArray, bins: int) -> FloatArray:
    """The distinct inner quantiles of a sorted reference, each one of its values.

    They are those of numpy's method "inverted_cdf", with ranks in whole numbers instead of floats.
    """
    ranks = -(-np.arange(1, bins) * len(reference) // bins) - 1
    return np.unique(reference[np.maximum(ranks, 0)])


def _rows_equal(reference: FloatArray, values: FloatArray) -> IntArray:
    """The rows of a sorted reference that hold each of some values."""
    ends = np.searchsorted(reference, values, side="right")
    return ends - np.searchsorted(reference, values, side="left")


def _heavy_rows(n: int, bins: int) -> float:
    """The rows that earn a value a cell of its own: a cell's share, and two if there are two."""
    return max(min(2, n), n / bins)


def _just_below(values: FloatArray) -> FloatArray:
    """The next float below each value; below the least float lies -inf."""
    with np.errstate(over="ignore"):
        below: FloatArray = np.nextafter(values, -np.inf)
    return below


def _gap_edges(reference: FloatArray, edges: FloatArray, steps: int) -> FloatArray:
    """Those of `steps` equal steps through a sorted reference's finite range that have no edge within half a step."""
    finite = reference[np.isfinite(reference)]
    if not len(finite) or finite[0] == finite[-1]:
        return np.empty(0)
    # halved, as the whole range may be wider than the largest float
    low, high = finite[0] / 2, finite[-1] / 2
    halves: FloatArray = low + (high - low) * (np.arange(1, steps) / steps)
    chosen: FloatArray = 2 * halves[_are_alone(halves, edges, (high - low) / steps / 2)]
    return chosen


def _are_alone(halves: FloatArray, edges: FloatArray, room: float) -> BoolArray:
    """True for the places, given halved, that have more room than this on either side."""
    nearest = np.searchsorted(edges, 2 * halves)
    around = np.concatenate([[-np.inf], edges, [np.inf]]) / 2
    is_alone: BoolArray = halves - around[nearest] > room
    return is_alone & (around[nearest + 1] - halves > room)
