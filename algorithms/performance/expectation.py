"""Computes a classifier's expected metrics from calibrated probabilities, before labels are known (CBPE).

Each function divides sums over rows by their expected counts, as the expected confusion matrix does, and asks
`Expectation.error` how far the realised metric may lie from that.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from ..arrays import BoolArray, FloatArray
from .classification import NEITHER, NO_POSITIVE, NO_PREDICTED
from .estimates import (
    NO_ROWS,
    Metric,
    MetricEstimate,
    estimate_bounded,
    estimate_by_logit,
    estimate_loss,
)
from .score_calibration import ScoreCalibration
from .scores import clipped, run_lengths, starts_of_runs

ONE_CLASS = "Labels of only one class are expected."


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """A window as its labels are expected to turn out.

    Attributes:
        score: Shape (n,).
        chance: Shape (n,), each row's probability of a positive label.
        is_predicted: Shape (n,), whether the row is predicted as positive.
        calibration: What the probabilities come from.
        level: Confidence of the intervals.
        dispersion: By what factor estimates of this metric err more than chance leads one to expect.
    """

    score: FloatArray
    chance: FloatArray
    is_predicted: BoolArray
    calibration: ScoreCalibration
    level: float
    dispersion: float = 1.0

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.score)

    @property
    def predicted_rows(self) -> int:
        """Rows predicted as positive."""
        return int(np.count_nonzero(self.is_predicted))

    @property
    def caught(self) -> FloatArray:
        """The probabilities of a positive label in the rows predicted as positive."""
        return self.chance[self.is_predicted]

    def error(self, slopes: FloatArray) -> float:
        """Standard error of the realised metric about the expected one, by the delta method.

        Two errors add up: labels fall by chance (Poisson-binomial), and the calibration was fitted on a limited
        number of rows, which moves all rows of a block together.

        Args:
            slopes: Shape (n,), the derivative of the metric by each row's label.
        """
        variance = self._chance_variance(slopes) + self._calibration_variance(slopes)
        return self.dispersion * math.sqrt(variance)

    def _chance_variance(self, slopes: FloatArray) -> float:
        return float(np.sum(slopes**2 * self.chance * (1 - self.chance)))

    def _calibration_variance(self, slopes: FloatArray) -> float:
        """The variance from the calibration's error, which moves all rows of a block together."""
        variances, blocks = self.calibration.variances(), self.calibration.blocks(self.score)
        pulls = np.bincount(blocks, weights=slopes, minlength=len(variances))
        return float(pulls**2 @ variances)

    def bounded(self, value: float, slopes: FloatArray) -> MetricEstimate:
        """The estimate of a metric between 0 and 1."""
        value = min(max(value, 0.0), 1.0)
        return estimate_bounded(value, self.error(slopes), rows=self.n, n=self.n, level=self.level)

    def undefined(self, reason: str) -> MetricEstimate:
        """The estimate of a metric that has no value, with the reason."""
        return MetricEstimate(n=self.n, reason=reason, level=self.level)


def expect(metric: Metric, window: Expectation) -> MetricEstimate:
    """One of `EXPECTATIONS` of a window, by the formulas of each metric's own function."""
    return EXPECTATIONS[metric](window) if window.n else window.undefined(NO_ROWS)


def expected_accuracy(window: Expectation) -> MetricEstimate:
    """The mean probability that the prediction is right, Σ p / n over rows predicted positive and 1 − p elsewhere."""
    right = np.where(window.is_predicted, window.chance, 1 - window.chance)
    slopes = np.where(window.is_predicted, 1.0, -1.0) / window.n
    return window.bounded(float(right.mean()), slopes)


def expected_precision(window: Expectation) -> MetricEstimate:
    """The mean probability of a positive label over the rows predicted positive."""
    rows = window.predicted_rows
    if not rows:
        return window.undefined(NO_PREDICTED)
    return window.bounded(float(window.caught.mean()), window.is_predicted / rows)


def expected_recall(window: Expectation) -> MetricEstimate:
    """The share of the expected positive labels that lies in rows predicted positive."""
    value, slopes = _share_caught(window.chance, window.is_predicted)
    return window.undefined(NO_POSITIVE) if value is None else window.bounded(value, slopes)


def expected_f1(window: Expectation) -> MetricEstimate:
    """2 TP / (rows predicted positive + positive labels) of the expected counts."""
    rows = float(window.predicted_rows + window.chance.sum())
    if not rows:
        return window.undefined(NEITHER)
    value = 2 * float(window.caught.sum()) / rows
    return window.bounded(value, (np.where(window.is_predicted, 2.0, 0.0) - value) / rows)


def expected_balanced_accuracy(window: Expectation) -> MetricEstimate:
    """The mean of recall and of the share of the expected negative labels predicted as such."""
    sensitivity, rising = _share_caught(window.chance, window.is_predicted)
    specificity, falling = _share_caught(1 - window.chance, ~window.is_predicted)
    if sensitivity is None or specificity is None:
        return window.undefined(ONE_CLASS)
    return window.bounded((sensitivity + specificity) / 2, (rising - falling) / 2)


def expected_log_loss(window: Expectation) -> MetricEstimate:
    """The mean of −p ln s − (1 − p) ln(1 − s) over scores s."""
    error = window.error(-special.logit(clipped(window.score)) / window.n)
    return estimate_loss(_mean_log_loss(window), error, n=window.n, level=window.level)


def _mean_log_loss(window: Expectation) -> float:
    score, chance = clipped(window.score), window.chance
    losses = chance * np.log(score) + (1 - chance) * np.log1p(-score)
    return -float(np.mean(losses))


def expected_roc_auc(window: Expectation) -> MetricEstimate:
    """Expected pairs ranked right over expected pairs, Σ p_i (1 − p_j) over i ≠ j; ties of scores count half."""
    order = np.argsort(window.score)
    ranking = _Ranking(window.score[order], window.chance[order])
    if ranking.pairs <= 0:
        return window.undefined(ONE_CLASS)
    slopes = np.empty(window.n)
    slopes[order] = ranking.slopes()
    error, rows = window.error(slopes), min(ranking.positives, ranking.negatives)
    return estimate_by_logit(ranking.area, error, rows=rows, n=window.n, level=window.level)


@dataclass(frozen=True, eq=False)
class _Ranking:
    """Rows in ascending order of their scores, with their probabilities, each of shape (n,).

    A row makes no pair with itself, so its own part of each sum over all pairs is taken off.
    """

    score: FloatArray
    chance: FloatArray

    @cached_property
    def positives(self) -> float:
        """Expected positive labels."""
        return float(self.chance.sum())

    @cached_property
    def negatives(self) -> float:
        """Expected negative labels."""
        return float((1 - self.chance).sum())

    @cached_property
    def own(self) -> float:
        """Expected pairs of a row with itself."""
        return float((self.chance * (1 - self.chance)).sum())

    @property
    def pairs(self) -> float:
        """Expected pairs of a positive and a negative label."""
        return self.positives * self.negatives - self.own

    @cached_property
    def below(self) -> FloatArray:
        """The expected negative labels that each row outranks."""
        return _mass_below(self.score, 1 - self.chance)

    @cached_property
    def area(self) -> float:
        """The share of the expected pairs that is ranked right."""
        ranked = float(self.chance @ self.below) - self.own / 2
        return min(max(ranked / self.pairs, 0.0), 1.0)

    def slopes(self) -> FloatArray:
        """The derivative of the area by each row's label."""
        more_pairs = self.negatives - self.positives - 1 + 2 * self.chance
        return (self._more_right() - self.area * more_pairs) / self.pairs

    def _more_right(self) -> FloatArray:
        """The derivative of the pairs ranked right by each row's label."""
        above = self.positives - _mass_below(self.score, self.chance)
        return (self.below - (1 - self.chance) / 2) - (above - self.chance / 2)


def _mass_below(score: FloatArray, mass: FloatArray) -> FloatArray:
    """For each of ascending scores, shape (n,), the mass of the scores below it and half of that equal to it."""
    starts = starts_of_runs(score)
    sums = np.add.reduceat(mass, starts)
    return np.repeat(np.cumsum(sums) - sums / 2, run_lengths(starts, len(score)))


def _share_caught(chance: FloatArray, is_predicted: BoolArray) -> tuple[float | None, FloatArray]:
    """The share of the expected labels in rows predicted so, and its derivative by each label; None without any."""
    total = float(chance.sum())
    if not total:
        return None, chance
    value = float(chance[is_predicted].sum()) / total
    return value, (_ones(is_predicted) - value) / total


def _ones(is_predicted: BoolArray) -> FloatArray:
    return np.where(is_predicted, 1.0, 0.0)


EXPECTATIONS: dict[Metric, Callable[[Expectation], MetricEstimate]] = {
    Metric.ACCURACY: expected_accuracy,
    Metric.BALANCED_ACCURACY: expected_balanced_accuracy,
    Metric.PRECISION: expected_precision,
    Metric.RECALL: expected_recall,
    Metric.F1: expected_f1,
    Metric.ROC_AUC: expected_roc_auc,
    Metric.LOG_LOSS: expected_log_loss,
}
