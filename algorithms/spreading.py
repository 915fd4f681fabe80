"""Spreads rounded numbers over the numbers of the reference that round to them."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from .arrays import FloatArray, IntArray
from .value_types import ValueType

NARROW: dict[ValueType, type[np.floating]] = {
    ValueType.FLOAT32: np.float32,
    ValueType.FLOAT16: np.float16,
}


@dataclass(frozen=True, slots=True, eq=False)
class RoundedNumbers:
    """The numbers of a reference with an origin, as a window of floats holds them.

    A window of float64 has one number for 256 ids near 2^60. Such a number counts as the ids of the reference that
    round to it, in their shares, so that the rounding is no drift.

    Attributes:
        distances: Shape (k,), ascending distances from the origin.
        rounded: Shape (k,), the numbers themselves, as floats of the window's type.
        rows_before: Shape (k + 1,), the reference's rows below each of them.
    """

    distances: FloatArray
    rounded: FloatArray
    rows_before: IntArray

    @classmethod
    def of(cls, distances: FloatArray, rows: IntArray, origin: int, found: ValueType) -> Self:
        """The numbers at distances from an origin, each with its rows, for a window of this type."""
        with np.errstate(over="ignore"):
            narrow = (distances + float(origin)).astype(NARROW.get(found, np.float64))
        return cls(distances, narrow.astype(np.float64), np.concatenate([[0], np.cumsum(rows)]))

    def spread(self, values: FloatArray, origin: int) -> FloatArray:
        """The distances of values, shape (n,), those that stand for several numbers spread over these."""
        order = np.argsort(values, kind="stable")
        spread = np.empty(len(values))
        spread[order] = self._spread_ascending(values[order], origin)
        return spread

    def _spread_ascending(self, values: FloatArray, origin: int) -> FloatArray:
        is_new = np.ones(len(values), np.bool_)
        is_new[1:] = values[1:] != values[:-1]
        begins = np.flatnonzero(is_new)
        counts = np.diff(begins, append=len(values))
        first, end = self._rows_equal(values[begins])
        share = _shares(begins, counts)
        row = np.repeat(first, counts) + (share * np.repeat(end - first, counts)).astype(np.int64)
        is_known = np.repeat(end > first, counts)
        spread: FloatArray = np.where(is_known, self._distances_at(row), values - float(origin))
        return spread

    def _rows_equal(self, values: FloatArray) -> tuple[IntArray, IntArray]:
        """The reference's first row that rounds to each of some values, and the row after the last."""
        first = self.rows_before[np.searchsorted(self.rounded, values)]
        return first, self.rows_before[np.searchsorted(self.rounded, values, side="right")]

    def _distances_at(self, rows: IntArray) -> FloatArray:
        """The distance of each of some rows of the reference, in its order."""
        places = np.searchsorted(self.rows_before, rows, side="right") - 1
        return self.distances[np.minimum(places, len(self.distances) - 1)]


def _shares(begins: IntArray, counts: IntArray) -> FloatArray:
    """Evenly spaced shares between 0 and 1 for the rows of each run of equal values."""
    among = np.arange(int(counts.sum())) - np.repeat(begins, counts)
    shares: FloatArray = (among + 0.5) / np.repeat(counts, counts)
    return shares
