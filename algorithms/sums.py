"""Adds floats exactly, so that the sum does not depend on their order."""

from dataclasses import dataclass
from typing import Self

UNIT_BITS = 1074
"""The least positive float is 2**−1074, so every float is a whole number of it."""


@dataclass(frozen=True, slots=True)
class ExactSum:
    """The exact sum of floats, as a whole number of the least float; None once one of them was not finite."""

    units: int | None = 0

    @classmethod
    def of(cls, value: float) -> Self:
        """The sum of one float."""
        if value - value != 0.0:
            return cls(None)
        numerator, denominator = value.as_integer_ratio()
        return cls((numerator << UNIT_BITS) // denominator)

    def __add__(self, other: Self) -> Self:
        if self.units is None or other.units is None:
            return type(self)(None)
        return type(self)(self.units + other.units)

    def over(self, count: int) -> float | None:
        """The sum divided by a count, rounded once; None when it is not finite."""
        if self.units is None or not count:
            return None
        try:
            return self.units / (count << UNIT_BITS)
        except OverflowError:
            return None
