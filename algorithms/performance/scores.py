"""Computes the metrics of a classifier's scores: their ranking, and their distance from the labels."""

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
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
    fewer, n = _rows_of_rarer(is_positive), len(score)
    if not fewer:
        return MetricEstimate(n=n, reason=ONE_CLASS if n else NO_ROWS, level=level)
    above, below = _outranked(score, is_positive)
    error = _area_variance(above, below) ** 0.5
    return estimate_by_logit(float(above.mean()), error, rows=fewer, n=n, level=level)


def _area_variance(above: FloatArray, below: FloatArray) -> float:
    """DeLong's variance, or its upper bound where a class has one row."""
    fewer, value = min(len(above), len(below)), float(above.mean())
    if fewer > 1:
        return _variance_of_mean(above) + _variance_of_mean(below)
    return value * (1 - value) / fewer


def _rows_of_rarer(is_positive: BoolArray) -> int:
    positives = int(np.count_nonzero(is_positive))
    return min(positives, len(is_positive) - positives)


def _outranked(score: FloatArray, is_positive: BoolArray) -> tuple[FloatArray, FloatArray]:
    """The share of negatives below each positive row, and of positives above each negative one."""
    positives, negatives = np.sort(score[is_positive]), np.sort(score[~is_positive])
    return _share_below(negatives, positives), 1 - _share_below(positives, negatives)


def _variance_of_mean(shares: FloatArray) -> float:
    return float(shares.var(ddof=1)) / len(shares)


def log_loss(score: FloatArray, is_positive: BoolArray, level: float) -> MetricEstimate:
    """Mean of −ln of the probability that the score gives to the label; arguments as of `roc_auc`."""
    given = clipped(np.where(is_positive, score, 1 - score))
    return estimate_mean_loss(-np.log(given), level=level)


def clipped(score: FloatArray) -> FloatArray:
    """Scores, shape (n,), that have a logarithm and so do their complements."""
    return np.clip(score, CLIP, 1 - CLIP)


def _share_below(ordered: FloatArray, values: FloatArray) -> FloatArray:
    """Of `ordered`, the share below each of `values` and half the share equal to it."""
    strictly = np.searchsorted(ordered, values, "left")
    up_to = np.searchsorted(ordered, values, "right")
    return (strictly + up_to) / (2 * len(ordered))


def starts_of_runs(ordered: FloatArray) -> IntArray:
    """First places of the runs of equal values in ascending values, shape (n,), at least one."""
    return np.flatnonzero(np.append(True, ordered[1:] > ordered[:-1]))


def run_lengths(starts: IntArray, n: int) -> IntArray:
    """Lengths of the runs that begin at these of n places."""
    return np.diff(np.append(starts, n))
