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
        value, lower, upper, error = (
            estimate.value,
            estimate.lower,
            estimate.upper,
            estimate.standard_error,
        )
        if value is None or lower is None or upper is None or error is None:
            return None
        return cls(value=value, lower=lower, upper=upper, error=error)

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
        return Span(
            value=value,
            lower=value - math.hypot(self.value - self.lower, other.upper - other.value),
            upper=value + math.hypot(self.upper - self.value, other.value - other.lower),
            error=math.hypot(self.error, other.error),
        )


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
        given = [
            value for value in (self.minimum, self.maximum, self.relative) if value is not None
        ]
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
        return self.minimum is not None or (
            self.relative is not None and metric in HIGHER_IS_BETTER
        )

    def bound(self, metric: Metric, baseline: MetricEstimate | None) -> Span | None:
        """The limit as a value of the metric; None if it is relative to an undefined one.

        Raises:
            ValueError: If it is relative, and there is no baseline.
        """
        for value in (self.minimum, self.maximum):
            if value is not None:
                return Span(value=value, lower=value, upper=value, error=0.0)
        if baseline is None or self.relative is None:
            raise ValueError("A relative limit needs the baseline's estimate.")
        known = Span.of(baseline)
        share = 1 - min(1.0, self.relative) if metric in HIGHER_IS_BETTER else 1 + self.relative
        return known.times(share) if known else None
