"""Defines a method's measurement, and makes the measurements that features of both kinds share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from .arrays import IntArray
from .profiles import FeatureProfile
from .references import FeatureReference
from .statistical_tests import checks


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One method's numbers for one feature.

    Attributes:
        p_value: The evidence: of the method's own test, or for a distance of the test on the same counts.
        explanation: What helps people understand the numbers.
        caveat: Why finding no drift would prove nothing, or nothing.
    """

    statistic: float
    effect_size: float
    p_value: float
    explanation: Mapping[str, Any]
    caveat: str = ""


def measure_null_rate(reference: FeatureReference, profile: FeatureProfile) -> Measurement:
    result = checks.null_rate(
        reference.missing,
        reference.n + reference.missing,
        profile.missing,
        profile.rows + profile.missing,
    )
    return of_share(result)


def of_share(
    result: checks.ShareResult, explanation: Mapping[str, Any] | None = None, caveat: str = ""
) -> Measurement:
    """A checked share as a measurement; with a caveat it has no effect."""
    return Measurement(
        statistic=result.statistic,
        effect_size=0.0 if caveat else result.effect_size,
        p_value=result.p_value,
        explanation={"expected": result.expected, **(explanation or {})},
        caveat=caveat,
    )


def homogeneity_p_value(before: IntArray, after: IntArray) -> float:
    """The chi-squared test of homogeneity on counts of shape (k,): what evidence a distance over them has."""
    occupied = before + after > 0
    before, after = before[occupied].astype(np.float64), after[occupied].astype(np.float64)
    n, m = before.sum(), after.sum()
    statistic = float(((before * m - after * n) ** 2 / (before + after)).sum() / (n * m))
    return float(special.chdtrc(len(before) - 1, statistic)) if len(before) > 1 else 1.0
