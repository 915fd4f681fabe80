"""Describes by how much windows without drift differ, and what that makes of one more window's effect size."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import special

from .arrays import FloatArray

FEWEST_WINDOWS = 6
"""With fewer, what is usual is not known."""
MISFIT = 0.01
"""The level of Grubbs' test: the share of references that fit and are taken for ones that do not."""


@dataclass(frozen=True, slots=True)
class NullModel:
    """The effect sizes of windows without drift, of one method on one feature.

    They are described by their cube roots, as distances and their squares are skewed and the cube root of a chi-squared
    variable is nearly normal (Wilson & Hilferty, 1931). One more window is judged by Student's prediction distribution
    (Hahn & Meeker, Statistical Intervals, 1991): the fewer windows there are, the wider it is and the heavier its tail,
    so a p-value is never smaller than the windows can carry.

    Attributes:
        windows: How many there are, at least `FEWEST_WINDOWS`.
        mean: Of the cube roots.
        deviation: Their standard deviation.
        least: The least p-value. If the largest effect does not fit the others (Grubbs, 1950), as of a stormy day, no
            fit supports the tail, and it is 1 / (windows + 1), that of a window beyond all of them; else 0.
    """

    windows: int
    mean: float
    deviation: float
    least: float = 0.0

    @classmethod
    def of(cls, effects: Sequence[float]) -> Self | None:
        """The model of these effect sizes, shape (n,); None if too few windows tell."""
        windows = len(effects)
        if windows < FEWEST_WINDOWS:
            return None
        roots: FloatArray = np.sort(np.cbrt(effects))
        least = 1 / (windows + 1) if _is_beyond(roots[:-1], roots[-1]) else 0.0
        return cls(windows, float(roots.mean()), float(roots.std(ddof=1)), least)

    def limit(self, surprise: float) -> float:
        """The effect size that one more window without drift passes with the probability `surprise`, by the fit."""
        quantile = float(special.stdtrit(self.windows - 1, 1 - surprise))
        root = self.mean + quantile * self._spread
        return root**3

    def p_value(self, effect: float) -> float:
        """The probability that one more window without drift has an effect as large.

        Where all windows were alike, it is 1 for an effect like theirs and 0 for a larger one: then the method's own
        test is the evidence.
        """
        root = float(np.cbrt(effect))
        if not self._spread:
            return 0.0 if root > self.mean else 1.0
        return max(self.least, _tail(self.windows, (root - self.mean) / self._spread))

    @property
    def _spread(self) -> float:
        """The standard deviation of one more window's distance from the mean, the mean's own error included."""
        return self.deviation * math.sqrt(1 + 1 / self.windows)


def _is_beyond(others: FloatArray, largest: float) -> bool:
    """True if the largest of some values does not fit the others: Grubbs' test, as Student's with Bonferroni."""
    spread = float(others.std(ddof=1)) * math.sqrt(1 + 1 / len(others))
    if not spread:
        return False
    distance = (largest - float(others.mean())) / spread
    return _tail(len(others), distance) <= MISFIT / (len(others) + 1)


def _tail(windows: int, distance: float) -> float:
    """The probability that one more of so many normal values is as far above their mean, in its own spread."""
    return float(special.stdtr(windows - 1, -distance))
