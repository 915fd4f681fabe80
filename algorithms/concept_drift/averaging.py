"""Averages errors that depend on each other before the detectors see them.

On a stormy evening most flights are late, and a model is wrong about many of them at once. Detectors assume independent
observations, so they take each such evening for a drift. With `error_batch` they see the mean of that many errors in a
row instead, in units of the usual difference between such means.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np
from scipy.special import ndtr, ndtri

from ..arrays import FloatArray
from ..kernels.compiler import jit
from .detector import Detector

LEAST_CHANCE = 1e-9
"""Normal probabilities are kept this far from 0 and 1, whose quantiles are infinite."""
LEARNT_FROM = 30
"""Means that are enough to learn how much they differ, where no reference says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """The part of a batch that the detectors see.

    Attributes:
        values: Shape (k,), errors, or means of errors in standard deviations from their usual mean.
        each: Errors that one observation stands for.
        missing: Errors that the first one had already, from earlier batches.
        mean: The usual mean of means; 0 for single errors.
        deviation: Their standard deviation; 1 for single errors.
    """

    values: FloatArray
    each: int = 1
    missing: int = 0
    mean: float = 0.0
    deviation: float = 1.0

    def shown_to(self, detector: Detector) -> FloatArray:
        """The values; for a detector that needs them between 0 and 1, means as their normal probability."""
        return ndtr(self.values) if self._are_probabilities(detector) else self.values

    def rate(self, level: float, detector: Detector) -> float:
        """The error rate that a detector means by the mean of what it was shown."""
        if self._are_probabilities(detector):
            level = float(ndtri(min(max(level, LEAST_CHANCE), 1 - LEAST_CHANCE)))
        return float(np.clip(self.mean + self.deviation * level, 0.0, 1.0))

    def _are_probabilities(self, detector: Detector) -> bool:
        return self.each > 1 and detector.highest == 1.0

    def row(self, position: int) -> int:
        """The row of the batch that completed an observation."""
        return (position + 1) * self.each - self.missing - 1


@dataclass(slots=True, kw_only=True)
class Averaging:
    """The state of a stream's averages; plain fields, stored as JSON.

    Attributes:
        each: Errors to a mean.
        total: Sum of the errors that wait for their mean to be complete.
        count: How many they are.
        learning: Means from which the averaging learns what is usual.
        mean: Their mean, once learnt.
        deviation: Their standard deviation.
    """

    each: int
    total: float = 0.0
    count: int = 0
    learning: list[float] = field(default_factory=list)
    mean: float | None = None
    deviation: float = 1.0

    @classmethod
    def resumed(cls, each: int, stored: dict[str, Any] | None) -> Self:
        """The averaging that was stored, or a new one if there is none or means are now to be of other size."""
        return cls(**stored) if stored and stored["each"] == each else cls(each=each)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def learn(self, errors: FloatArray) -> None:
        """Learn what is usual from a reference's errors, shape (n,), in order; fewer than two means teach nothing."""
        whole = len(errors) // self.each * self.each
        means = errors[:whole].reshape(-1, self.each).mean(axis=1)
        if len(means) > 1:
            self._settle(means)

    def take(self, errors: FloatArray) -> Observations:
        """Take errors, shape (n,), and give the means that they complete."""
        missing, means = self.count, self._complete(errors)
        learnt = self._learn_from(means)
        usual = self.mean or 0.0
        return Observations(
            values=(means[learnt:] - usual) / self.deviation,
            each=self.each,
            missing=missing - learnt * self.each,
            mean=usual,
            deviation=self.deviation,
        )

    def _complete(self, errors: FloatArray) -> FloatArray:
        """The means that errors complete; the rest waits for the next batch."""
        waiting = self.count + len(errors)
        means = np.empty(waiting // self.each)
        self.total = float(complete_means(errors, self.each, self.total, self.count, means))
        self.count = waiting % self.each
        return means

    def _learn_from(self, means: FloatArray) -> int:
        """Use means for learning as long as that is not over; returns how many."""
        if self.mean is not None:
            return 0
        wanted = means[: LEARNT_FROM - len(self.learning)]
        self.learning += wanted.tolist()
        self._end_learning()
        return len(wanted)

    def _end_learning(self) -> None:
        """Settle what is usual once there are enough means."""
        if len(self.learning) == LEARNT_FROM:
            self._settle(np.array(self.learning))
            self.learning = []

    def _settle(self, means: FloatArray) -> None:
        """Keep the mean and the deviation; means that hardly differ are held to differ as independent errors would."""
        self.mean = float(means.mean())
        self.deviation = float(max(means.std(ddof=1), self._independent_deviation(self.mean)))

    def _independent_deviation(self, rate: float) -> float:
        """The deviation of means of independent errors, with at least one error a mean."""
        variance = max(rate * (1 - rate), 1.0 / self.each)
        return float(np.sqrt(variance / self.each))


@jit
def complete_means(
    errors: FloatArray, each: int, total: float, count: int, means: FloatArray
) -> float:
    """Add errors, shape (n,), one by one, so that it does not matter how they were cut; returns what is left over.

    Args:
        errors: In order.
        each: How many make a mean.
        total: Of those that have waited.
        count: How many have.
        means: Overwritten.
    """
    place = 0
    for row in range(len(errors)):
        total += errors[row]
        count += 1
        if count == each:
            means[place] = total / each
            place += 1
            total, count = 0.0, 0
    return total
