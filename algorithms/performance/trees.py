"""Bins columns and boosts small regression trees over the bins (Friedman, 2001)."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..arrays import FloatArray, IntArray
from ..kernels.compiler import jit

type Codes = npt.NDArray[np.uint8]

HALVINGS = 5
BINS = 2**HALVINGS
INNER_RANKS = np.arange(1, BINS) / BINS
DEPTH = 3
"""As in scikit-learn's `GradientBoostingRegressor` by default."""
NODES = 2**DEPTH - 1
FEWEST_IN_LEAF = 20
"""As in LightGBM and scikit-learn's `HistGradientBoostingRegressor` by default."""
LARGEST = np.finfo(np.float64).max
LEFT = BINS
"""A threshold that no code is above, so that every row goes left."""


def cut(column: FloatArray) -> FloatArray:
    """Finite upper ends of all but the last of at most 32 bins of about as many rows; NaN is passed over."""
    known = np.clip(column[~np.isnan(column)], -LARGEST, LARGEST)
    if not len(known):
        return known
    return np.unique(np.quantile(known, INNER_RANKS, method="inverted_cdf"))


def encode(columns: FloatArray, edges: Sequence[FloatArray]) -> Codes:
    """Bins, shape (n, d), of columns, shape (n, d): 0 for NaN, from 1 for numbers."""
    padded = np.full((len(edges), BINS - 1), np.inf)
    for place, ends in enumerate(edges):
        padded[place, : len(ends)] = ends
    codes = np.empty(columns.shape, np.uint8)
    find_bins(columns, padded, codes)
    return codes


@jit
def find_bins(columns: FloatArray, edges: FloatArray, codes: Codes) -> None:
    """Write each value's number of lower edges, shape (d, 31), by halving, plus 1; 0 for NaN."""
    for row in range(len(columns)):
        for column in range(columns.shape[1]):
            value, below = columns[row, column], 0
            for halving in range(HALVINGS - 1, -1, -1):
                stride = 1 << halving
                below += stride * (edges[column, below + stride - 1] < value)
            codes[row, column] = below + 1 if value == value else 0


@jit
def grow(
    codes: Codes,
    residuals: FloatArray,
    features: IntArray,
    thresholds: IntArray,
    leaves: FloatArray,
) -> None:
    """Fit one tree of depth 3 by least squares, level by level.

    Args:
        codes: Shape (n, d).
        residuals: Shape (n,).
        features: Shape (7,), overwritten with the column that each node asks; node i leads to 2i + 1 and 2i + 2.
        thresholds: Shape (7,), overwritten; codes up to the threshold go left.
        leaves: Shape (8,), overwritten with the mean residual of each.
    """
    places = np.zeros(len(codes), np.int64)
    for level in range(DEPTH):
        first = 2**level - 1
        sums = np.zeros((first + 1, codes.shape[1], BINS + 1))
        rows = np.zeros((first + 1, codes.shape[1], BINS + 1), np.int64)
        for row in range(len(codes)):
            for column in range(codes.shape[1]):
                sums[places[row] - first, column, codes[row, column]] += residuals[row]
                rows[places[row] - first, column, codes[row, column]] += 1
        for node in range(first + 1):
            features[first + node], thresholds[first + node] = best_split(sums[node], rows[node])
        for row in range(len(codes)):
            node = places[row]
            places[row] = 2 * node + 1 + int(codes[row, features[node]] > thresholds[node])
    totals, counts = np.zeros(NODES + 1), np.zeros(NODES + 1)
    for row in range(len(codes)):
        totals[places[row] - NODES] += residuals[row]
        counts[places[row] - NODES] += 1
    leaves[:] = totals / np.maximum(counts, 1.0)


@jit
def best_split(sums: FloatArray, rows: IntArray) -> tuple[int, int]:
    """The column and code whose split lowers the squares most, with at least 20 rows on either side; else all left.

    Args:
        sums: Shape (d, 33), residuals by code.
        rows: Shape (d, 33).
    """
    total, count = sums[0].sum(), rows[0].sum()
    best, feature, threshold = total * total / max(count, 1) * (1 + 1e-9), 0, LEFT
    for column in range(len(sums)):
        left, n = 0.0, 0
        for code in range(BINS):
            left += sums[column, code]
            n += rows[column, code]
            if n < FEWEST_IN_LEAF or count - n < FEWEST_IN_LEAF:
                continue
            gain = left * left / n + (total - left) * (total - left) / (count - n)
            if gain > best:
                best, feature, threshold = gain, column, code
    return feature, threshold


@jit
def add_trees(
    codes: Codes, features: IntArray, thresholds: IntArray, leaves: FloatArray, totals: FloatArray
) -> None:
    """Add to `totals`, shape (n,), what trees say of each row of codes, shape (n, d).

    Args:
        features: Shape (trees, 7).
        thresholds: Shape (trees, 7).
        leaves: Shape (trees, 8).
    """
    for row in range(len(codes)):
        for tree in range(len(features)):
            node = 0
            for _ in range(DEPTH):
                node = 2 * node + 1 + int(codes[row, features[tree, node]] > thresholds[tree, node])
            totals[row] += leaves[tree, node - NODES]
