"""Tells rows of a window from rows of the reference, each by trees that have not seen it."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ..arrays import BoolArray, FloatArray
from .one_thread import one_thread
from .reference_sample import Columns
from .weighted_metrics import pair_share

FOLDS = 3
TREES, LEAVES, FEWEST_IN_LEAF = 30, 8, 40
"""Small trees: with two thousand rows they find a shift of any two features, and little in noise."""
FARTHEST = 0.02
"""No row of the reference stands for more than 49 of the window, as so small chances are badly known."""
UNLIKE = 0.9
"""Such rows are nine times as frequent in the window, or more."""
SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class DomainClassifier:
    """The chance that each row is one of the window's, if both had as many rows.

    Attributes:
        of_reference: Shape (n,), of the reference's rows.
        of_window: Shape (m,), of the window's rows.
    """

    of_reference: FloatArray
    of_window: FloatArray

    @classmethod
    def fit(cls, reference: Columns, window: Columns) -> Self:
        """Learn from two thirds of the rows what the chance is in the last, in turn.

        Args:
            reference: Shape (n, d), NaN where unknown.
            window: Shape (m, d).
        """
        columns = np.concatenate([reference, window])
        is_window = np.repeat([False, True], [len(reference), len(window)])
        folds = np.random.default_rng(SEED).permutation(len(columns)) % FOLDS
        chance = np.empty(len(columns))
        for fold in range(FOLDS):
            is_unseen = folds == fold
            chance[is_unseen] = _learn(columns, is_window, is_unseen)
        chance = np.clip(_if_as_many(chance, len(reference) / len(window)), FARTHEST, 1 - FARTHEST)
        return cls(of_reference=chance[~is_window], of_window=chance[is_window])

    @property
    def shift(self) -> float:
        """The share of pairs in which the window's row has the greater chance; one half if nothing tells them apart."""
        chance = np.concatenate([self.of_reference, self.of_window])
        is_window = np.repeat([0.0, 1.0], [len(self.of_reference), len(self.of_window)])
        return pair_share(chance, is_window, 1 - is_window) or 0.5

    @property
    def unlike(self) -> float:
        """The share of the window's rows that hardly any row of the reference resembles."""
        return float(np.mean(self.of_window > UNLIKE))

    @property
    def weights(self) -> FloatArray:
        """The rows of the window that each row of the reference stands for, shape (n,), with a mean of 1."""
        odds = self.of_reference / (1 - self.of_reference)
        weights: FloatArray = odds / odds.mean()
        return weights


def _if_as_many(chance: FloatArray, ratio: float) -> FloatArray:
    """The chance if the window had as many rows as the reference, which has `ratio` times as many.

    Weights of rows would give it, too, but scikit-learn finds its bins many times slower with them.
    """
    return chance * ratio / (chance * ratio + 1 - chance)


def _learn(columns: Columns, is_window: BoolArray, is_unseen: BoolArray) -> FloatArray:
    """The chance of the rows that are unseen, learnt from the others."""
    # Runs of monitors with estimates alone come here; the others stay without scikit-learn.
    from sklearn.ensemble import HistGradientBoostingClassifier

    model: Any = HistGradientBoostingClassifier(
        max_iter=TREES,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=FEWEST_IN_LEAF,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=SEED,
    )
    learnable = ~np.isnan(columns[~is_unseen]).all(axis=0)  # no bins can be found without a value
    seen, unseen = columns[~is_unseen][:, learnable], columns[is_unseen][:, learnable]
    with one_thread():
        model.fit(seen, is_window[~is_unseen])
        found: FloatArray = model.predict_proba(unseen)[:, 1]
    return found
