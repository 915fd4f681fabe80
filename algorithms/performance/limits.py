"""Defines the limit of a metric, as a value with an interval of its own."""

import math
from dataclasses import dataclass
from typing import Self

from .estimates import HIGHER_IS_BETTER, Metric, MetricEstimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A value between the ends of its interval, with its standard error."""

    value: float
    lower: float
    upper: float
    error: float

    @classmethod
    def of(cls, estimate: MetricEstimate) -> Self | None:
        """The estimate without the words; None if it is undefined."""
        value, error = estimate.value, estimate.standard_error
        lower, upper = estimate.lower, estimate.upper
        if value is None or lower is None or upper is None or error is None:
            return None
        return cls(value=value, lower=lower, upper=upper, error=error)

    @classmethod
    def exactly(cls, value: float) -> Self:
        """The span of a value that is known."""
        return cls(value=value, lower=value, upper=value, error=0.0)

    def times(self, factor: float) -> "Span":
        """The span of the value multiplied by a factor of at least 0."""
        return Span(
            value=factor * self.value,
            lower=factor * self.lower,
            upper=factor * self.upper,
            error=factor * self.error,
        )

    def minus(self, other: "Span") -> "Span":
        """The span of the difference of two independent values.

        The squares of both sides' distances to their own ends add up (MOVER; Zou & Donner, 2008), which for two shares
        with Wilson's limits is Newcombe's interval (1998).
        """
        value = self.value - other.value
        down = math.hypot(self.value - self.lower, other.upper - other.value)
        up = math.hypot(self.upper - self.value, other.value - other.lower)
        error = math.hypot(self.error, other.error)
        return Span(value=value, lower=value - down, upper=value + up, error=error)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceLimit:
    """The limit that a metric must keep to; exactly one of the three is given.

    Attributes:
        minimum: The least value that is still fine.
        maximum: The greatest value that is still fine.
        relative: By what share of the baseline's value the metric may get worse: 0.1 is 10 % lower where higher is
            better, else 10 % higher.

    Raises:
        ValueError: If not exactly one is given, it is not finite, or `relative` is not positive.
    """

    minimum: float | None = None
    maximum: float | None = None
    relative: float | None = None

    def __post_init__(self) -> None:
        given = [each for each in (self.minimum, self.maximum, self.relative) if each is not None]
        if len(given) != 1 or not math.isfinite(given[0]):
            raise ValueError(
                "A limit is a minimum, a maximum or a relative change: one finite number."
            )
        if self.relative is not None and self.relative <= 0:
            raise ValueError(
                f"A relative limit is a positive share of the baseline's value, but got {self.relative}."
            )

    def is_floor(self, metric: Metric) -> bool:
        """True if values below the limit are the wrong ones."""
        if self.relative is None:
            return self.minimum is not None
        return metric in HIGHER_IS_BETTER

    def bound(self, metric: Metric, baseline: MetricEstimate | None) -> Span | None:
        """The limit as a value of the metric; None if it is relative to an undefined one.

        Raises:
            ValueError: If it is relative, and there is no baseline.
        """
        if self.minimum is not None:
            return Span.exactly(self.minimum)
        if self.maximum is not None:
            return Span.exactly(self.maximum)
        if baseline is None or self.relative is None:
            raise ValueError("A relative limit needs the baseline's estimate.")
        known = Span.of(baseline)
        return known.times(_factor(metric, self.relative)) if known else None


def _factor(metric: Metric, relative: float) -> float:
    """The share of the baseline's value that a metric may come down or go up to."""
    return 1 - min(1.0, relative) if metric in HIGHER_IS_BETTER else 1 + relative
