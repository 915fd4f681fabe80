"""Compares a window's metric with a limit, and judges if chance could have put it past the limit."""

from dataclasses import dataclass

from ..verdicts import Signal, Verdict
from .estimates import Metric, MetricEstimate
from .limits import PerformanceLimit, Span

MIN_ROWS = 50
NAMES = {
    Metric.ACCURACY: "Accuracy",
    Metric.BALANCED_ACCURACY: "Balanced accuracy",
    Metric.PRECISION: "Precision",
    Metric.RECALL: "Recall",
    Metric.F1: "F1",
    Metric.ROC_AUC: "ROC AUC",
    Metric.LOG_LOSS: "Log loss",
    Metric.MAE: "MAE",
    Metric.RMSE: "RMSE",
    Metric.MAPE: "MAPE",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceJudgement:
    """The comparison of a window's metric with its limit; a figure that could not be measured is None.

    Attributes:
        signal: `warning` if the value is past the limit but chance could have put it there.
        reason: A sentence for people.
        baseline: The baseline's value, if one was given.
        limit: The limit as a value of the metric.
        excess: How far the value is past the limit; negative while it keeps to it.
        excess_lower: Lower end of the excess's interval; it is drift when even this is positive.
        excess_upper: Upper end.
        standard_error: Of the excess: the window's, and for a relative limit the baseline's with it.
        n: Rows that were measured.
    """

    metric: Metric
    verdict: Verdict
    signal: Signal | None = None
    reason: str
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    baseline: float | None = None
    limit: float | None = None
    excess: float | None = None
    excess_lower: float | None = None
    excess_upper: float | None = None
    standard_error: float | None = None
    n: int


def judge_performance(
    metric: Metric,
    window: MetricEstimate,
    limit: PerformanceLimit,
    *,
    baseline: MetricEstimate | None = None,
    min_rows: int = MIN_ROWS,
) -> PerformanceJudgement:
    """Compare a window's metric with its limit.

    Drift takes evidence: the interval of the distance to the limit must lie wholly past it. For a minimum or maximum
    that is the window's own interval; a relative limit is known only as well as the baseline, so the interval holds the
    baseline's error, too. With intervals of 95 %, a metric exactly at its limit drifts in 2.5 % of windows.

    Args:
        metric: What was measured; a relative limit lies below the baseline's value where higher is better.
        window: The metric over the window.
        limit: What it must keep to.
        baseline: The metric over the baseline's rows, independent of the window's.
        min_rows: With fewer rows, as with an undefined value, the verdict is `insufficient_data`.

    Raises:
        ValueError: If a relative limit comes without a baseline, or the two intervals are of different levels.
    """
    if baseline is not None and baseline.level != window.level:
        raise ValueError(
            f"The window's interval is of level {window.level}, the baseline's of {baseline.level}."
        )
    found, bound = Span.of(window), limit.bound(metric, baseline)
    if found is None or bound is None or window.n < min_rows:
        return PerformanceJudgement(
            metric=metric,
            verdict=Verdict.INSUFFICIENT_DATA,
            reason=_why_unjudged(metric, window, baseline, min_rows),
            value=window.value,
            lower=window.lower,
            upper=window.upper,
            baseline=baseline.value if baseline else None,
            n=window.n,
        )
    return _judge(metric, window, limit, baseline, found, bound)


def _judge(
    metric: Metric, window: MetricEstimate, limit: PerformanceLimit, baseline: MetricEstimate | None, found: Span,
    bound: Span,
) -> PerformanceJudgement:  # fmt: skip
    excess = bound.minus(found) if limit.is_floor(metric) else found.minus(bound)
    signal = (
        Signal.DRIFT if excess.lower > 0 else Signal.WARNING if excess.value > 0 else Signal.STABLE
    )
    return PerformanceJudgement(
        metric=metric,
        verdict=Verdict.DRIFT if signal == Signal.DRIFT else Verdict.OK,
        signal=signal,
        reason=_sentence(metric, limit, found, bound, signal, window.level),
        value=found.value,
        lower=found.lower,
        upper=found.upper,
        baseline=baseline.value if baseline else None,
        limit=bound.value,
        excess=excess.value,
        excess_lower=excess.lower,
        excess_upper=excess.upper,
        standard_error=excess.error,
        n=window.n,
    )


def _why_unjudged(
    metric: Metric, window: MetricEstimate, baseline: MetricEstimate | None, min_rows: int
) -> str:
    if window.n < min_rows:
        return f"{NAMES[metric]} was measured on {window.n} rows, but a verdict takes {min_rows}."
    if window.value is None:
        return f"{NAMES[metric]} is undefined: {window.reason}"
    return f"{NAMES[metric]} of the baseline is undefined: {baseline.reason if baseline else ''}"


def _sentence(
    metric: Metric, limit: PerformanceLimit, found: Span, bound: Span, signal: Signal, level: float
) -> str:  # fmt: skip
    """Such as: Recall is 0.71 (95 % interval 0.66 to 0.76), below the limit of 0.8."""
    kept, past = ("at or above", "below") if limit.is_floor(metric) else ("at or below", "above")
    side, share = kept if signal == Signal.STABLE else past, 100 * (limit.relative or 0.0)
    origin = (
        f", which is {share:.4g} % {past} the baseline's value"
        if limit.relative is not None
        else ""
    )
    doubt = "; chance could explain it" if signal == Signal.WARNING else ""
    interval = f"{100 * level:.4g} % interval {found.lower:.4g} to {found.upper:.4g}"
    return f"{NAMES[metric]} is {found.value:.4g} ({interval}), {side} the limit of {bound.value:.4g}{origin}{doubt}."
