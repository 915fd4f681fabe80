"""Keeps boosted regression trees as arrays, and adds up what they say of rows."""

from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa

from ..arrays import BoolArray, FloatArray, IntArray
from ..bundles import Arrays
from ..kernels.compiler import jit
from .one_thread import one_thread

LARGEST = 1e300
"""Larger numbers are learnt from as this one, so that the middle of two is finite."""
TREES = 100
"""As many as scikit-learn's and LightGBM's boosting by default, and so NannyML's."""
LEAF = -1
SEED = 0


class Trees(NamedTuple):
    """Trees whose values add up; the nodes of all trees lie one after the other.

    Attributes:
        base: What the trees add to, shape (1,).
        roots: The first node of each tree.
        features: The column that each node asks; −1 for a leaf.
        thresholds: Numbers up to the threshold go left; with NaN none does.
        lefts: The next node of the rows that go left.
        rights: Of the others.
        unknown_left: True where NaN goes left.
        values: What each leaf adds; 0 for other nodes.
    """

    base: FloatArray
    roots: IntArray
    features: IntArray
    thresholds: FloatArray
    lefts: IntArray
    rights: IntArray
    unknown_left: BoolArray
    values: FloatArray

    @classmethod
    def fit(cls, columns: FloatArray, target: FloatArray) -> Self:
        """Boost 100 trees by least squares with scikit-learn's `HistGradientBoostingRegressor`.

        No rows are held out to stop earlier: that would flatten the trees' answer, and so bias means over windows that
        lie elsewhere.

        Args:
            columns: Shape (n, d), NaN where unknown.
            target: Shape (n,).
        """
        # Only a build learns this; most processes of runs stay without scikit-learn.
        from sklearn.ensemble import HistGradientBoostingRegressor

        model = HistGradientBoostingRegressor(
            max_iter=TREES, early_stopping=False, random_state=SEED
        )
        unit = _unit_of(target)
        with one_thread():
            model.fit(_learnable(columns), target / unit)
        return cls._of_sklearn(model, unit)

    @classmethod
    def _of_sklearn(cls, model: Any, unit: float) -> Self:
        """The nodes of a fitted model, which has no public name for them; a test compares the predictions."""
        trees = [predictor.nodes for (predictor,) in model._predictors]
        sizes = np.array([len(nodes) for nodes in trees], np.int64)
        roots = np.cumsum(sizes) - sizes
        nodes, first = np.concatenate(trees), np.repeat(roots, sizes)
        is_leaf = nodes["is_leaf"].astype(bool)
        return cls(
            base=np.array(model._baseline_prediction, np.float64).reshape(1) * unit,
            roots=roots,
            features=np.where(is_leaf, LEAF, nodes["feature_idx"].astype(np.int64)),
            thresholds=nodes["num_threshold"].astype(np.float64),
            lefts=first + nodes["left"].astype(np.int64),
            rights=first + nodes["right"].astype(np.int64),
            unknown_left=nodes["missing_go_to_left"].astype(bool),
            values=np.where(is_leaf, nodes["value"] * unit, 0.0),
        )

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The trees whose fields these arrays are."""
        return cls(**{name: _to_numpy(arrays[name]) for name in cls._fields})

    def to_arrays(self) -> dict[str, pa.Array]:
        """The fields as arrays of a bundle."""
        return {name: pa.array(array) for name, array in self._asdict().items()}

    def predict(self, columns: FloatArray) -> FloatArray:
        """The sum of the base and the trees for each row, shape (n,), of columns, shape (n, d)."""
        totals = np.empty(len(columns))
        add_up(np.ascontiguousarray(columns, np.float64), self, totals)
        return totals


def _learnable(columns: FloatArray) -> FloatArray:
    """The columns as scikit-learn takes them: it has no bins for one without a value; a constant is never split."""
    found: FloatArray = np.clip(columns, -LARGEST, LARGEST)
    found[:, np.isnan(found).all(axis=0)] = 0.0
    return found


def _unit_of(target: FloatArray) -> float:
    """A power of two near the largest target, which divides without rounding: scikit-learn's gradients are float32."""
    _, exponent = np.frexp(np.max(np.abs(target), initial=0.0))
    return float(2.0 ** int(np.clip(exponent, -1000, 1000)))


@jit
def add_up(columns: FloatArray, trees: Trees, totals: FloatArray) -> None:
    """Write the base and the values of each row's leaves, added up in the trees' order, into `totals`."""
    for row in range(len(columns)):
        total = trees.base[0]
        for root in trees.roots:
            node = root
            while trees.features[node] >= 0:
                value = columns[row, trees.features[node]]
                is_left = value <= trees.thresholds[node]
                if np.isnan(value):
                    is_left = trees.unknown_left[node]
                node = trees.lefts[node] if is_left else trees.rights[node]
            total += trees.values[node]
        totals[row] = total


def _to_numpy(array: pa.Array) -> Any:
    """A copy that can be written to, as the arrays are that the kernel is compiled for."""
    return np.array(array.to_numpy(zero_copy_only=False))
