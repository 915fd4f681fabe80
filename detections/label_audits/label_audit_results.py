"""Measures the model by the labels of a label audit, with intervals that hold however often one looks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from algorithms.arrays import FloatArray
from algorithms.baseline import COLUMN_ERRORS
from algorithms.charts.number_words import number
from algorithms.performance import (
    Metric,
    MetricEstimate,
    PerformanceJudgement,
    PerformanceLimit,
    judge_performance,
    read_numbers,
)
from algorithms.performance.comparison import NAMES
from algorithms.performance.confidence_sequence import (
    TOO_LARGE,
    follow_mean_loss,
    follow_share,
    root_of_mean,
)
from algorithms.performance.limits import Span
from algorithms.verdicts import Verdict
from detections.label_audits.label_reading import ReadLabel, right_predictions
from detections.label_audits.selectors import (
    COMPLETE,
    OPEN,
    get_drawn_rows,
    get_estimates,
    get_labels,
)
from detections.models import LabelAudit
from drift_detector.formats import counted
from monitors.baselines.reference_performance import limits_of
from monitors.models import Monitor

IN_ORDER = "{} of {} labelled; {} in the order of the draw."
MORE_TELL = "More labels will tell if it keeps to the limit of {}."
PAST, KEPT = "It is past the limit of {}.", "It keeps to the limit of {}."


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedMetric:
    """A metric by the labels of an audit.

    Attributes:
        found: Its value over the rows that count, with an interval for all rows of the window.
        reference: Its value over the reference; None if that is not known.
        estimate: Its estimate of the window, as a detail of a detection; None without one.
        limit: The monitor's; None without one, or if it is relative to a reference that is not known.
        judgement: The comparison with the limit; None without a limit or an interval.
    """

    metric: Metric
    found: MetricEstimate
    reference: float | None
    estimate: Mapping[str, Any] | None
    limit: float | None
    judgement: PerformanceJudgement | None

    @property
    def verdict(self) -> Verdict | None:
        """`drift` or `ok` if the whole interval is on one side of the limit; None without a limit."""
        if self.limit is None:
            return None
        if self.judgement is None:
            return Verdict.INSUFFICIENT_DATA
        least, most = self.judgement.excess_lower, self.judgement.excess_upper
        if least is None or most is None or least <= 0 < most:
            return Verdict.INSUFFICIENT_DATA
        return Verdict.DRIFT if least > 0 else Verdict.OK

    @property
    def sentences(self) -> Iterable[str]:
        """The result in words."""
        name, found = NAMES[self.metric], self.found
        if found.value is None:
            if found.is_error:
                yield f"{name} is not known: {found.reason}"
            return
        beside = ""
        if self.reference is not None:
            beside += f"; over the reference it is {number(self.reference)}"
        if self.estimate is not None:
            beside += f"; the estimate is {number(self.estimate['statistic'])} ({self.estimate['verdict']})"
        yield f"{name} is {number(found.value)}{_interval(found)}{beside}."
        if found.reason:
            yield found.reason
        verdict = self.verdict
        if verdict and self.limit is not None and not found.is_error:
            words = {Verdict.DRIFT: PAST, Verdict.OK: KEPT}.get(verdict, MORE_TELL)
            yield words.format(number(self.limit))


def _interval(found: MetricEstimate) -> str:
    if found.lower is None or found.upper is None:
        return ""
    return f" ({100 * found.level:.4g} % interval {number(found.lower)} to {number(found.upper)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """A label audit and what its labels tell.

    Attributes:
        labelled: Rows that have a label.
        counted: The first rows of the draw that all have a label; these are measured.
        metrics: By the counted rows.
    """

    audit: LabelAudit
    labelled: int
    counted: int
    metrics: tuple[AuditedMetric, ...]

    @property
    def status(self) -> str:
        """The word for an audit whose rows all have labels, and for another."""
        return COMPLETE if self.labelled == self.audit.rows else OPEN

    @property
    def waiting(self) -> int:
        """Labelled rows that count once those before them are labelled."""
        return self.labelled - self.counted

    @property
    def summary(self) -> str:
        """The result in plain words."""
        rows = counted(self.audit.rows, "row")
        state = IN_ORDER.format(number(self.labelled), rows, number(self.counted))
        sentences = dict.fromkeys(each for metric in self.metrics for each in metric.sentences)
        return " ".join([state, *sentences])


def result_of(audit: LabelAudit, monitor: Monitor) -> AuditResult:
    """Measure the model over an audit's window by its labels.

    The rows from the first to the last before one that has no label count. Which rows people label first can go with
    their labels; the order of the draw cannot.
    """
    labels = get_labels(audit)
    prefix = _prefix(labels, audit.rows)
    estimates = get_estimates(monitor.id, (audit.window_start, audit.window_end))
    found = _measured(audit, [labels[row] for row in range(1, prefix + 1)])
    metrics = [
        _beside(metric, each, audit, monitor, estimates.get(metric))
        for metric, each in found.items()
    ]
    return AuditResult(audit=audit, labelled=len(labels), counted=prefix, metrics=tuple(metrics))


def _prefix(labels: Mapping[int, Any], rows: int) -> int:
    """The number of rows before the first that has no label."""
    return next((row - 1 for row in range(1, rows + 1) if row not in labels), rows)


def _measured(audit: LabelAudit, labels: list[ReadLabel]) -> dict[Metric, MetricEstimate]:
    predictions = get_drawn_rows(audit)["prediction"].combine_chunks().slice(0, len(labels))
    if audit.kind == LabelAudit.Kind.CLASSIFICATION:
        return {Metric.ACCURACY: _accuracy(audit, predictions, labels)}
    with np.errstate(over="ignore"):
        errors = np.abs(read_numbers(predictions, "prediction") - np.array(labels, np.float64))
        squares = errors**2
    return {
        Metric.MAE: _mean_loss(audit, errors),
        Metric.RMSE: root_of_mean(_mean_loss(audit, squares)),
    }


def _accuracy(audit: LabelAudit, predictions: pa.Array, labels: list[ReadLabel]) -> MetricEstimate:
    """The share of right predictions; without a value if labels are of too many classes."""
    try:
        is_right = right_predictions(predictions, labels)
    except COLUMN_ERRORS as error:
        return MetricEstimate(n=len(labels), reason=str(error), is_error=True)
    return follow_share(is_right, rows=audit.population, planned=audit.plans or audit.rows)


def _mean_loss(audit: LabelAudit, losses: FloatArray) -> MetricEstimate:
    """The mean of losses; without a value if one of them is too large, which labels of today cannot be."""
    if not np.isfinite(losses).all():
        return MetricEstimate(n=len(losses), reason=TOO_LARGE, is_error=True)
    planned = audit.plans[0] if audit.plans else audit.rows  # one plan must hold for all rows
    return follow_mean_loss(losses, rows=audit.population, planned=planned)


def _beside(
    metric: Metric,
    found: MetricEstimate,
    audit: LabelAudit,
    monitor: Monitor,
    estimate: Mapping[str, Any] | None,
) -> AuditedMetric:
    """A metric with what is known from elsewhere."""
    stored = audit.reference.get(metric)
    reference = MetricEstimate(**stored) if stored else None
    limit = limits_of(monitor).get(metric)
    bound = limit and _bound(limit, metric, reference)
    return AuditedMetric(
        metric=metric,
        found=found,
        reference=reference.value if reference else None,
        estimate=estimate,
        limit=bound.value if bound else None,
        judgement=_judged(metric, found, limit, reference) if limit and bound else None,
    )


def _bound(
    limit: PerformanceLimit, metric: Metric, reference: MetricEstimate | None
) -> Span | None:
    if limit.relative is not None and reference is None:
        return None
    return limit.bound(metric, reference)


def _judged(
    metric: Metric,
    found: MetricEstimate,
    limit: PerformanceLimit,
    reference: MetricEstimate | None,
) -> PerformanceJudgement | None:
    if found.value is None or found.lower is None:
        return None
    known = replace(found, standard_error=0.0)  # an interval alone decides
    return judge_performance(metric, known, limit, baseline=reference, min_rows=1)
