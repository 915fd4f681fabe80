"""Reads the models of losses of baselines from before models were arrays, and keeps what they say."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..arrays import FloatArray, IntArray
from .trees import LEAF, Trees

NODES, LEAVES = 7, 8
"""A tree had depth 3; its node i led to 2i + 1 and 2i + 2, and the leaves came after the nodes."""
SIZE = NODES + LEAVES


def read_old_trees(stored: Mapping[str, Any], edges: Sequence[FloatArray]) -> Trees:
    """Trees over bins as trees over numbers.

    Args:
        stored: The base, and of each tree the nodes' columns and codes, and the leaves. Rows whose code is at most the
            node's went left; the code of an unknown value was 0, that of a number 1 and the edges below it.
        edges: Upper ends of each column's bins.
    """
    features, codes = _by_node(stored["features"]), _by_node(stored["thresholds"])
    places = np.arange(features.size // NODES * SIZE).reshape(-1, SIZE)
    inner = np.arange(NODES)
    lefts = _with_leaves(places[:, :1] + 2 * inner + 1, 0).astype(np.int64)
    leaves = np.array(stored["leaves"], np.float64).reshape(-1, LEAVES)
    return Trees(
        base=np.array([stored["base"]], np.float64),
        roots=places[:, 0].copy(),
        features=_with_leaves(features, LEAF).ravel().astype(np.int64),
        thresholds=_with_leaves(_thresholds(features, codes, edges), 0.0).ravel(),
        lefts=lefts.ravel(),
        rights=lefts.ravel() + 1,
        unknown_left=np.ones(places.size, bool),
        values=np.hstack([np.zeros(features.shape), leaves]).ravel(),
    )


def _with_leaves(nodes: Any, filling: float) -> Any:
    """A field of the nodes of each tree, with the same for its leaves behind, shape (trees, 15)."""
    return np.hstack([nodes, np.full((len(nodes), LEAVES), filling)])


def _thresholds(features: IntArray, codes: IntArray, edges: Sequence[FloatArray]) -> FloatArray:
    """The number up to which rows go left at each node, shape (trees, 7)."""
    asked = zip(features.ravel().tolist(), codes.ravel().tolist(), strict=True)
    ends = [_end_of(edges[feature], code) for feature, code in asked]
    return np.array(ends, np.float64).reshape(features.shape)


def _end_of(edges: FloatArray, code: int) -> float:
    """The greatest number whose code is at most this one; NaN, which no number is up to, for the code of unknowns."""
    if code == 0:
        return float("nan")
    return float(edges[code - 1]) if code <= len(edges) else float("inf")


def _by_node(stored: list[list[int]]) -> IntArray:
    return np.array(stored, np.int64).reshape(-1, NODES)
