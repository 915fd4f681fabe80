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
    _require_one_level(window, baseline)
    found, bound = Span.of(window), limit.bound(metric, baseline)
    if found is None or bound is None or window.n < min_rows:
        return _unjudged(metric, window, baseline, min_rows)
    return _judge(_Comparison(metric, window, limit, baseline, found, bound))


def _require_one_level(window: MetricEstimate, baseline: MetricEstimate | None) -> None:
    if baseline is not None and baseline.level != window.level:
        raise ValueError(
            f"The window's interval is of level {window.level}, the baseline's of {baseline.level}."
        )


def _unjudged(
    metric: Metric, window: MetricEstimate, baseline: MetricEstimate | None, min_rows: int
) -> PerformanceJudgement:
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


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A window's metric and the limit that it must keep to, both defined."""

    metric: Metric
    window: MetricEstimate
    limit: PerformanceLimit
    baseline: MetricEstimate | None
    found: Span
    bound: Span

    @property
    def excess(self) -> Span:
        """The distance of the value past the limit."""
        if self.limit.is_floor(self.metric):
            return self.bound.minus(self.found)
        return self.found.minus(self.bound)

    @property
    def words(self) -> tuple[str, str]:
        """The words for a value that keeps to the limit, and for one past it."""
        if self.limit.is_floor(self.metric):
            return "at or above", "below"
        return "at or below", "above"


def _judge(compared: _Comparison) -> PerformanceJudgement:
    found, excess, baseline = compared.found, compared.excess, compared.baseline
    signal = _signal(excess)
    return PerformanceJudgement(
        metric=compared.metric,
        verdict=Verdict.DRIFT if signal == Signal.DRIFT else Verdict.OK,
        signal=signal,
        reason=_sentence(compared, signal),
        value=found.value,
        lower=found.lower,
        upper=found.upper,
        baseline=baseline.value if baseline else None,
        limit=compared.bound.value,
        excess=excess.value,
        excess_lower=excess.lower,
        excess_upper=excess.upper,
        standard_error=excess.error,
        n=compared.window.n,
    )


def _signal(excess: Span) -> Signal:
    """Drift where the whole interval lies past the limit, a warning where the value alone does."""
    if excess.lower > 0:
        return Signal.DRIFT
    return Signal.WARNING if excess.value > 0 else Signal.STABLE


def _why_unjudged(
    metric: Metric, window: MetricEstimate, baseline: MetricEstimate | None, min_rows: int
) -> str:
    name = NAMES[metric]
    if window.n < min_rows:
        return f"{name} was measured on {window.n} rows, but a verdict takes {min_rows}."
    if window.value is None:
        return f"{name} is undefined: {window.reason}"
    return f"{name} of the baseline is undefined: {baseline.reason if baseline else ''}"


def _sentence(compared: _Comparison, signal: Signal) -> str:
    """Such as: Recall is 0.71 (95 % interval 0.66 to 0.76), below the limit of 0.8."""
    bound, side = compared.bound.value, _side(compared, signal)
    value = f"{NAMES[compared.metric]} is {compared.found.value:.4g} ({_interval(compared)})"
    return f"{value}, {side} the limit of {bound:.4g}{_origin(compared)}{_doubt(signal)}."


def _side(compared: _Comparison, signal: Signal) -> str:
    kept, past = compared.words
    return kept if signal == Signal.STABLE else past


def _doubt(signal: Signal) -> str:
    return "; chance could explain it" if signal == Signal.WARNING else ""


def _interval(compared: _Comparison) -> str:
    level, found = 100 * compared.window.level, compared.found
    return f"{level:.4g} % interval {found.lower:.4g} to {found.upper:.4g}"


def _origin(compared: _Comparison) -> str:
    """The place that a relative limit comes from."""
    relative, (_, past) = compared.limit.relative, compared.words
    if relative is None:
        return ""
    return f", which is {100 * relative:.4g} % {past} the baseline's value"
