"""Computes the metrics of a classifier that are functions of its confusion matrix."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from ..arrays import IntArray
from ..columns import Values
from .estimates import (
    NO_ROWS,
    Metric,
    MetricEstimate,
    estimate_bounded,
    estimate_mean_proportion,
    estimate_proportion,
    wilson_limits,
)
from .reading import Label, read_classes, require_same_rows

ONE_CLASS = "All labels are of one class."
NO_PREDICTED = "No row is predicted as positive."
NO_POSITIVE = "No row's label is positive."
NEITHER = "No row is positive, by its label or by the prediction."


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """The number of rows of each label and each prediction.

    Attributes:
        counts: Shape (K, K), labels down, predictions across; every class occurs in one of them if K > 2.
        positive: The positive class's place when there are two classes; None asks for macro averages.
    """

    counts: IntArray
    positive: int | None

    @classmethod
    def count(cls, label: Values, prediction: Values, positive: Label | None) -> Self:
        """Binary if the classes found and `positive` are at most two together, else of as many classes as are found.

        Raises:
            ValueError: If a row is null or NaN, the columns differ in length, or there are more than 1000 classes.
            UnusableColumn: If one column holds text and the other numbers.
        """
        classes, codes = read_classes(label=label, prediction=prediction)
        require_same_rows(**codes)
        if positive is not None and len({*classes, positive}) <= 2:
            size, place = 2, classes.index(positive) if positive in classes else len(classes)
        else:
            size, place = len(classes), None
        counts = np.bincount(codes["label"] * size + codes["prediction"], minlength=size**2)
        return cls(counts=counts.reshape(size, size), positive=place)

    @property
    def n(self) -> int:
        """Rows counted."""
        return int(self.counts.sum())

    @property
    def hits(self) -> IntArray:
        """Rows of each class that are predicted as such, shape (K,)."""
        return np.diagonal(self.counts)


def measure_confusion(metric: Metric, confusion: Confusion, level: float) -> MetricEstimate:
    """One of `CONFUSION_METRICS` of a window, by the formulas of each metric's own function."""
    if not confusion.n:
        return MetricEstimate(n=0, reason=NO_ROWS, level=level)
    return MEASURES[metric](confusion, level)


def accuracy(confusion: Confusion, level: float) -> MetricEstimate:
    """Share of rows predicted right, with Wilson's interval."""
    return estimate_proportion(int(confusion.hits.sum()), confusion.n, n=confusion.n, level=level)


def balanced_accuracy(confusion: Confusion, level: float) -> MetricEstimate:
    """The mean over the labels' classes of the share predicted right."""
    if np.count_nonzero(confusion.counts.sum(axis=1)) < 2:
        return MetricEstimate(n=confusion.n, reason=ONE_CLASS, level=level)
    return _mean_of_defined(confusion, confusion.counts.sum(axis=1), level)


def precision(confusion: Confusion, level: float) -> MetricEstimate:
    """Share of the rows predicted as positive that are; with many classes, the mean over those predicted at all."""
    return _share_of(confusion, confusion.counts.sum(axis=0), NO_PREDICTED, level)


def recall(confusion: Confusion, level: float) -> MetricEstimate:
    """Share of the positive rows predicted as such; with many classes, the mean over those that labels hold."""
    return _share_of(confusion, confusion.counts.sum(axis=1), NO_POSITIVE, level)


def f1(confusion: Confusion, level: float) -> MetricEstimate:
    """Harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN); with many classes, the mean over all.

    Two classes: F1 = 2 J / (1 + J) of the Jaccard index J = TP / (TP + FP + FN), which is a binomial share given its
    denominator, so the interval is that of Wilson's limits of J and the standard error follows by the delta method.
    """
    if confusion.positive is None:
        return _macro_f1(confusion, level)
    counts, place = confusion.counts, confusion.positive
    hits = int(counts[place, place])
    rows = int(counts[place].sum() + counts[:, place].sum()) - hits
    if not rows:
        return MetricEstimate(n=confusion.n, reason=NEITHER, level=level)
    jaccard = hits / rows
    lower, upper = (
        float(limit[0]) for limit in wilson_limits(np.array([jaccard]), np.array([rows]), level)
    )
    return MetricEstimate(
        value=2 * jaccard / (1 + jaccard),
        lower=2 * lower / (1 + lower),
        upper=2 * upper / (1 + upper),
        standard_error=2 / (1 + jaccard) ** 2 * (jaccard * (1 - jaccard) / rows) ** 0.5,
        n=confusion.n,
        level=level,
    )


def _macro_f1(confusion: Confusion, level: float) -> MetricEstimate:
    """The delta method over the multinomial of the confusion matrix (Takahashi et al., 2022)."""
    counts, n = confusion.counts, confusion.n
    labelled, sizes = counts.sum(axis=1), counts.sum(axis=0) + counts.sum(axis=1)
    scores, classes = 2 * confusion.hits / sizes, len(counts)
    pull = scores / sizes
    slopes = (np.diag(2 / sizes) - pull[:, None] - pull[None, :]) * (n / classes)
    mean = np.sum(counts * slopes) / n
    variance = np.sum(counts * (slopes - mean) ** 2) / n**2
    rows = np.count_nonzero(labelled) ** 2 / np.sum(1 / labelled[labelled > 0])
    return estimate_bounded(
        float(scores.mean()), float(np.sqrt(variance)), rows=float(rows), n=n, level=level
    )


def _share_of(
    confusion: Confusion, sizes: IntArray, undefined: str, level: float
) -> MetricEstimate:
    """Hits over sizes, of the positive class or on average over the classes that have a size."""
    if confusion.positive is None:
        return _mean_of_defined(confusion, sizes, level)
    hits, size = int(confusion.hits[confusion.positive]), int(sizes[confusion.positive])
    if not size:
        return MetricEstimate(n=confusion.n, reason=undefined, level=level)
    return estimate_proportion(hits, size, n=confusion.n, level=level)


def _mean_of_defined(confusion: Confusion, sizes: IntArray, level: float) -> MetricEstimate:
    is_defined = sizes > 0
    return estimate_mean_proportion(
        confusion.hits[is_defined], sizes[is_defined], n=confusion.n, level=level
    )


MEASURES: dict[Metric, Callable[[Confusion, float], MetricEstimate]] = {
    Metric.ACCURACY: accuracy,
    Metric.BALANCED_ACCURACY: balanced_accuracy,
    Metric.PRECISION: precision,
    Metric.RECALL: recall,
    Metric.F1: f1,
}
