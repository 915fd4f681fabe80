"""Checks the shares of a column's rows that are missing, out of range or of new categories."""

from dataclasses import dataclass

import numpy as np
from scipy import special

MIN_EXPECTED = 5.0
"""Expected rows of a cell at which the chi-squared distribution is close enough (Cochran, 1954)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareResult:
    """A share of the current window beside what it was, or would be expected to be, by the reference.

    Attributes:
        statistic: Share of the current window's rows.
        expected: Share that the reference leads one to expect.
        p_value: Chance of so large a departure without drift.
        effect_size: How far the share is from the expected one.
    """

    statistic: float
    expected: float
    p_value: float
    effect_size: float


def null_rate(missing: int, n: int, missing_now: int, m: int) -> ShareResult:
    """Test if the share of missing rows is the reference's; two-sided, exact (Fisher) where few are expected.

    Args:
        missing: Missing rows of the reference.
        n: All rows of the reference.
        missing_now: Missing rows of the current window.
        m: All its rows.
    """
    share, expected = missing_now / m, missing / n
    return ShareResult(
        statistic=share,
        expected=expected,
        p_value=_same_share(missing, n, missing_now, m),
        effect_size=abs(share - expected),
    )


def out_of_range(outside: int, n: int, m: int) -> ShareResult:
    """Test if more rows lie outside the reference's range than chance puts there.

    Without drift all orders of the n + m rows are equally likely, so with q(k) the chance that the k lowest rows are
    all current, at least k rows lie outside with probability q(k) + k (q(k) − q(k+1)): exact for continuous features,
    an upper bound where values repeat.

    Args:
        outside: Rows of the current window below the reference's minimum or above its maximum.
        n: Rows of the reference.
        m: Rows of the current window.
    """
    return _excess(outside / m, 2 / (n + 1), _chance_outside(outside, n, m))


def _chance_outside(k: int, n: int, m: int) -> float:
    """q(k) + k (q(k) − q(k+1)), in which q(k+1) is q(k)·(m − k)/(n + m − k)."""
    chance = float(np.exp(_log_all_current(k, n, m)))
    return min(1.0, chance * (1 + k * n / max(1, n + m - k)))


def _log_all_current(k: int, n: int, m: int) -> float:
    """ln q(k), q(k) = m!/(m − k)! · (n + m − k)!/(n + m)!: that the k lowest rows are current."""
    # added from left to right, as another order rounds otherwise
    log_q: float = (
        special.gammaln(m + 1) - special.gammaln(m - k + 1)
        + special.gammaln(n + m - k + 1) - special.gammaln(n + m + 1)
    )  # fmt: skip
    return log_q


def new_categories(unseen: int, m: int, singletons: int, n: int) -> ShareResult:
    """Test if more rows are of categories new to the reference than its own singletons lead one to expect.

    The chance that the next row of an unchanged source is of a new category is about the share of rows whose category
    came once (Good, 1953), so the two shares are compared, one-sided.

    Args:
        unseen: Rows of the current window whose category the reference does not have.
        m: Its rows.
        singletons: Categories that the reference has once.
        n: Its rows.
    """
    p_value = 1.0
    if unseen:
        p_value = fisher(unseen, m, singletons, n, alternative="greater")
    return _excess(unseen / m, singletons / n, p_value)


def _excess(share: float, expected: float, p_value: float) -> ShareResult:
    """The result of a one-sided test, for which a share below the expected one is no effect."""
    effect_size = max(0.0, share - expected)
    return ShareResult(statistic=share, expected=expected, p_value=p_value, effect_size=effect_size)


def _same_share(reference: int, n: int, current: int, m: int) -> float:
    """The two-sided p-value of two shares: `reference` of n rows, and `current` of m."""
    total, rows = reference + current, n + m
    if total in (0, rows):
        return 1.0
    if _least_expected(total, n, m) < MIN_EXPECTED:
        return fisher(reference, n, current, m)
    return _pearson(reference, n, current, m)


def _least_expected(total: int, n: int, m: int) -> float:
    """The rows that the emptiest cell of a 2×2 table expects, one column having `total` rows."""
    rows = n + m
    return min(total, rows - total) * min(n, m) / rows


def _pearson(reference: int, n: int, current: int, m: int) -> float:
    """Pearson's chi-squared p-value of a 2×2 table, without continuity correction."""
    total, rows = reference + current, n + m
    margins = n * m * total * (rows - total)
    statistic = (reference * m - current * n) ** 2 * rows / margins
    return float(special.chdtrc(1, statistic))


def fisher(first: int, n: int, second: int, m: int, *, alternative: str = "two-sided") -> float:
    """Fisher's exact p-value of `first` out of n rows against `second` out of m."""
    from scipy.stats import fisher_exact  # most processes never need its package

    table = [[first, n - first], [second, m - second]]
    return float(fisher_exact(table, alternative=alternative).pvalue)
