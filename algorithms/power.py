"""Computes the smallest change that a check can see, and how often it sees a given one, at given numbers of rows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from .arrays import FloatArray
from .baseline import Baseline
from .methods import Limits, Method
from .plan import EvaluationPlan
from .references import CategoricalReference, FeatureReference, NumericReference
from .statistical_tests.checks import MIN_EXPECTED

POWER = 0.9
POWER_DEVIATIONS = 1.2816
"""Standard normal quantile of 0.9."""
LARGEST_SHIFT = 10.0
HALVINGS = 40
"""They place the answer within `LARGEST_SHIFT` / 2⁴⁰, closer than any figure shown of it."""


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
    changes = {
        name: _smallest_change(reference, _Check(plan, name, rows, len(baseline.features)))
        for name, reference in baseline.features.items()
    }
    return {name: change for name, change in changes.items() if change is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A test of one feature that has been made, as far as its power depends on it.

    Attributes:
        method: KS or chi-squared; others have no power that is known from rows alone.
        n: Rows of the reference.
        m: Rows of the window.
        level: The significance level of the feature, by Bonferroni among all of its run.
        degrees: Of freedom, of chi-squared.
    """

    method: Method
    n: int
    m: int
    level: float
    degrees: int = 1

    def power(self, effect: float) -> float:
        """The probability that the test finds evidence of a change with an effect size, from 0 to 1.

        For KS it takes the widest gap alone, with the largest standard error that two shares can have; for chi-squared
        it is that of the noncentral distribution, whose centre is 4·φ²·n·m/(n + m).
        """
        both = 1 / self.n + 1 / self.m
        if self.method is Method.KS:
            gap = effect - _critical_gap(self.level, self.n, self.m)
            return float(special.ndtr(gap / (both**0.5 / 2)))
        critical = special.chdtri(self.degrees, self.level)
        return float(1 - special.chndtr(critical, self.degrees, 4 * effect**2 / both))


@dataclass(frozen=True, slots=True)
class _Check:
    """One feature's check, of windows of some rows, beside the other features' checks."""

    plan: EvaluationPlan
    name: str
    rows: int
    features: int

    def asks(self, method: Method) -> bool:
        return method in self.plan.methods

    def limits(self, method: Method) -> Limits:
        return self.plan.limits(method, self.name)


def _smallest_change(reference: FeatureReference, check: _Check) -> SmallestChange | None:
    """The smallest change of one feature; None if the plan has no method for it."""
    if isinstance(reference, NumericReference):
        if not check.asks(Method.KS):
            return None
        return SmallestChange(shift=_smallest_shift(reference, check))
    if not check.asks(Method.CHI_SQUARED):
        return None
    return SmallestChange(share=_smallest_share(reference, check))


def _smallest_shift(reference: NumericReference, check: _Check) -> float | None:
    n, std = reference.usable_rows, reference.summary.std
    if not n or not check.rows or not std:
        return None
    limits = check.limits(Method.KS)
    needed = max(limits.tolerance, _critical_gap(limits.level / check.features, n, check.rows))
    steps = _Steps(*_finite_steps(reference), std=std, n=n, m=check.rows)
    return _least(steps.sure_gap, needed, LARGEST_SHIFT)


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """The reference's distribution function at its grid's finite edges, and what shifts it.

    Attributes:
        edges: Shape (k,), ascending.
        below: Shape (k,), the share of the reference's rows up to each edge.
        std: The reference's standard deviation.
        n: Rows of the reference.
        m: Rows of the current window.
    """

    edges: FloatArray
    below: FloatArray
    std: float
    n: int
    m: int

    def sure_gap(self, shift: float) -> float:
        """The widest gap that a shift opens, less what chance takes in one window of ten."""
        moved = np.interp(self.edges - shift * self.std, self.edges, self.below, left=0.0)
        sure = np.abs(self.below - moved) - POWER_DEVIATIONS * self._error(moved)
        return float(sure.max(initial=0.0))

    def _error(self, moved: FloatArray) -> FloatArray:
        """Standard error of the difference of two independent shares, by edge."""
        variance = self.below * (1 - self.below) / self.n + moved * (1 - moved) / self.m
        error: FloatArray = np.sqrt(variance)
        return error


def _critical_gap(level: float, n: int, m: int) -> float:
    """The KS distance d of level p, by p = 2·exp(−2·d²·n·m/(n + m)) (Smirnov, 1939)."""
    return float(((1 / n + 1 / m) * -np.log(level / 2) / 2) ** 0.5)


def _finite_steps(reference: NumericReference) -> tuple[FloatArray, FloatArray]:
    """The grid's finite edges, and the share of the reference's rows up to each."""
    edges = reference.grid.edges
    below = np.cumsum(reference.counts[:-1]) / reference.usable_rows
    finite = np.isfinite(edges)
    return edges[finite], below[finite]


def _smallest_share(reference: CategoricalReference, check: _Check) -> float | None:
    if not reference.n or not check.rows or not len(reference.counts):
        return None
    share = float(reference.counts[0]) / reference.n
    both = 1 / reference.n + 1 / check.rows

    def sure_square(moved: float) -> float:
        """φ² of a moved share, less what chance takes from it in one window of ten."""
        by_chance: float = POWER_DEVIATIONS * (moved * both) ** 0.5 / 2
        return _le_cam_square(share, moved) - by_chance

    return _least(sure_square, _needed_square(reference, check, both), share)


def _needed_square(reference: CategoricalReference, check: _Check, both: float) -> float:
    """The φ² that passes the tolerance and is evidence, less what chance alone adds on average.

    φ² of two samples is about their Pearson statistic times (1/n + 1/m) / 4.
    """
    limits = check.limits(Method.CHI_SQUARED)
    degrees = _degrees(reference, check.rows)
    critical = _chi_squared_quantile(limits.level / check.features, degrees) * both / 4
    return max(limits.tolerance**2, critical - degrees * both / 4)


def _degrees(reference: CategoricalReference, rows: int) -> int:
    """Categories that both windows expect in enough rows to be tested one by one, at least 1."""
    expected = reference.counts * min(1.0, rows / reference.n)
    return max(1, int(np.count_nonzero(expected >= MIN_EXPECTED)))


def _chi_squared_quantile(level: float, degrees: int) -> float:
    """An upper bound of the chi-squared quantile (Laurent & Massart, 2000, lemma 1)."""
    tail = -np.log(level)
    return float(degrees + 2 * (degrees * tail) ** 0.5 + 2 * tail)


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
        if size(middle) >= needed:
            high = middle
        else:
            low = middle
    return high
