"""Follows the mean of bounded values with an interval that holds at all times, however often it is looked at.

The values are drawn without replacement from a known number of rows. Bets against each candidate mean gain where it is
wrong; the candidates whose gambler has not made 1/α of its money are the interval (the hedged capital process of
Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", 2024, theorem 3 and section 5).
"""

import math
from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray
from .estimates import LEVEL

CANDIDATES = 1001
BOLDEST = 0.5
"""The share of its money that a bet may lose at most, as in the paper's appendix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanInterval:
    """The mean of all rows, as far as some of them tell.

    Attributes:
        value: The mean of the rows that were seen; None before the first.
        lower: The lower end, at least 0.
        upper: The upper end, at most 1.
        n: Rows that were seen.
    """

    value: float | None
    lower: float
    upper: float
    n: int


def follow_mean(values: FloatArray, *, rows: int, level: float = LEVEL) -> MeanInterval:
    """The interval after these values, in the order of the draw; it only narrows as more come.

    Args:
        values: Shape (n,), from 0 to 1, drawn at random without replacement.
        rows: Rows that they were drawn from, at least n.
        level: The chance that no interval ever leaves the mean of all rows out is at least this.

    Raises:
        ValueError: If a value is outside [0, 1], or there are more values than rows.
    """
    n = len(values)
    if n > rows or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"Values must be from 0 to 1, and no more than the {rows} rows.")
    means = np.linspace(0, 1, CANDIDATES)[1:-1]
    is_held = _reach(values, means, rows, _bets(values, level)) < -math.log(1 - level)
    held = np.append(means[is_held], np.mean(values) if n else [0.0, 1.0])
    step = 1 / (CANDIDATES - 1)
    lower, upper = max(0.0, held.min() - step), min(1.0, held.max() + step)
    seen = float(values.sum())
    return MeanInterval(
        value=float(values.mean()) if n else None,
        lower=max(float(lower), seen / rows),
        upper=min(float(upper), (seen + rows - n) / rows),
        n=n,
    )


def _bets(values: FloatArray, level: float) -> FloatArray:
    """The bet on each value, shape (n,), by the values before it alone (equation 26 of the paper)."""
    times = np.arange(1, len(values) + 1)
    means = (0.5 + np.cumsum(values)) / (times + 1)
    variances = (0.25 + np.cumsum((values - means) ** 2)) / (times + 1)
    known = np.append(0.25, variances)[: len(values)]
    bets: FloatArray = np.sqrt(2 * math.log(2 / (1 - level)) / (known * times * np.log1p(times)))
    return bets


def _reach(values: FloatArray, means: FloatArray, rows: int, bets: FloatArray) -> FloatArray:
    """The most that the logarithm of each candidate's capital has reached, shape (candidates,)."""
    before = np.cumsum(values) - values
    up, down = np.zeros(len(means)), np.zeros(len(means))
    reached = np.zeros(len(means))
    for place, (value, bet) in enumerate(zip(values, bets, strict=True)):
        left = rows - place
        mean = (
            rows * means - before[place]
        ) / left  # of the rows that are left, if the candidate is right
        possible = (mean > 0) & (mean < 1)
        inside = np.where(possible, mean, 0.5)
        up += np.log1p(np.minimum(bet, BOLDEST / inside) * (value - inside))
        down += np.log1p(-np.minimum(bet, BOLDEST / (1 - inside)) * (value - inside))
        wealth = np.where(possible, np.logaddexp(up, down) - math.log(2), np.inf)
        reached = np.maximum(reached, wealth)
    return reached
