"""Computes the metrics of a classifier that are functions of its confusion matrix."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from ..arrays import FloatArray, IntArray
from ..columns import Values
from .estimates import (
    NO_ROWS,
    Metric,
    MetricEstimate,
    estimate_bounded,
    estimate_mean_proportion,
    estimate_proportion,
    wilson_ends,
)
from .reading import Classes, Label, read_classes, require_same_rows

ONE_CLASS = "All labels are of one class."
NO_PREDICTED = "No row is predicted as positive."
NO_POSITIVE = "No row's label is positive."
NEITHER = "No row is positive, by its label or by the prediction."


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """The number of rows of each label and each prediction.

    Attributes:
        counts: Shape (K, K), labels down, predictions across.
        positive: The place of the positive class, which is compared with all others; None asks for macro averages.
        missing: Why the positive class cannot be the one that is meant; empty if it occurs, or may just be rare.
    """

    counts: IntArray
    positive: int | None
    missing: str = ""

    @classmethod
    def count(cls, label: Values, prediction: Values, positive: Label | None) -> Self:
        """The classes that are found, and the positive one, which may have no rows.

        Raises:
            ValueError: If a row is null or NaN, the columns differ in length, or there are more than 1000 classes.
            UnusableColumn: If one column holds text that is no number and the other numbers.
        """
        classes = read_classes(label=label, prediction=prediction)
        require_same_rows(**classes.codes)
        names, place, missing = _with_positive(classes, positive)
        counts = _count(classes, len(names))
        return cls(counts=counts, positive=place, missing=missing)

    @property
    def n(self) -> int:
        """Rows counted."""
        return int(self.counts.sum())

    @property
    def hits(self) -> IntArray:
        """Rows of each class that are predicted as such, shape (K,)."""
        return np.diagonal(self.counts)

    @property
    def labelled(self) -> IntArray:
        """Rows of each class by their label, shape (K,)."""
        labelled: IntArray = self.counts.sum(axis=1)
        return labelled

    @property
    def predicted(self) -> IntArray:
        """Rows of each class by the prediction, shape (K,)."""
        predicted: IntArray = self.counts.sum(axis=0)
        return predicted

    def undefined(self, reason: str, level: float) -> MetricEstimate:
        """The estimate of a metric that has no value, with the reason."""
        return MetricEstimate(n=self.n, reason=reason, level=level)

    def undefined_positive(self, reason: str, level: float) -> MetricEstimate:
        """The estimate of a metric that has no value because it needs rows of the positive class."""
        if not self.missing:
            return self.undefined(reason, level)
        return MetricEstimate(n=self.n, reason=self.missing, level=level, is_error=True)


def _count(classes: Classes, size: int) -> IntArray:
    """Rows by label and prediction, shape (size, size)."""
    cells = classes.codes["label"] * size + classes.codes["prediction"]
    return np.bincount(cells, minlength=size**2).reshape(size, size)


def _with_positive(classes: Classes, positive: Label | None) -> tuple[list[str], int | None, str]:
    """The classes with the positive one, its place, and why it cannot be the one that is meant.

    Where two other classes are found, the positive one is not just rare.
    """
    if positive is None:
        return classes.names, None, ""
    name = classes.name_of(positive)
    if name in classes.names:
        return classes.names, classes.names.index(name), ""
    missing = classes.describe_missing(name) if len(classes.names) > 1 else ""
    return [*classes.names, name], len(classes.names), missing


def measure_confusion(metric: Metric, confusion: Confusion, level: float) -> MetricEstimate:
    """One of `CONFUSION_METRICS` of a window, by the formulas of each metric's own function."""
    if not confusion.n:
        return confusion.undefined(NO_ROWS, level)
    return MEASURES[metric](confusion, level)


def accuracy(confusion: Confusion, level: float) -> MetricEstimate:
    """Share of rows predicted right, with Wilson's interval."""
    return estimate_proportion(int(confusion.hits.sum()), confusion.n, n=confusion.n, level=level)


def balanced_accuracy(confusion: Confusion, level: float) -> MetricEstimate:
    """The mean over the labels' classes of the share predicted right."""
    if np.count_nonzero(confusion.labelled) < 2:
        return confusion.undefined(ONE_CLASS, level)
    return _mean_of_defined(confusion, confusion.labelled, level)


def precision(confusion: Confusion, level: float) -> MetricEstimate:
    """Share of the rows predicted as positive that are; for macro averages, the mean over classes predicted at all."""
    return _share_of(confusion, confusion.predicted, NO_PREDICTED, level)


def recall(confusion: Confusion, level: float) -> MetricEstimate:
    """Share of the positive rows predicted as such; for macro averages, the mean over classes that labels hold."""
    return _share_of(confusion, confusion.labelled, NO_POSITIVE, level)


def f1(confusion: Confusion, level: float) -> MetricEstimate:
    """Harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN); for macro averages, the mean over all classes.

    One class: F1 = 2 J / (1 + J) of the Jaccard index J = TP / (TP + FP + FN), which is a binomial share given its
    denominator, so the interval is that of Wilson's limits of J and the standard error follows by the delta method.
    """
    if confusion.positive is None:
        return _macro_f1(confusion, level)
    place = confusion.positive
    hits = int(confusion.hits[place])
    rows = int(confusion.labelled[place] + confusion.predicted[place]) - hits
    if not rows:
        return confusion.undefined_positive(NEITHER, level)
    return _f1_of_jaccard(hits / rows, rows, n=confusion.n, level=level)


def _f1_of_jaccard(jaccard: float, rows: int, *, n: int, level: float) -> MetricEstimate:
    """F1 from the Jaccard index J, a share of some rows; dF1/dJ is 2 / (1 + J)²."""
    lower, upper = wilson_ends(jaccard, rows, level)
    return MetricEstimate(
        value=_harmonic(jaccard),
        lower=_harmonic(lower),
        upper=_harmonic(upper),
        standard_error=2 / (1 + jaccard) ** 2 * (jaccard * (1 - jaccard) / rows) ** 0.5,
        n=n,
        level=level,
    )


def _harmonic(jaccard: float) -> float:
    return 2 * jaccard / (1 + jaccard)


def _macro_f1(confusion: Confusion, level: float) -> MetricEstimate:
    """The mean of all classes' F1, with the error of `_macro_f1_variance`."""
    scores = 2 * confusion.hits / (confusion.predicted + confusion.labelled)
    error = float(np.sqrt(_macro_f1_variance(confusion, scores)))
    rows = float(_mean_class_rows(confusion.labelled))
    return estimate_bounded(float(scores.mean()), error, rows=rows, n=confusion.n, level=level)


def _macro_f1_variance(confusion: Confusion, scores: FloatArray) -> float:
    """By the delta method over the multinomial of the confusion matrix (Takahashi et al., 2022).

    The mean's slope by a cell's share is 2/size on the diagonal, less both classes' score/size.
    """
    counts, n = confusion.counts, confusion.n
    sizes = confusion.predicted + confusion.labelled
    pull = scores / sizes
    slopes = (np.diag(2 / sizes) - pull[:, None] - pull[None, :]) * (n / len(counts))
    mean = np.sum(counts * slopes) / n
    return float(np.sum(counts * (slopes - mean) ** 2) / n**2)


def _mean_class_rows(labelled: IntArray) -> float:
    """The number of classes that have labels times the harmonic mean of their rows."""
    return float(np.count_nonzero(labelled) ** 2 / np.sum(1 / labelled[labelled > 0]))


def _share_of(
    confusion: Confusion, sizes: IntArray, undefined: str, level: float
) -> MetricEstimate:
    """Hits over sizes, of the positive class or on average over the classes that have a size."""
    place = confusion.positive
    if place is None:
        return _mean_of_defined(confusion, sizes, level)
    hits, size = int(confusion.hits[place]), int(sizes[place])
    if not size:
        return confusion.undefined_positive(undefined, level)
    return estimate_proportion(hits, size, n=confusion.n, level=level)


def _mean_of_defined(confusion: Confusion, sizes: IntArray, level: float) -> MetricEstimate:
    """Hits over sizes, on average over the classes that have a size."""
    is_defined = sizes > 0
    hits, trials = confusion.hits[is_defined], sizes[is_defined]
    return estimate_mean_proportion(hits, trials, n=confusion.n, level=level)


MEASURES: dict[Metric, Callable[[Confusion, float], MetricEstimate]] = {
    Metric.ACCURACY: accuracy,
    Metric.BALANCED_ACCURACY: balanced_accuracy,
    Metric.PRECISION: precision,
    Metric.RECALL: recall,
    Metric.F1: f1,
}
