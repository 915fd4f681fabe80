"""Truth of three values, row by row: true, false, or unknown, as SQL has it."""

from dataclasses import dataclass
from functools import reduce
from typing import Self

import numpy as np

from ..arrays import BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The truth of a condition.

    Attributes:
        is_true: Shape (rows,).
        is_false: Shape (rows,); a row that is neither is unknown.
    """

    is_true: BoolArray
    is_false: BoolArray

    @classmethod
    def joined(cls, pieces: list[Self]) -> Self:
        """The truth of rows one after the other."""
        return cls(
            np.concatenate([each.is_true for each in pieces]),
            np.concatenate([each.is_false for each in pieces]),
        )

    def negated(self) -> Self:
        """True where it is false; what is unknown stays so."""
        return type(self)(self.is_false, self.is_true)

    def and_(self, other: Self) -> Self:
        """True where both are, false where one is false."""
        return type(self)(self.is_true & other.is_true, self.is_false | other.is_false)

    def or_(self, other: Self) -> Self:
        """True where one is, false where both are."""
        return type(self)(self.is_true | other.is_true, self.is_false & other.is_false)


def all_of(truths: list[Truth]) -> Truth:
    """The truth of `and`."""
    return reduce(Truth.and_, truths)


def any_of(truths: list[Truth]) -> Truth:
    """The truth of `or`."""
    return reduce(Truth.or_, truths)
