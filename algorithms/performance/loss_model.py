"""Learns a regressor's loss from its prediction and features, for windows whose labels are not known (DLE)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from ..columns import Values
from ..errors import InsufficientData
from .reading import read_numbers, require_same_rows
from .trees import BINS, NODES, Codes, add_trees, cut, encode, grow

TREES = 100
LEARNING_RATE = 0.1
"""As many trees, and as fast, as scikit-learn's `GradientBoostingRegressor` by default."""
FEWEST_ROWS = 100
MOST_ROWS = 100_000
HELD_OUT = 0.2
SEED = 0


class Trees(NamedTuple):
    """Nodes and leaves of trees, as `Ensemble` has them."""

    features: IntArray
    thresholds: IntArray
    leaves: FloatArray

    def at(self, place: int) -> Self:
        """One of the trees, whose arrays are views."""
        this = slice(place, place + 1)
        return type(self)(self.features[this], self.thresholds[this], self.leaves[this])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ensemble:
    """Trees whose sum is the loss that a row leads one to expect.

    Attributes:
        base: What the trees add to.
        features: Shape (trees, 7), columns that the nodes ask.
        thresholds: Shape (trees, 7), codes up to which rows go left.
        leaves: Shape (trees, 8).
        variation: Mean square of realised less expected losses, over that of the expected, on rows held out.
    """

    base: float
    features: IntArray
    thresholds: IntArray
    leaves: FloatArray
    variation: float

    @classmethod
    def fit(cls, codes: Codes, losses: FloatArray, is_held: BoolArray) -> Self:
        """Boost for 100 trees at a rate of 0.1; rows held out only tell how far losses vary.

        Stopping earlier would flatten the trees' answer, and so bias means over windows that lie elsewhere.

        Args:
            codes: Shape (n, d).
            losses: Shape (n,), at least 0.
            is_held: Shape (n,).
        """
        trees = _boost(codes[~is_held], losses[~is_held])
        grown = _sum_trees(codes, trees, 0.0)
        base = float(np.mean(losses - grown))
        held = np.clip(base + grown[is_held], 0.0, None)
        variation = _variation(losses[is_held], held)
        return cls(base=base, variation=variation, **trees._asdict())

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The ensemble that `asdict`, with lists for arrays, wrote."""
        return cls(
            base=stored["base"],
            features=_by_node(stored["features"]),
            thresholds=_by_node(stored["thresholds"]),
            leaves=np.array(stored["leaves"], np.float64).reshape(-1, NODES + 1),
            variation=stored["variation"],
        )

    def expect(self, codes: Codes) -> FloatArray:
        """Losses, shape (n,), of binned rows, shape (n, d)."""
        trees = Trees(self.features, self.thresholds, self.leaves)
        return np.clip(_sum_trees(codes, trees, self.base), 0.0, None)


def _boost(codes: Codes, losses: FloatArray) -> Trees:
    """Trees that each fit what the trees before have left over, at a rate of 0.1."""
    features, thresholds = np.zeros((2, TREES, NODES), np.int64)
    trees = Trees(features, thresholds, np.zeros((TREES, NODES + 1)))
    expected: FloatArray = np.full(len(losses), losses.mean())
    for place in range(TREES):
        tree = trees.at(place)
        grow(codes, losses - expected, *(each[0] for each in tree))
        tree.leaves[:] *= LEARNING_RATE
        add_trees(codes, *tree, expected)
    return trees


def _sum_trees(codes: Codes, trees: Trees, base: float) -> FloatArray:
    """The base and what the trees say of each row, added up, shape (n,)."""
    totals: FloatArray = np.full(len(codes), base)
    add_trees(codes, *trees, totals)
    return totals


def _variation(losses: FloatArray, expected: FloatArray) -> float:
    """The mean square of realised less expected losses, over that of the expected."""
    scale = _mean_square(expected)
    return _mean_square(losses - expected) / scale if scale else 0.0


def _mean_square(values: FloatArray) -> float:
    return float(np.mean(values**2))


def _by_node(stored: list[list[int]]) -> IntArray:
    return np.array(stored, np.int64).reshape(-1, NODES)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LossModel:
    """The absolute and squared error to expect of a regressor's answer.

    Attributes:
        edges: Upper ends of the bins of the prediction and of each feature.
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
            label: Shape (n,), finite.

        Raises:
            InsufficientData: If there are fewer than 100 rows.
            ValueError: If the shapes do not fit, or a prediction or label is not a finite number.
        """
        random = np.random.default_rng(SEED)
        columns, labels = _draw(random, *_read(features, prediction, label))
        edges = tuple(cut(column) for column in columns.T)
        codes, is_held = encode(columns, edges), _hold_out(random, len(labels))
        errors = np.abs(columns[:, 0] - labels)
        return cls(
            edges=edges,
            counts=count(codes),
            absolute=Ensemble.fit(codes, errors, is_held),
            squared=Ensemble.fit(codes, errors**2, is_held),
        )

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The model that `as_json` wrote."""
        return cls(
            edges=tuple(np.array(ends, np.float64) for ends in stored["edges"]),
            counts=np.array(stored["counts"], np.int64),
            absolute=Ensemble.from_json(stored["absolute"]),
            squared=Ensemble.from_json(stored["squared"]),
        )

    def as_json(self) -> dict[str, Any]:
        """The model as plain JSON values."""
        fields: dict[str, Any] = _plain(asdict(self))
        return fields

    def encode(self, features: FloatArray, prediction: Values) -> Codes:
        """A window's bins, shape (n, d + 1); raises ValueError if its features are not as many as were learnt from."""
        columns = join(features, prediction)
        wanted, given = len(self.edges) - 1, columns.shape[1] - 1
        if given != wanted:
            raise ValueError(f"Expected {wanted} features, but got {given}.")
        return encode(columns, self.edges)

    def effective_rows(self, codes: Codes) -> float:
        """Rows that the model learnt from, fewer the less they resemble a window's binned rows, shape (n, d + 1).

        With weights w that make the reference resemble the window, n rows are worth n / E[w²] (Kish, 1965), and
        E[w²] = Σ q² / p over bins of share p there and q here; the least over the columns counts.
        """
        shares = _smoothed_shares(self.counts)
        weights = np.sum((count(codes) / len(codes)) ** 2 / shares, axis=1)
        return float(self.counts[0].sum() / weights.max())


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


def _hold_out(random: np.random.Generator, rows: int) -> BoolArray:
    """True for a fifth of the rows, drawn at random, shape (rows,)."""
    is_held: BoolArray = random.permutation(rows) < HELD_OUT * rows
    return is_held


def _draw(
    random: np.random.Generator, columns: FloatArray, labels: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """At most 100,000 rows, in their order."""
    if len(labels) <= MOST_ROWS:
        return columns, labels
    drawn = np.sort(random.choice(len(labels), MOST_ROWS, replace=False))
    return columns[drawn], labels[drawn]


def count(codes: Codes) -> IntArray:
    """Rows of each bin, shape (d, 33), of binned columns, shape (n, d)."""
    return np.array([np.bincount(column, minlength=BINS + 1) for column in codes.T])


def _smoothed_shares(counts: IntArray) -> FloatArray:
    """The share of each bin's rows in its column, with half a row added, so that no share is 0."""
    smoothed = counts + 0.5
    return smoothed / smoothed.sum(axis=1, keepdims=True)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.tolist() if isinstance(value, np.ndarray) else value
