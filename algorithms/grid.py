"""Defines the frozen cells of a numeric feature, and finds a value's cell without a search."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from .arrays import BoolArray, CodeArray, FloatArray, IntArray
from .kernels.cells import Lookup, count_column, find_positions

TABLE_SIZE = 65_536
MANTISSA_BITS = 52


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
        return cls(
            np.union1d(quantiles, _gap_edges(reference, quantiles, min(cells // 4, len(reference))))
        )

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
        counts, codes = np.zeros(self.cells + 1, np.int64), np.empty(len(values), self.code_type)
        count_column(values, self.lookup, counts, codes)
        return counts, codes

    @property
    def code_type(self) -> np.dtype[np.unsignedinteger[Any]]:
        """The least type that holds a cell's number."""
        return np.dtype(np.uint16 if self.cells < np.iinfo(np.uint16).max else np.uint32)

    @cached_property
    def single_valued(self) -> BoolArray:
        """Shape (cells,), which cells have room for one float only, so that two windows step there at once."""
        is_single = np.zeros(self.cells, np.bool_)
        if len(self.edges):
            is_single[1:-1] = np.nextafter(self.edges[:-1], np.inf) == self.edges[1:]
            is_single[0], is_single[-1] = (
                self.edges[0] == -np.inf,
                self.edges[-1] == np.finfo(np.float64).max,
            )
        return is_single

    def cell_starts(self, upper_edges: FloatArray) -> IntArray:
        """The first cell above each of some of the grid's edges, with 0 in front: where groups of cells begin."""
        return np.concatenate([[0], np.searchsorted(self.edges, upper_edges) + 1]).astype(np.int64)

    @cached_property
    def lookup(self) -> Lookup:
        """By the table whose fullest place holds the fewest edges."""
        table, per_place = self._emptiest_table()
        halvings = int(per_place.max()).bit_length()
        return table._replace(
            first=np.concatenate([[0], np.cumsum(per_place)[:-1]]).astype(self.code_type),
            edges=np.concatenate([self.edges, np.full(2 ** (halvings + 1), np.inf)]),
            halvings=halvings,
        )

    @property
    def table(self) -> Lookup:
        """The lookup's table, which has no edges yet."""
        return self._emptiest_table()[0]

    def _emptiest_table(self) -> tuple[Lookup, IntArray]:
        best: tuple[Lookup, IntArray] | None = None
        for table in self._tables():
            per_place = np.bincount(_positions(table, self.edges), minlength=TABLE_SIZE)
            if best is None or per_place.max() < best[1].max():
                best = table, per_place
            if per_place.max() <= 1:
                break
        if best is None:
            raise AssertionError("There is always a table to try.")
        return best

    def _tables(self) -> list[Lookup]:
        edges = self.edges[np.isfinite(self.edges)]
        if not len(edges):
            return [_linear(0.0, 0.0)]
        tables: list[Lookup] = []
        for trimmed in sorted({0, len(edges) // 1000, len(edges) // 100, len(edges) // 20}):
            low, high = (
                float(edges[trimmed]),
                float(edges[-1 - trimmed]),
            )  # a far edge would make all steps wide
            with np.errstate(over="ignore", divide="ignore"):
                scale = float(np.float64(TABLE_SIZE) / (np.float64(high) - np.float64(low)))
            if 0 < scale < np.inf:
                tables.append(_linear(low, scale))
        for centre in {0.0, float(edges[len(edges) // 2])}:
            tables += [_logarithmic(edges, centre, bits) for bits in (6, 9, 11)]
        return tables


NO_EDGES: dict[str, Any] = {"first": np.empty(0, np.uint16), "edges": np.empty(0), "halvings": 0}


def _linear(origin: float, scale: float) -> Lookup:
    """A table of equal steps, still without edges."""
    return Lookup(True, origin, scale, 0, 0, TABLE_SIZE, **NO_EDGES)


def _logarithmic(edges: FloatArray, centre: float, bits: int) -> Lookup:
    """A table for heavy tails that ends at the edge farthest from the centre, with 2**bits steps to an octave."""
    with np.errstate(over="ignore"):
        farthest = float(np.abs(edges - centre).max())
    shift = MANTISSA_BITS - bits
    lowest = (int(np.float64(farthest).view(np.int64)) >> shift) - TABLE_SIZE // 2 + 1
    return Lookup(False, centre, 0.0, shift, lowest, TABLE_SIZE, **NO_EDGES)


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
    n = len(reference)
    ranks = -(-np.arange(1, bins) * n // bins) - 1
    cuts = np.unique(reference[np.maximum(ranks, 0)])
    rows = np.searchsorted(reference, cuts, side="right") - np.searchsorted(
        reference, cuts, side="left"
    )
    heavy = cuts[rows >= max(min(2, n), n / bins)]
    with np.errstate(over="ignore"):  # below the least float lies -inf
        just_below = np.nextafter(heavy, -np.inf)
    edges = np.unique(np.concatenate([cuts, just_below]))
    return edges[edges < np.inf]  # nothing lies above +inf


def _gap_edges(reference: FloatArray, edges: FloatArray, steps: int) -> FloatArray:
    """Those of `steps` equal steps through a sorted reference's finite range that have no edge within half a step."""
    finite = reference[np.isfinite(reference)]
    if not len(finite) or finite[0] == finite[-1]:
        return np.empty(0)
    low, high = (
        finite[0] / 2,
        finite[-1] / 2,
    )  # halved, as the whole range may be wider than the largest float
    halves: FloatArray = low + (high - low) * (np.arange(1, steps) / steps)
    nearest = np.searchsorted(edges, 2 * halves)
    around = np.concatenate([[-np.inf], edges, [np.inf]]) / 2
    room = (high - low) / steps / 2
    is_alone = (halves - around[nearest] > room) & (around[nearest + 1] - halves > room)
    chosen: FloatArray = 2 * halves[is_alone]
    return chosen
