"""Defines the limits by which a measurement becomes a verdict."""

import math
from dataclasses import dataclass, replace
from typing import Self

LEVEL = 0.05
"""The significance level of the evidence, where a method's threshold is a size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a method on a feature.

    Attributes:
        threshold: A significance level or a size: see `ThresholdKind`.
        tolerance: Smallest effect size that matters. Where the threshold is a size, it is the same.
        warning: Effect size from which a feature that has not drifted is worth a warning.
        level: Significance level of the evidence; where the threshold is one, it is the same.
        scale: Effect size that severity is measured by, at least the tolerance.
        is_fixed: Whether the tolerance holds as it is, however much the reference's own windows differ.
    """

    threshold: float
    tolerance: float
    warning: float
    level: float
    scale: float
    is_fixed: bool = False

    def ratio_of(self, effect_size: float) -> float:
        """An effect size over the scale of severity."""
        return effect_size / self.scale if self.scale > 0 else math.inf

    def raised_to(self, usual: float) -> Self:
        """The limits for a feature whose windows differ by `usual` without drift."""
        if self.is_fixed or usual <= self.tolerance:
            return self
        warning = self.warning * usual / self.tolerance
        return replace(self, tolerance=usual, warning=warning, scale=max(self.scale, usual))


def significance_limits(
    threshold: float = LEVEL, tolerance: float = 0.1, scale: float = 0.0
) -> Limits:
    """Limits of a method whose threshold is a significance level; half the tolerance is worth a warning."""
    return Limits(
        threshold=threshold,
        tolerance=tolerance,
        warning=tolerance / 2,
        level=threshold,
        scale=max(scale, tolerance),
    )


def size_limits(threshold: float, warning: float | None = None) -> Limits:
    """Limits of a method whose threshold is a size; half of it is worth a warning unless `warning` says otherwise."""
    half = threshold / 2
    return Limits(
        threshold=threshold,
        tolerance=threshold,
        warning=half if warning is None else min(warning, threshold),
        level=LEVEL,
        scale=threshold,
    )
