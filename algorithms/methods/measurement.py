"""Defines a method's measurement of one feature."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special

from ..arrays import IntArray
from ..statistical_tests.checks import ShareResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One method's numbers for one feature.

    Attributes:
        p_value: The evidence: of the method's own test, or for a distance of the test on the same counts.
        explanation: What helps people understand the numbers.
        caveat: Why finding no drift would prove nothing, or nothing.
        is_judgeable: False where the caveat lies in the reference, so that no window can be judged.
    """

    statistic: float
    effect_size: float
    p_value: float
    explanation: Mapping[str, Any] = field(default_factory=dict)
    caveat: str = ""
    is_judgeable: bool = True


def share_measurement(
    result: ShareResult, explanation: Mapping[str, Any] | None = None, caveat: str = ""
) -> Measurement:
    """A checked share as a measurement; with a caveat, which lies in the reference, it has no effect."""
    return Measurement(
        statistic=result.statistic,
        effect_size=0.0 if caveat else result.effect_size,
        p_value=result.p_value,
        explanation={"expected": result.expected, **(explanation or {})},
        caveat=caveat,
        is_judgeable=not caveat,
    )


def homogeneity_p_value(reference: IntArray, current: IntArray) -> float:
    """The chi-squared test of homogeneity: the evidence of a distance over the same counts.

    Args:
        reference: Shape (k,), counts.
        current: Shape (k,), counts.
    """
    is_occupied = reference + current > 0
    before = reference[is_occupied].astype(np.float64)
    after = current[is_occupied].astype(np.float64)
    if len(before) < 2:
        return 1.0
    n, m = before.sum(), after.sum()
    statistic = float(((before * m - after * n) ** 2 / (before + after)).sum() / (n * m))
    return float(special.chdtrc(len(before) - 1, statistic))
