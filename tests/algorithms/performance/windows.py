"""Windows whose true metrics are known, or can be had by drawing very many rows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from algorithms.arrays import FloatArray, IntArray
from algorithms.performance import Metric, MetricEstimate, measure_performance

BINARY_METRICS = tuple(Metric)[:7]
CONFUSION = tuple(Metric)[:5]
REGRESSION = tuple(Metric)[7:]

type Estimates = dict[Metric, MetricEstimate]


@dataclass(frozen=True)
class Classified:
    score: FloatArray
    prediction: IntArray
    label: IntArray


@dataclass(frozen=True)
class Regressed:
    features: FloatArray
    prediction: FloatArray
    label: FloatArray


def classified(
    rng: np.random.Generator, n: int, shift: float = 0.0, power: float = 1.0
) -> Classified:
    """Labels that fall by a chance of which the score is a power: with 1, it is calibrated."""
    chance = special.expit(1.5 * (rng.normal(size=n) + shift) - 0.7)
    score = chance**power
    return Classified(score, (score > 0.4).astype(int), (rng.random(n) < chance).astype(int))


def many_classes(rng: np.random.Generator, n: int, right: float) -> Classified:
    """Four classes of unequal size; a share of rows is predicted at random."""
    label = rng.choice(4, n, p=[0.5, 0.3, 0.15, 0.05])
    return Classified(
        np.zeros(n), np.where(rng.random(n) < right, label, rng.integers(0, 4, n)), label
    )


def regressed(rng: np.random.Generator, n: int, shift: float = 0.0) -> Regressed:
    """Errors whose spread grows with the first feature, from 0.5 to 2.5."""
    features = rng.normal(size=(n, 3)) + np.array([shift, 0.0, 0.0])
    spread = 0.5 + np.clip(features[:, 0] + 1, 0, 2)
    prediction = features.sum(axis=1)
    return Regressed(features, prediction, prediction + spread * rng.normal(size=n))


def realised(window: Classified, level: float = 0.95) -> Estimates:
    """The metrics of a binary classifier, once labels are known."""
    return measure_performance(
        BINARY_METRICS,
        prediction=window.prediction,
        label=window.label,
        score=window.score,
        level=level,
    )


def holds(estimate: MetricEstimate, truth: float | None) -> bool:
    """True if the interval holds the value."""
    assert estimate.lower is not None
    assert estimate.upper is not None
    assert truth is not None
    return estimate.lower <= truth <= estimate.upper


def share_held(
    measure: Callable[[int], Estimates], rows: int, draws: int = 600
) -> dict[Metric, float]:
    """The share of windows of a size whose interval holds the value that a million rows give."""
    truth, found = measure(1_000_000), [measure(rows) for _ in range(draws)]
    return {
        metric: float(np.mean([holds(each[metric], truth[metric].value) for each in found]))
        for metric in truth
    }
