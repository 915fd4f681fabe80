"""Holds the numbers of a reference as distances from an origin, beside the same numbers as floats."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from .arrays import FloatArray, IntArray
from .decimals import LARGEST_EXACT
from .origins import distances_from
from .profiles import Column, Moments
from .references import measure_moments
from .sums import UNIT_BITS, ExactSum


@dataclass(eq=False)
class WideNumbers:
    """The distances of the rows that a fitter holds, row by row, and the moments of all rows.

    Attributes:
        origin: A whole number that is a float, exactly.
        chunks: Distances from it, NaN where there is no number.
        moments: Of the distances of all rows, about 0.
    """

    origin: int
    chunks: list[FloatArray]
    moments: Moments

    @classmethod
    def after(cls, chunks: list[FloatArray], moments: Moments, centre: float, origin: int) -> Self:
        """The distances of the rows before the first wide one, which are floats about a centre."""
        distances = [values - float(origin) for values in chunks]
        return cls(origin, distances, moved_moments(moments, centre, origin))

    def add(self, column: Column) -> None:
        """Take the next rows."""
        distances = distances_from(self.origin, column)
        self.moments += measure_moments(distances, 0.0)
        self.chunks.append(distances)

    def keep(self, rows: IntArray) -> None:
        """Drop all rows but these."""
        self.chunks = [np.concatenate(self.chunks)[rows]]


def tell_more_apart(distances: FloatArray, values: FloatArray) -> bool:
    """True if distances tell more numbers apart than floats do, or as many while most are wide.

    A column of small numbers with a rare far one, such as the least int64 for a missing value, stays as it is.

    Args:
        distances: Shape (n,), ascending.
        values: The same numbers as floats, shape (n,), ascending.
    """
    distinct, as_floats = _distinct(distances), _distinct(values)
    if distinct != as_floats:
        return distinct > as_floats
    return bool(abs(values[len(values) // 2]) >= LARGEST_EXACT)


def _distinct(ascending: FloatArray) -> int:
    return int(np.count_nonzero(np.diff(ascending)))


def moved_moments(moments: Moments, centre: float, origin: int) -> Moments:
    """Moments about a centre as moments of the distances from an origin, about the origin, exactly."""
    gap = ExactSum.of(centre).units
    distances, squares = moments.distances.units, moments.squares.units
    if gap is not None:
        gap -= origin << UNIT_BITS
    if distances is not None and squares is not None and gap is not None:
        squares += (2 * gap * distances + moments.finite * gap * gap) >> UNIT_BITS
        distances += moments.finite * gap
    return replace(
        moments,
        minimum=moments.minimum - origin,
        maximum=moments.maximum - origin,
        distances=ExactSum(distances),
        squares=ExactSum(squares),
    )
