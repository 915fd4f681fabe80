"""Defines a metric's value with its interval, and computes the intervals."""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import special

from ..arrays import FloatArray, IntArray

NO_ROWS = "There are no rows."
ONE_ROW = "A single row does not show how much the losses vary."
LEVEL = 0.95
WIDEST = 50.0
"""Logarithm of the factor that an interval reaches up and down at most, for it to stay finite."""


class Metric(StrEnum):
    """A measure of a model's answers; the names are scikit-learn's."""

    ACCURACY = "accuracy"
    BALANCED_ACCURACY = "balanced_accuracy"
    PRECISION = "precision"
    RECALL = "recall"
    F1 = "f1"
    ROC_AUC = "roc_auc"
    LOG_LOSS = "log_loss"
    MAE = "mae"
    RMSE = "rmse"
    MAPE = "mape"


CONFUSION_METRICS = frozenset(
    {Metric.ACCURACY, Metric.BALANCED_ACCURACY, Metric.PRECISION, Metric.RECALL, Metric.F1}
)
SCORE_METRICS = frozenset({Metric.ROC_AUC, Metric.LOG_LOSS})
REGRESSION_METRICS = frozenset({Metric.MAE, Metric.RMSE, Metric.MAPE})
HIGHER_IS_BETTER = CONFUSION_METRICS | {Metric.ROC_AUC}


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricEstimate:
    """One metric over one window.

    Attributes:
        value: None when the metric is undefined; so are the interval and the standard error.
        lower: Lower end of the two-sided interval.
        upper: Upper end.
        standard_error: Of the value, at the window's number of rows.
        n: Rows that were measured.
        left_out: Rows that the metric has no answer for: MAPE's rows with label 0.
        reason: Why the value is None; empty otherwise.
        is_error: The value is None because the columns or the settings are wrong, and more rows would not help.
        level: Confidence of the interval.
    """

    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    standard_error: float | None = None
    n: int
    left_out: int = 0
    reason: str = ""
    level: float = LEVEL
    is_error: bool = False


def normal_quantile(level: float) -> float:
    """The z of a two-sided interval.

    Raises:
        ValueError: If the level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"A level lies between 0 and 1, but got {level}.")
    return float(special.ndtri((1 + level) / 2))


def wilson_limits(
    shares: FloatArray, rows: FloatArray | IntArray, level: float
) -> tuple[FloatArray, FloatArray]:
    """Wilson's score interval (1927) of shares, shape (k,), by their rows, shape (k,), which need not be whole."""
    z = normal_quantile(level)
    centre, scale = shares + z**2 / (2 * rows), 1 + z**2 / rows
    spread = _wilson_spread(shares, rows, z)
    lower, upper = (centre - spread) / scale, (centre + spread) / scale
    return np.clip(lower, 0.0, shares), np.clip(upper, shares, 1.0)


def _wilson_spread(shares: FloatArray, rows: FloatArray | IntArray, z: float) -> FloatArray:
    """z·√(p(1 − p)/n + z²/(4n²)): half the interval's width, before it is scaled by 1 + z²/n."""
    spread: FloatArray = z * np.sqrt(shares * (1 - shares) / rows + (z / (2 * rows)) ** 2)
    return spread


def wilson_ends(share: float, rows: float, level: float) -> tuple[float, float]:
    """The two ends of Wilson's interval of one share."""
    lower, upper = wilson_limits(np.array([share]), np.array([rows]), level)
    return lower.item(), upper.item()


def estimate_proportion(successes: int, trials: int, *, n: int, level: float) -> MetricEstimate:
    """A share of trials with Wilson's interval; there must be a trial."""
    return estimate_mean_proportion(np.array([successes]), np.array([trials]), n=n, level=level)


def estimate_mean_proportion(
    successes: IntArray, trials: IntArray, *, n: int, level: float
) -> MetricEstimate:
    """The mean of k independent shares, shape (k,), each of at least one trial.

    The variance is the sum of the binomial ones. The interval adds up the squared distances from each share to its
    Wilson limits (MOVER; Zou & Donner, 2008), so it keeps a width where every share is 0 or 1.
    """
    shares, classes = successes / trials, len(trials)
    lower, upper = wilson_limits(shares, trials, level)
    value = float(shares.mean())
    return MetricEstimate(
        value=value,
        lower=value - _length(shares - lower) / classes,
        upper=value + _length(upper - shares) / classes,
        standard_error=_error_of_sum(shares, trials) / classes,
        n=n,
        level=level,
    )


def _length(distances: FloatArray) -> float:
    return float(np.linalg.norm(distances))


def _error_of_sum(shares: FloatArray, trials: IntArray) -> float:
    """The standard error of the sum of independent binomial shares."""
    return float(np.sqrt(np.sum(shares * (1 - shares) / trials)))


def estimate_bounded(
    value: float, standard_error: float, *, rows: float, n: int, level: float
) -> MetricEstimate:
    """A value in [0, 1] with Wilson's interval at the number of rows that would give its standard error.

    Next to 0 and 1 no number would, so the share's distance to them is taken as no less than the error.

    Args:
        rows: What to take as that number where the standard error is 0.
    """
    effective = _effective_rows(value, standard_error) if standard_error > 0 else rows
    lower, upper = wilson_ends(value, max(effective, 1.0), level)
    return MetricEstimate(
        value=value, lower=lower, upper=upper, standard_error=standard_error, n=n, level=level
    )


def _effective_rows(value: float, standard_error: float) -> float:
    """The rows whose share would have this standard error."""
    variance = max(value * (1 - value), standard_error * (1 - standard_error))
    return variance / standard_error**2


def estimate_by_logit(
    value: float, standard_error: float, *, rows: float, n: int, level: float
) -> MetricEstimate:
    """A value in [0, 1] with an interval that is normal on the logit's scale; next to 0 and 1 as `estimate_bounded`."""
    variance = value * (1 - value)
    if not 0 < standard_error**2 < variance:
        return estimate_bounded(value, standard_error, rows=rows, n=n, level=level)
    reach = normal_quantile(level) * standard_error / variance
    lower, upper = _moved_by_logit(value, -reach), _moved_by_logit(value, reach)
    return MetricEstimate(
        value=value, lower=lower, upper=upper, standard_error=standard_error, n=n, level=level
    )


def _moved_by_logit(value: float, distance: float) -> float:
    return float(special.expit(special.logit(value) + distance))


def estimate_loss(
    value: float, standard_error: float, *, n: int, level: float, left_out: int = 0
) -> MetricEstimate:
    """A value of at least 0 with an interval that is normal on the logarithm's scale, as losses are skewed."""
    spread = _loss_factor(value, standard_error, level)
    return MetricEstimate(
        value=value,
        lower=value / spread,
        upper=value * spread,
        standard_error=standard_error,
        n=n,
        left_out=left_out,
        level=level,
    )


def _loss_factor(value: float, standard_error: float, level: float) -> float:
    """The factor that the interval reaches up and down; the error of ln x is that of x over x."""
    if not value:
        return 1.0
    return math.exp(min(normal_quantile(level) * standard_error / value, WIDEST))


def estimate_mean_loss(losses: FloatArray, *, level: float, left_out: int = 0) -> MetricEstimate:
    """The mean of losses, shape (n,), each at least 0, its error by the central limit theorem; takes two rows."""
    n = len(losses)
    if n < 2:
        reason = ONE_ROW if n else NO_ROWS
        return MetricEstimate(n=n, left_out=left_out, reason=reason, level=level)
    error = float(losses.std(ddof=1)) / n**0.5
    return estimate_loss(float(losses.mean()), error, n=n, level=level, left_out=left_out)
