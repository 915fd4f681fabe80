"""Follows the mean of rows that are labelled one after the other, by intervals that hold at all times.

However often an interval is looked at, and whenever one stops, the chance that any of them leaves the mean of all rows
out is at most one minus the level. Rows are drawn at random without replacement, and taken in the order of the draw.

Values from 0 to 1: the hedged capital process without replacement (Waudby-Smith & Ramdas, "Estimating means of bounded
random variables by betting", 2024). One gambler bets on each row that the mean is larger than a candidate, another that
it is smaller. Each knows only the rows before, so neither wins against the true mean but by chance: a candidate is left
out once one of them has multiplied the money by 2/α. This holds for any number of rows.

Losses, which have no upper bound (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, "Time-uniform central limit theory and
asymptotic confidence sequences", 2024): the sums behave as a Brownian motion. This holds for many rows.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from scipy import special

from ..arrays import FloatArray
from .estimates import LEVEL, NO_ROWS, MetricEstimate

BOLDEST = 0.5
"""The share of the money that a bet can lose at most, as in the paper."""
HALVINGS = 50
FEWEST_LOSSES = 100
"""With fewer losses, intervals of squared errors leave the mean out too often."""
FEW_LOSSES = f"An interval of a mean loss takes {FEWEST_LOSSES} labelled rows."
EQUAL_LOSSES = "All losses so far are equal, which does not show how much they vary."
TOO_LARGE = "The losses are too large for their mean and its interval to be computed."


def follow_share(
    values: FloatArray, *, rows: int, planned: int | Sequence[int], level: float = LEVEL
) -> MetricEstimate:
    """The mean of values from 0 to 1, such as the share of right answers, after some of the rows.

    Args:
        values: Shape (n,), in the order of the draw.
        rows: Rows that they were drawn from, at least n.
        planned: The number of values for which the interval is made as narrow as possible. Of several, which rise, each
            is for the values up to it, so that a plan can be extended: all intervals of the draw hold together.
        level: The chance that all intervals of the draw hold the mean of all rows is at least this.

    Raises:
        ValueError: If a value is outside [0, 1], or there are more values than rows.
    """
    n = _checked_length(values, rows)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("Every value must be from 0 to 1.")
    if not n:
        return MetricEstimate(lower=0.0, upper=1.0, n=0, reason=NO_ROWS, level=level)
    value = float(values.mean())
    if n == rows:
        return MetricEstimate(value=value, lower=value, upper=value, n=n, level=level)
    alpha = 1 - level
    bets, enough = _bets(values, rows, planned, alpha), math.log(2 / alpha)
    return MetricEstimate(
        value=value,
        lower=_lower_end(values, rows, bets, enough),
        upper=1 - _lower_end(1 - values, rows, bets, enough),
        n=n,
        level=level,
    )


def _checked_length(values: FloatArray, rows: int) -> int:
    if len(values) > rows:
        raise ValueError(f"There are {len(values)} values, but only {rows} rows.")
    return len(values)


def _bets(values: FloatArray, rows: int, planned: int | Sequence[int], alpha: float) -> FloatArray:
    """The bet on each value, shape (n,), by the values before it alone.

    They are the paper's for a number of values that is known beforehand: √(2 log(2/α) / (n · variance)). Each grows by
    how far a wrong candidate for the mean of all rows is from that of the rows that are left.
    """
    places = np.arange(len(values))
    means = (0.5 + np.cumsum(values)) / (places + 2)
    variances = (0.25 + np.cumsum((values - means) ** 2)) / (places + 2)
    known = np.append(0.25, variances[:-1])
    plans = np.atleast_1d(planned)
    plan_of_each = np.searchsorted(plans[:-1], places, side="right")
    effective = np.array([_effective(int(plan), rows) for plan in plans])[plan_of_each]
    bets: FloatArray = np.sqrt(2 * math.log(2 / alpha) / (known * effective))
    return bets * rows / (rows - places)


def _lower_end(values: FloatArray, rows: int, bets: FloatArray, enough: float) -> float:
    """The largest candidate below the values' mean that is left out, or the least mean that is possible.

    The money at each time falls with the candidate, so halving finds where it has been enough.
    """
    places = np.arange(len(values))
    before, left = np.cumsum(values) - values, rows - places

    def is_left_out(mean: float) -> bool:
        """True if a gambler against a smaller mean had enough at any time, or the mean is not possible."""
        means = mean + (places * mean - before) / left  # of the rows that were left at each time
        if (means < 0).any():
            return True
        with np.errstate(divide="ignore"):
            bold = np.minimum(bets, BOLDEST / means)
        return bool(np.cumsum(np.log1p(bold * (values - means))).max() >= enough)

    return _halve(is_left_out, float(values.sum()) / rows, float(values.mean()))


def _halve(is_left_out: Callable[[float], bool], low: float, high: float) -> float:
    """The end of what is left out between two numbers, not beyond it."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if is_left_out(middle):
            low = middle
        else:
            high = middle
    return low


def follow_mean_loss(
    losses: FloatArray, *, rows: int, planned: int, level: float = LEVEL
) -> MetricEstimate:
    """The mean of losses of at least 0 after some of the rows; for many rows, from `FEWEST_LOSSES` on.

    With S² the variance of the rows, the sum of n losses less n means, over the N − n rows that are left, is a
    martingale of the variance S² · n / (N · (N − n)). So its bound is the paper's, with n / (1 − n/N) in place of n.

    Args:
        losses: Shape (n,), in the order of the draw.
        rows: Rows that they were drawn from, at least n.
        planned: The number of losses for which the interval is made as narrow as possible.
        level: As of `follow_share`.

    Raises:
        ValueError: If a loss is negative or not finite, or there are more losses than rows.
    """
    n = _checked_length(losses, rows)
    if not (np.isfinite(losses) & (losses >= 0)).all():
        raise ValueError("Every loss must be a finite number of at least 0.")
    if not n:
        return MetricEstimate(n=0, reason=NO_ROWS, level=level)
    with np.errstate(over="ignore", invalid="ignore"):
        value, deviation = float(losses.mean()), float(losses.std(ddof=1)) if n > 1 else 0.0
    if not math.isfinite(value):
        return MetricEstimate(n=n, reason=TOO_LARGE, is_error=True, level=level)
    if n == rows:
        return MetricEstimate(value=value, lower=value, upper=value, n=n, level=level)
    if reason := _why_no_interval(n, deviation):
        is_error = reason == TOO_LARGE
        return MetricEstimate(value=value, n=n, reason=reason, is_error=is_error, level=level)
    margin = deviation * _margin(_effective(n, rows), _effective(planned, rows), 1 - level)
    return MetricEstimate(
        value=value,
        lower=max(value - margin, float(losses.sum()) / rows),
        upper=value + margin,
        n=n,
        level=level,
    )


def _why_no_interval(n: int, deviation: float) -> str:
    if not math.isfinite(deviation):
        return TOO_LARGE
    if n < FEWEST_LOSSES:
        return FEW_LOSSES
    return "" if deviation else EQUAL_LOSSES


def _effective(n: int, rows: int) -> float:
    """The rows, drawn with replacement, that would tell as much; of all rows, as if one were missing."""
    n = max(min(n, rows - 1), 1)
    return n / (1 - n / rows)


def _margin(n: float, planned: float, alpha: float) -> float:
    """Half of the width in standard deviations: the paper's, whose ρ² makes it least at the planned number."""
    tuned = float(-special.lambertw(-(alpha**2) / math.e, -1).real - 1) / planned
    grown = n * tuned + 1
    return math.sqrt(2 * grown / (n**2 * tuned) * math.log(math.sqrt(grown) / alpha))


def root_of_mean(squares: MetricEstimate) -> MetricEstimate:
    """The root of a mean of squares with its interval."""
    value, lower, upper = (
        None if each is None else each**0.5
        for each in (squares.value, squares.lower, squares.upper)
    )
    return replace(squares, value=value, lower=lower, upper=upper)


def rows_for_share(
    half_width: float, *, rows: int, most: int, share: float = 0.5, level: float = LEVEL
) -> int | None:
    """The rows to label until the interval of a share reaches no further than this to each side.

    It is measured on values that are spread evenly; a share that turns out nearer to one half takes more rows.

    Args:
        half_width: What is wanted, above 0.
        rows: Rows to draw from.
        most: The most that can be labelled.
        share: What is expected; one half takes the most rows.
        level: As of `follow_share`.

    Returns:
        None if it takes more than `most`.
    """
    even = np.floor(share * np.arange(1, most + 1)) - np.floor(share * np.arange(most))

    def is_too_wide(n: int) -> bool:
        found = follow_share(even[:n], rows=rows, planned=n, level=level)
        return _half_width(found) > half_width

    return _first_fine(is_too_wide, min(rows, most))


def rows_for_mean_loss(
    half_width: float, *, rows: int, most: int, deviation: float, level: float = LEVEL
) -> int | None:
    """The same for the mean of losses, whose standard deviation is expected to be this."""

    def is_too_wide(n: int) -> bool:
        if n == rows:
            return False
        planned = _effective(n, rows)
        return deviation * _margin(planned, planned, 1 - level) > half_width

    found = _first_fine(is_too_wide, min(rows, most))
    return found and max(found, min(FEWEST_LOSSES, rows))


def _half_width(found: MetricEstimate) -> float:
    assert found.lower is not None
    assert found.upper is not None
    return (found.upper - found.lower) / 2


def _first_fine(is_too_wide: Callable[[int], bool], most: int) -> int | None:
    """The first number from 1 to `most` that is not too wide."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        if is_too_wide(middle):
            low = middle
        else:
            high = middle
    return high if high <= most else None
