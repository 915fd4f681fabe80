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
        first = self.rows_before[np.searchsorted(self.rounded, values)]
        end = self.rows_before[np.searchsorted(self.rounded, values, side="right")]
        row = first + np.floor(_shares_of_equals(values) * (end - first)).astype(np.int64)
        place = np.searchsorted(self.rows_before, row, side="right") - 1
        known = np.minimum(place, len(self.distances) - 1)
        spread: FloatArray = np.where(end > first, self.distances[known], values - float(origin))
        return spread


def _shares_of_equals(values: FloatArray) -> FloatArray:
    """Evenly spaced shares between 0 and 1 for the rows of each value, shape (n,)."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    order = np.argsort(places, kind="stable")
    starts = np.cumsum(counts) - counts
    among = np.empty(len(values))
    among[order] = np.arange(len(values)) - starts[places[order]]
    shares: FloatArray = (among + 0.5) / counts[places]
    return shares
