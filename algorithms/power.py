"""Computes the smallest change that a check can see, by evidence and tolerance at given numbers of rows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .baseline import Baseline
from .methods import Limits, Method
from .plan import EvaluationPlan
from .references import CategoricalReference, NumericReference
from .statistical_tests.checks import MIN_EXPECTED

POWER = 0.9
POWER_DEVIATIONS = 1.2816
"""Standard normal quantile of 0.9."""
LARGEST_SHIFT = 10.0
HALVINGS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallestChange:
    """The least change of a feature that a check sees nine times in ten.

    Attributes:
        shift: Of a numeric feature, by how many of its standard deviations all values move.
        share: Of a categorical feature, which share of the rows turns from the most frequent category to a new one.
    """

    shift: float | None = None
    share: float | None = None


def smallest_changes(
    baseline: Baseline, plan: EvaluationPlan, rows: int
) -> dict[str, SmallestChange]:
    """The smallest change of each feature that KS, or chi-squared for a categorical one, sees in windows of some rows.

    A drift verdict asks for a distance that passes the tolerance and whose p-value, taken times the number of features
    (what Benjamini–Hochberg asks of a single drifted one), is at or below the level; nine times in ten means 1.28
    standard errors more. Both distances are computed from the reference itself, so skewed and discrete features get
    their own answer.

    Args:
        baseline: The reference.
        plan: Methods and limits.
        rows: Rows of a window.
    """
    found = {}
    for name, reference in baseline.features.items():
        if isinstance(reference, NumericReference) and Method.KS in plan.methods:
            shift = _smallest_shift(
                reference, plan.limits(Method.KS, name), rows, len(baseline.features)
            )
            found[name] = SmallestChange(shift=shift)
        elif isinstance(reference, CategoricalReference) and Method.CHI_SQUARED in plan.methods:
            share = _smallest_share(
                reference, plan.limits(Method.CHI_SQUARED, name), rows, len(baseline.features)
            )
            found[name] = SmallestChange(share=share)
    return found


def _smallest_shift(
    reference: NumericReference, limits: Limits, rows: int, features: int
) -> float | None:
    n, std = reference.usable_rows, reference.summary.std
    if not n or not rows or not std:
        return None
    critical = ((1 / n + 1 / rows) * -np.log(limits.level / features / 2) / 2) ** 0.5
    edges, below = reference.grid.edges, np.cumsum(reference.counts[:-1]) / n
    finite = np.isfinite(edges)
    edges, below = edges[finite], below[finite]

    def sure_gap(shift: float) -> float:
        moved = np.interp(edges - shift * std, edges, below, left=0.0)
        error = np.sqrt(below * (1 - below) / n + moved * (1 - moved) / rows)
        return float((np.abs(below - moved) - POWER_DEVIATIONS * error).max(initial=0.0))

    return _least(sure_gap, max(limits.tolerance, critical), LARGEST_SHIFT)


def _smallest_share(
    reference: CategoricalReference, limits: Limits, rows: int, features: int
) -> float | None:
    if not reference.n or not rows or not len(reference.counts):
        return None
    share = float(reference.counts[0]) / reference.n
    both = 1 / reference.n + 1 / rows
    degrees = max(
        1, int(np.count_nonzero(reference.counts * min(1.0, rows / reference.n) >= MIN_EXPECTED))
    )
    # φ² of two samples is about their Pearson statistic times (1/n + 1/m) / 4, whose quantile is about this
    tail = -np.log(limits.level / features)
    critical = (degrees + 2 * (degrees * tail) ** 0.5 + 2 * tail) * both / 4
    needed = max(limits.tolerance**2, critical - degrees * both / 4)
    return _least(
        lambda moved: _le_cam_square(share, moved) - POWER_DEVIATIONS * (moved * both) ** 0.5 / 2,
        needed,
        share,
    )


def _le_cam_square(share: float, moved: float) -> float:
    """φ² = ½ Σ (p − q)² / (p + q) when a share of the rows leaves a category for one that had none."""
    return 0.5 * (moved**2 / (2 * share - moved) + moved)


def _least(size: Callable[[float], float], needed: float, most: float) -> float | None:
    """The least argument up to `most` at which a rising function is as large as needed; None when it never is."""
    if size(most) < needed:
        return None
    low, high = 0.0, most
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if size(middle) >= needed else (middle, high)
    return high
