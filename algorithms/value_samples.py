"""Keeps a uniform sample of a numeric column's rows, which merges exactly in any order.

Each row has a random priority, and the sample holds the rows with the least. The priorities come from the content of
the pieces in which a column is read, so the same pieces give the same sample, in any order and on any worker.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Self

import numpy as np

from .arrays import FloatArray
from .kernels.sample_rows import SIZE, draw_rows, merge_rows


@dataclass(frozen=True, slots=True, eq=False)
class ValueSample:
    """Rows of a column; NaN where a row has no number.

    Attributes:
        priorities: Shape (m,), ascending; m is at most `SIZE`.
        values: Shape (m,), the row of each priority.
    """

    priorities: FloatArray = field(default_factory=lambda: np.empty(0))
    values: FloatArray = field(default_factory=lambda: np.empty(0))

    @classmethod
    def of(cls, piece: FloatArray) -> Self:
        """The sample of a piece of a column, shape (n,)."""
        if not len(piece):
            return cls()
        priorities, values = np.empty((2, min(len(piece), SIZE)))
        draw_rows(piece, priorities, values)
        return cls(priorities, values)

    @classmethod
    def of_pieces(cls, pieces: Iterable[FloatArray]) -> Self:
        """The sample of a column in pieces, whatever their order."""
        return reduce(add, map(cls.of, pieces), cls())

    def __add__(self, other: Self) -> Self:
        priorities, values = np.empty((2, min(len(self.values) + len(other.values), SIZE)))
        merge_rows(self.priorities, self.values, other.priorities, other.values, priorities, values)
        return type(self)(priorities, values)
