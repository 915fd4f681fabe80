"""Computes the metrics of a classifier's scores: their ranking, and their distance from the labels."""

import numpy as np

from ..arrays import BoolArray, FloatArray
from .estimates import (
    NO_ROWS,
    MetricEstimate,
    estimate_by_logit,
    estimate_mean_loss,
)

ONE_CLASS = "All labels are of one class, so there is no pair to rank."
CLIP = 1e-15
"""Scores are moved this far from 0 and 1 before their logarithm is taken, as scikit-learn long did."""


def roc_auc(score: FloatArray, is_positive: BoolArray, level: float) -> MetricEstimate:
    """Share of pairs of a positive and a negative row that the score ranks right; ties count half.

    The variance is that of DeLong, DeLong & Clarke-Pearson (1988), from each row's share of the other class that it
    outranks, found by sorting (Sun & Xu, 2014). Where it is 0 or a class has one row, its upper bound
    A (1 − A) / min(m, n) takes its place (Birnbaum & Klose, 1957).

    Args:
        score: Shape (n,).
        is_positive: Shape (n,).
    """
    positives, negatives = np.sort(score[is_positive]), np.sort(score[~is_positive])
    fewer, n = min(len(positives), len(negatives)), len(score)
    if not fewer:
        return MetricEstimate(n=n, reason=ONE_CLASS if n else NO_ROWS, level=level)
    above, below = _share_below(negatives, positives), 1 - _share_below(positives, negatives)
    value = float(above.mean())
    variance = value * (1 - value) / fewer
    if fewer > 1:
        variance = float(above.var(ddof=1)) / len(above) + float(below.var(ddof=1)) / len(below)
    return estimate_by_logit(value, variance**0.5, rows=fewer, n=n, level=level)


def log_loss(score: FloatArray, is_positive: BoolArray, level: float) -> MetricEstimate:
    """Mean of −ln of the probability that the score gives to the label; arguments as of `roc_auc`."""
    return estimate_mean_loss(
        -np.log(clipped(np.where(is_positive, score, 1 - score))), level=level
    )


def clipped(score: FloatArray) -> FloatArray:
    """Scores, shape (n,), that have a logarithm and so do their complements."""
    return np.clip(score, CLIP, 1 - CLIP)


def _share_below(ordered: FloatArray, values: FloatArray) -> FloatArray:
    """Of `ordered`, the share below each of `values` and half the share equal to it."""
    strictly, up_to = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return (strictly + up_to) / (2 * len(ordered))
