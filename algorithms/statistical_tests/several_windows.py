"""Tests several pairs of windows at once, all counted on the same cells; each result is that of its own test."""

from typing import NamedTuple

import numpy as np
from scipy import special

from ..arrays import BoolArray, FloatArray, IntArray
from .checks import MIN_EXPECTED
from .ks_distribution import ks_p_value


class TestNumbers(NamedTuple):
    """The numbers of one test."""

    statistic: float
    p_value: float
    effect_size: float


def ks_of_several(reference: IntArray, current: IntArray) -> list[TestNumbers]:
    """The Kolmogorov–Smirnov test at the edges of cells, as `ks_from_cells` does it without values.

    Args:
        reference: Shape (pairs, cells), rows in each cell, at least one in each pair.
        current: The same of the current windows.
    """
    n, m = reference.sum(axis=1), current.sum(axis=1)
    gaps = np.cumsum(reference * m[:, None] - current * n[:, None], axis=1)
    steps = np.abs(gaps).max(axis=1, initial=0)
    return [_ks(*each) for each in zip(steps.tolist(), n.tolist(), m.tolist(), strict=True)]


def _ks(steps: int, n: int, m: int) -> TestNumbers:
    distance = steps / (n * m)
    return TestNumbers(distance, ks_p_value(steps, n, m), distance)


def have_rare(reference: IntArray, current: IntArray) -> BoolArray:
    """The pairs in which a category that is there expects fewer than 5 rows in either window, shape (pairs,)."""
    n, m = reference.sum(axis=1), current.sum(axis=1)
    rows = reference + current
    expected = rows * (np.minimum(n, m) / (n + m))[:, None]
    rare: BoolArray = ((rows > 0) & (expected < MIN_EXPECTED)).any(axis=1)
    return rare


def chi_squared_of_several(reference: IntArray, current: IntArray) -> list[TestNumbers]:
    """The chi-squared test of homogeneity, as `chi_squared_from_counts` does it.

    Categories that a pair does not have are left out of its sums, as zeros would make them round otherwise. So pairs
    of the same categories are tested together.

    Args:
        reference: Shape (pairs, categories), rows of each category, at least one in each pair.
        current: The same of the current windows.
    """
    is_seen = reference + current > 0
    patterns, members = np.unique(is_seen, axis=0, return_inverse=True)
    found = np.empty((len(reference), 3))
    for place, seen in enumerate(patterns):
        same = members == place
        tables = np.stack([reference[same][:, seen], current[same][:, seen]], axis=1)
        # in rows, as numpy adds up other layouts in another order, which rounds otherwise
        found[same] = _test_tables(tables.astype(np.float64, order="C"))
    return [TestNumbers(*each) for each in found.tolist()]


def _test_tables(tables: FloatArray) -> FloatArray:
    """The tests of tables, shape (pairs, 2, k), without empty rows and columns: the numbers, shape (pairs, 3)."""
    rows = tables.sum(axis=2, keepdims=True)
    expected = rows * tables.sum(axis=1, keepdims=True) / rows.sum(axis=1, keepdims=True)
    statistic = ((tables - expected) ** 2 / expected).sum(axis=1).sum(axis=1)
    degrees = tables.shape[2] - 1
    p_value = special.chdtrc(degrees, statistic) if degrees else np.ones(len(tables))
    return np.column_stack([statistic, p_value, _le_cam_effects(tables / rows, rows[:, :, 0])])


def _le_cam_effects(shares: FloatArray, rows: FloatArray) -> FloatArray:
    """The effect sizes of `le_cam_effect`, of shares of shape (pairs, 2, k) and rows of shape (pairs, 2)."""
    differences, sums = shares[:, 0] - shares[:, 1], shares[:, 0] + shares[:, 1]
    squared = 0.5 * np.sum(differences**2 / sums, axis=1)
    bias = (shares.shape[2] - 1) / 4 * (1 / rows[:, 0] + 1 / rows[:, 1])
    effects: FloatArray = np.sqrt(np.clip(squared - bias, 0.0, 1.0))
    return effects
