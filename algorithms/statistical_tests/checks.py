"""Checks the shares of a column's rows that are missing, out of range or of new categories."""

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

MIN_EXPECTED = 5.0


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
    log_q = (
        special.gammaln(m + 1) - special.gammaln(m - outside + 1)
        + special.gammaln(n + m - outside + 1) - special.gammaln(n + m + 1)
    )  # fmt: skip
    p_value = min(1.0, float(np.exp(log_q)) * (1 + outside * n / max(1, n + m - outside)))
    share, expected = outside / m, 2 / (n + 1)
    return ShareResult(
        statistic=share, expected=expected, p_value=p_value, effect_size=max(0.0, share - expected)
    )


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
    share, expected = unseen / m, singletons / n
    table = [[unseen, m - unseen], [singletons, n - singletons]]
    p_value = float(stats.fisher_exact(table, alternative="greater").pvalue) if unseen else 1.0
    return ShareResult(
        statistic=share, expected=expected, p_value=p_value, effect_size=max(0.0, share - expected)
    )


def _same_share(before: int, n: int, after: int, m: int) -> float:
    total, rows = before + after, n + m
    if total in (0, rows):
        return 1.0
    if min(total, rows - total) * min(n, m) / rows < MIN_EXPECTED:
        return float(stats.fisher_exact([[before, n - before], [after, m - after]]).pvalue)
    statistic = (before * m - after * n) ** 2 * rows / (n * m * total * (rows - total))
    return float(special.chdtrc(1, statistic))
