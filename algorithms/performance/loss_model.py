"""Learns a regressor's loss from its prediction and features, for windows whose labels are not known (DLE)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pyarrow as pa

from ..arrays import FloatArray, IntArray
from ..bundles import Arrays
from ..columns import Values
from ..errors import InsufficientData
from .dispersion import dispersion, stretches
from .old_loss_models import read_old_trees
from .reading import read_numbers, require_same_rows
from .trees import Trees

FEWEST_ROWS = 100
MOST_ROWS = 100_000
FOLDS = 2
"""Each row's loss is also predicted by trees that learn from the other half; more folds cost a build their time."""
BINS = 32
INNER_RANKS = np.arange(1, BINS) / BINS
SEED = 0
KINDS = ("absolute", "squared")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ensemble:
    """Trees whose sum is the loss that a row leads one to expect.

    Attributes:
        trees: What says it.
        variation: Mean square of realised less expected losses, over that of the expected, on rows not learnt from.
        dispersion: By what factor estimates of the reference's own stretches err more than the variation leads one to
            expect; at least 1.
    """

    trees: Trees
    variation: float
    dispersion: float = 1.0

    @classmethod
    def fit(cls, columns: FloatArray, losses: FloatArray) -> Self:
        """Learn from all rows; two more models, each of which leaves a half out, tell how far losses vary.

        Args:
            columns: Shape (n, d).
            losses: Shape (n,), at least 0.
        """
        unseen, parts = _predict_unseen(columns, losses)
        variation = _variation(losses, unseen)
        learnt = Trees.fit(columns, losses)
        seen = cls(trees=learnt, variation=variation)
        errors = (_in_errors(seen, losses[each], unseen[each], rows) for each, rows in parts)
        return replace(seen, dispersion=dispersion(errors))

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The ensemble that `to_arrays` wrote."""
        variation, spread = arrays["spread"].to_pylist()
        return cls(trees=Trees.from_arrays(arrays), variation=variation, dispersion=spread)

    def to_arrays(self) -> dict[str, pa.Array]:
        """The ensemble as arrays of a bundle."""
        spread = pa.array([self.variation, self.dispersion], pa.float64())
        return {**self.trees.to_arrays(), "spread": spread}

    def expect(self, columns: FloatArray) -> FloatArray:
        """Losses, shape (n,), of rows, shape (n, d)."""
        return np.clip(self.trees.predict(columns), 0.0, None)

    def error(self, losses: FloatArray, rows: float) -> float:
        """Standard error of the mean of realised losses about that of the expected ones, shape (n,).

        Args:
            losses: What is expected of each row.
            rows: Rows that the model is worth there.
        """
        variance = self.variation * _mean_square(losses) * (1 / len(losses) + 1 / rows)
        return float(self.dispersion * variance**0.5)


def _predict_unseen(
    columns: FloatArray, losses: FloatArray
) -> tuple[FloatArray, list[tuple[IntArray, int]]]:
    """Each row's loss by trees that have not learnt from it; each stretch's rows, and how many were learnt from."""
    unseen, parts = np.empty(len(losses)), []
    for learnt, blocks in stretches(len(losses), FOLDS):
        trees = Trees.fit(columns[learnt], losses[learnt])
        for block in blocks:
            unseen[block] = np.clip(trees.predict(columns[block]), 0.0, None)
            parts.append((block, len(learnt)))
    return unseen, parts


def _in_errors(ensemble: Ensemble, losses: FloatArray, expected: FloatArray, rows: int) -> float:
    """The distance of a stretch's mean loss from the expected one, in standard errors; 0 without an error."""
    error = ensemble.error(expected, rows)
    return float(np.mean(losses - expected)) / error if error > 0 else 0.0


def _variation(losses: FloatArray, expected: FloatArray) -> float:
    """The mean square of realised less expected losses, over that of the expected."""
    scale = _mean_square(expected)
    return _mean_square(losses - expected) / scale if scale else 0.0


def _mean_square(values: FloatArray) -> float:
    return float(np.mean(values**2))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LossModel:
    """The absolute and squared error to expect of a regressor's answer.

    Attributes:
        edges: Upper ends of all but the last of at most 32 bins of the prediction and of each feature.
        counts: Shape (d + 1, 33), rows of each bin of the prediction and of each feature, the first NaN's.
        absolute: The absolute error.
        squared: The squared error.
    """

    edges: tuple[FloatArray, ...]
    counts: IntArray
    absolute: Ensemble
    squared: Ensemble

    @classmethod
    def fit(cls, features: FloatArray, prediction: Values, label: Values) -> Self:
        """Learn both losses by boosted trees; the same rows in the same order give the same model.

        From more than 100,000 rows it draws 100,000.

        Args:
            features: Shape (n, d), NaN where unknown; categories as numbers.
            prediction: Shape (n,), finite.
            label: Shape (n,), finite; rows in the order of time.

        Raises:
            InsufficientData: If there are fewer than 100 rows.
            ValueError: If the shapes do not fit, or a prediction or label is not a finite number.
        """
        columns, labels = _draw(*_read(features, prediction, label))
        edges = tuple(cut(column) for column in columns.T)
        errors = np.abs(columns[:, 0] - labels)
        return cls(
            edges=edges,
            counts=count(columns, edges),
            absolute=Ensemble.fit(columns, errors),
            squared=Ensemble.fit(columns, errors**2),
        )

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The model that `to_arrays` wrote."""
        columns = len(arrays["edge_counts"])
        ends = np.cumsum(arrays["edge_counts"].to_numpy())[:-1]
        parts = {kind: Ensemble.from_arrays(_named(arrays, kind)) for kind in KINDS}
        return cls(
            edges=tuple(np.split(arrays["edges"].to_numpy(), ends)),
            counts=arrays["counts"].to_numpy().reshape(columns, -1),
            **parts,
        )

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The model of a baseline from before models were arrays; what it says stays the same."""
        edges = tuple(np.array(ends, np.float64) for ends in stored["edges"])
        parts = {kind: _old_ensemble(stored[kind], edges) for kind in KINDS}
        return cls(edges=edges, counts=np.array(stored["counts"], np.int64), **parts)

    def to_arrays(self) -> dict[str, pa.Array]:
        """The model as arrays of a bundle."""
        arrays = {
            "edge_counts": pa.array([len(ends) for ends in self.edges], pa.int64()),
            "edges": pa.array(np.concatenate(self.edges), pa.float64()),
            "counts": pa.array(self.counts.ravel(), pa.int64()),
        }
        for kind in KINDS:
            found = getattr(self, kind).to_arrays()
            arrays |= {f"{kind}.{name}": array for name, array in found.items()}
        return arrays

    def columns(self, features: FloatArray, prediction: Values) -> FloatArray:
        """A window's columns, shape (n, d + 1).

        Raises:
            ValueError: If its features are not as many as were learnt from.
        """
        columns = join(features, prediction)
        wanted, given = len(self.edges) - 1, columns.shape[1] - 1
        if given != wanted:
            raise ValueError(f"Expected {wanted} features, but got {given}.")
        return columns

    def effective_rows(self, columns: FloatArray) -> float:
        """Rows that the model learnt from, fewer the less they resemble a window's columns, shape (n, d + 1).

        With weights w that make the reference resemble the window, n rows are worth n / E[w²] (Kish, 1965), and
        E[w²] = Σ q² / p over bins of share p there and q here; the least over the columns counts.
        """
        shares = _smoothed_shares(self.counts)
        counted = count(columns, self.edges) / len(columns)
        weights = np.sum(counted**2 / shares, axis=1)
        return float(self.counts[0].sum() / weights.max())


def _old_ensemble(stored: Mapping[str, Any], edges: Sequence[FloatArray]) -> Ensemble:
    return Ensemble(trees=read_old_trees(stored, edges), variation=stored["variation"])


def _named(arrays: Arrays, kind: str) -> dict[str, pa.Array]:
    """The arrays of one of the ensembles, without its name."""
    return {
        name.removeprefix(f"{kind}."): array
        for name, array in arrays.items()
        if name.startswith(f"{kind}.")
    }


def join(features: FloatArray, prediction: Values) -> FloatArray:
    """The prediction and the features side by side, shape (n, d + 1).

    Raises:
        ValueError: If the features are not of shape (n, d), or a prediction is not a finite number.
    """
    if features.ndim != 2:
        raise ValueError(
            f"Features must be of shape (rows, features), not {features.ndim}-dimensional."
        )
    predictions = read_numbers(prediction, "prediction")
    require_same_rows(prediction=predictions, features=features)
    return np.column_stack([predictions, features])


def _read(features: FloatArray, prediction: Values, label: Values) -> tuple[FloatArray, FloatArray]:
    """Columns, shape (n, d + 1), and labels, shape (n,), checked."""
    columns, labels = join(features, prediction), read_numbers(label, "label")
    require_same_rows(prediction=columns, label=labels)
    if len(labels) < FEWEST_ROWS:
        raise InsufficientData(
            f"Learning the loss takes {FEWEST_ROWS} rows, but there are {len(labels)}."
        )
    return columns, labels


def _draw(columns: FloatArray, labels: FloatArray) -> tuple[FloatArray, FloatArray]:
    """At most 100,000 rows, in their order."""
    if len(labels) <= MOST_ROWS:
        return columns, labels
    random = np.random.default_rng(SEED)
    drawn = np.sort(random.choice(len(labels), MOST_ROWS, replace=False))
    return columns[drawn], labels[drawn]


def cut(column: FloatArray) -> FloatArray:
    """Finite upper ends of all but the last of at most 32 bins of about as many rows; NaN is passed over."""
    largest = np.finfo(np.float64).max
    known = np.clip(column[~np.isnan(column)], -largest, largest)
    if not len(known):
        return known
    return np.unique(np.quantile(known, INNER_RANKS, method="inverted_cdf"))


def count(columns: FloatArray, edges: Sequence[FloatArray]) -> IntArray:
    """Rows of each bin, shape (d, 33), of columns, shape (n, d): NaN's first, then those up to each edge."""
    counts = np.zeros((len(edges), BINS + 1), np.int64)
    for place, ends in enumerate(edges):
        column = columns[:, place]
        bins = np.where(np.isnan(column), 0, np.searchsorted(ends, column) + 1)
        counts[place] = np.bincount(bins, minlength=BINS + 1)
    return counts


def _smoothed_shares(counts: IntArray) -> FloatArray:
    """The share of each bin's rows in its column, with half a row added, so that no share is 0."""
    smoothed = counts + 0.5
    return smoothed / smoothed.sum(axis=1, keepdims=True)
