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
    """

    windows: int
    mean: float
    deviation: float

    @classmethod
    def of(cls, effects: Sequence[float]) -> Self | None:
        """The model of these effect sizes, shape (n,); None if too few windows tell."""
        windows = len(effects)
        if windows < FEWEST_WINDOWS:
            return None
        roots: FloatArray = np.cbrt(effects)
        return cls(windows, float(roots.mean()), float(roots.std(ddof=1)))

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
        distance = (root - self.mean) / self._spread
        return float(special.stdtr(self.windows - 1, -distance))

    @property
    def _spread(self) -> float:
        """The standard deviation of one more window's distance from the mean, the mean's own error included."""
        return self.deviation * math.sqrt(1 + 1 / self.windows)
