"""Measures a model's performance over a window whose labels are known."""

from collections.abc import Callable, Iterable

import numpy as np

from ..arrays import BoolArray, FloatArray
from ..columns import Values
from .classification import Confusion, measure_confusion
from .estimates import (
    CONFUSION_METRICS,
    LEVEL,
    REGRESSION_METRICS,
    SCORE_METRICS,
    Metric,
    MetricEstimate,
    normal_quantile,
)
from .reading import (
    Classes,
    Label,
    exact_differences,
    read_binary,
    read_classes,
    read_numbers,
    read_scores,
    require_same_rows,
)
from .regression import measure_errors
from .scores import log_loss, roc_auc

NOT_BINARY = "The labels are not of two classes of which one is the positive label."


def measure_performance(
    metrics: Iterable[Metric],
    *,
    prediction: Values,
    label: Values,
    score: Values | None = None,
    positive: Label | None = 1,
    level: float = LEVEL,
) -> dict[Metric, MetricEstimate]:
    """Each metric of a window, with a two-sided confidence interval.

    Precision, recall and F1 are those of the positive class against all others. With `positive=None` they are macro
    averages over the classes for which they are defined (scikit-learn's `zero_division=nan`). A positive class that no
    row is of, where rows are of two others, makes them errors: they are never those of other classes.

    Args:
        metrics: What to measure; the answer keeps their order.
        prediction: Shape (n,), classes or numbers.
        label: Shape (n,), what turned out to be true, comparable with the predictions by value.
        score: Shape (n,), the probability of the positive class; needed by ROC AUC and log loss.
        positive: The positive class; None for macro averages.
        level: Confidence of the intervals.

    Raises:
        ValueError: If a row is null or NaN, the columns differ in length, a score is missing or outside [0, 1], there
            are more than 1000 classes, or the level is not between 0 and 1.
        UnusableColumn: If the columns cannot be compared, or are not numbers where a metric needs them.
    """
    wanted = list(dict.fromkeys(metrics))
    normal_quantile(level)
    found: dict[Metric, MetricEstimate] = {}
    if counted := CONFUSION_METRICS.intersection(wanted):
        found |= _measure_counts(counted, Confusion.count(label, prediction, positive), level)
    if SCORE_METRICS.intersection(wanted):
        found |= _measure_scores(label, score, positive, level)
    if errors := REGRESSION_METRICS.intersection(wanted):
        found |= _measure_errors(errors, prediction, label, level)
    return {metric: found[metric] for metric in wanted}


def _measure_counts(
    metrics: Iterable[Metric], confusion: Confusion, level: float
) -> dict[Metric, MetricEstimate]:
    return {metric: measure_confusion(metric, confusion, level) for metric in metrics}


def _measure_errors(
    metrics: Iterable[Metric], prediction: Values, label: Values, level: float
) -> dict[Metric, MetricEstimate]:
    predicted, actual = read_numbers(prediction, "prediction"), read_numbers(label, "label")
    require_same_rows(prediction=predicted, label=actual)
    errors = exact_differences(prediction, label)
    errors = np.abs(predicted - actual if errors is None else errors)
    return {metric: measure_errors(metric, errors, actual, level) for metric in metrics}


def _measure_scores(
    label: Values, score: Values | None, positive: Label | None, level: float
) -> dict[Metric, MetricEstimate]:
    if score is None:
        raise ValueError("ROC AUC and log loss are measured on scores, but none were given.")
    scores, is_positive = read_scores(score), read_binary(label, positive, "label")
    if is_positive is None:
        reason = _why_not_binary(read_classes(label=label), positive)
        undefined = MetricEstimate(n=len(scores), reason=reason, level=level, is_error=True)
        return dict.fromkeys(SCORE_METRICS, undefined)
    require_same_rows(score=scores, label=is_positive)
    return {metric: measure(scores, is_positive, level) for metric, measure in MEASURES.items()}


def _why_not_binary(labels: Classes, positive: Label | None) -> str:
    if positive is None or (name := labels.name_of(positive)) in labels.names:
        return NOT_BINARY
    return labels.describe_missing(name)


MEASURES: dict[Metric, Callable[[FloatArray, BoolArray, float], MetricEstimate]] = {
    Metric.ROC_AUC: roc_auc,
    Metric.LOG_LOSS: log_loss,
}
