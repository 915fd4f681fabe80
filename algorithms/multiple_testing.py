"""Adjusts p-values for the number of tests in one run."""

from collections.abc import Sequence

import numpy as np


def adjust_p_values(p_values: Sequence[float]) -> list[float]:
    """Benjamini–Hochberg adjusted p-values, in the order given (`scipy.stats.false_discovery_control`).

    Rejecting those at or below q keeps the expected share of false discoveries at or below q; when no feature has
    drifted at all, the chance of any alarm is at most q (Benjamini & Hochberg, 1995).

    Raises:
        ValueError: If a p-value is not from 0 to 1.
    """
    given = np.asarray(p_values, np.float64)
    if not ((given >= 0) & (given <= 1)).all():
        raise ValueError("p-values must be from 0 to 1.")
    tests, largest_first = len(given), np.argsort(given)[::-1]
    adjusted = np.empty(tests)
    at_rank = given[largest_first] * (tests / np.arange(tests, 0, -1))
    adjusted[largest_first] = np.minimum.accumulate(at_rank).clip(0, 1)
    return [float(value) for value in adjusted]
