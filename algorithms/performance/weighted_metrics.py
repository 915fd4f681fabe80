"""Computes a classifier's metrics over weighted rows, from labels or from probabilities of them.

A label is a probability of 0 or 1, so the same formulas give the realised and the expected metrics of the same rows.
"""

from collections.abc import Mapping

import numpy as np

from ..arrays import BoolArray, FloatArray
from .estimates import Metric
from .scores import clipped, starts_of_runs


def weighted_metrics(
    score: FloatArray, is_predicted: BoolArray, chance: FloatArray, weights: FloatArray
) -> Mapping[Metric, float | None]:
    """Each metric, None where it is undefined.

    Args:
        score: Shape (n,), from 0 to 1.
        is_predicted: Shape (n,), whether the row is predicted as positive.
        chance: Shape (n,), of a positive label.
        weights: Shape (n,), at least 0.
    """
    positive, negative = weights * chance, weights * (1 - chance)
    caught, predicted = positive[is_predicted].sum(), weights[is_predicted].sum()
    recall = _ratio(caught, positive.sum())
    specificity = _ratio(negative[~is_predicted].sum(), negative.sum())
    both = (recall or 0.0) + (specificity or 0.0)
    is_defined = recall is not None and specificity is not None
    logarithms = positive * np.log(clipped(score)) + negative * np.log(clipped(1 - score))
    return {
        Metric.ACCURACY: _ratio(caught + negative[~is_predicted].sum(), weights.sum()),
        Metric.BALANCED_ACCURACY: both / 2 if is_defined else None,
        Metric.PRECISION: _ratio(caught, predicted),
        Metric.RECALL: recall,
        Metric.F1: _ratio(2 * caught, predicted + positive.sum()),
        Metric.ROC_AUC: pair_share(score, positive, negative),
        Metric.LOG_LOSS: _ratio(-logarithms.sum(), weights.sum()),
    }


def pair_share(score: FloatArray, positive: FloatArray, negative: FloatArray) -> float | None:
    """The share of pairs of a positive and another, negative row that the score ranks right, ties by half.

    Args:
        score: Shape (n,).
        positive: Shape (n,), by how much each row is positive.
        negative: Shape (n,), by how much it is negative.
    """
    order = np.argsort(score, kind="stable")
    starts = starts_of_runs(score[order]) if len(score) else np.empty(0, np.int64)
    if not len(starts):
        return None
    above, below = (np.add.reduceat(each[order], starts) for each in (positive, negative))
    outranked = np.cumsum(below) - below / 2
    itself = float(positive @ negative)
    return _ratio(float(above @ outranked) - itself / 2, float(above.sum() * below.sum()) - itself)


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 else None
