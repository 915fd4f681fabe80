"""Adjusts p-values for the number of tests in one run."""

from collections.abc import Sequence

from scipy import stats


def adjust_p_values(p_values: Sequence[float]) -> list[float]:
    """Benjamini–Hochberg adjusted p-values, in the order given (`scipy.stats.false_discovery_control`).

    Rejecting those at or below q keeps the expected share of false discoveries at or below q; when no feature has
    drifted at all, the chance of any alarm is at most q (Benjamini & Hochberg, 1995).
    """
    return (
        [float(value) for value in stats.false_discovery_control(list(p_values))]
        if p_values
        else []
    )
