"""Turns a classifier's score into the probability of a positive label, by isotonic regression."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa

from ..arrays import BoolArray, FloatArray, IntArray
from ..bundles import Arrays
from ..columns import Values
from ..errors import InsufficientData
from .reading import Label, read_binary, read_scores, require_same_rows
from .scores import starts_of_runs

MOST_BLOCKS = 500
BOUNDS, COUNTS = ("lower", "upper"), ("positives", "rows")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCalibration:
    """A probability that never falls as the score rises: level within each block, linear between them.

    Attributes:
        lower: The least score of each block, ascending.
        upper: The greatest.
        positives: Rows of each block whose label is positive.
        rows: Rows of each block.
    """

    lower: tuple[float, ...]
    upper: tuple[float, ...]
    positives: tuple[int, ...]
    rows: tuple[int, ...]

    @classmethod
    def fit(cls, score: Values, label: Values, *, positive: Label = 1) -> Self:
        """Isotonic regression (Zadrozny & Elkan, 2002) by scikit-learn's `IsotonicRegression`.

        More than 500 blocks are merged, neighbours with neighbours, into at most 500 of about as many rows.

        Args:
            score: Shape (n,), from 0 to 1.
            label: Shape (n,), two classes.
            positive: The class whose probability the score is.

        Raises:
            InsufficientData: Unless there are labels of both classes.
            ValueError: If a row is null or NaN, a score is outside [0, 1], there are more than two classes, or the
                columns differ in length.
        """
        scores, is_positive = _read(score, label, positive)
        lower, upper = _blocks(scores, is_positive)
        # a score that scikit-learn takes for equal to the greatest can lie above it by rounding
        blocks = np.minimum(np.searchsorted(upper, scores), len(upper) - 1)
        rows = np.bincount(blocks, minlength=len(upper))
        positives = np.bincount(blocks[is_positive], minlength=len(upper))
        starts = _merged(rows)
        ends = np.append(starts[1:], len(rows)) - 1
        return cls(
            lower=tuple(lower[starts].tolist()),
            upper=tuple(upper[ends].tolist()),
            positives=_sums(positives, starts),
            rows=_sums(rows, starts),
        )

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The calibration that `to_arrays` wrote."""
        return cls(**{name: tuple(arrays[name].to_pylist()) for name in (*BOUNDS, *COUNTS)})

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The calibration of a baseline from before models were arrays."""
        return cls(**{name: tuple(values) for name, values in stored.items()})

    def to_arrays(self) -> dict[str, pa.Array]:
        """The calibration as arrays of a bundle."""
        bounds = {name: pa.array(getattr(self, name), pa.float64()) for name in BOUNDS}
        return bounds | {name: pa.array(getattr(self, name), pa.int64()) for name in COUNTS}

    def calibrate(self, score: FloatArray) -> FloatArray:
        """Probabilities of the positive class, shape (n,), of scores, shape (n,); the ends' beyond the ends."""
        knots = np.column_stack([self.lower, self.upper]).ravel()
        shares = np.repeat(np.divide(self.positives, self.rows), 2)
        starts = starts_of_runs(knots)  # a block of one score has one knot
        chance: FloatArray = np.interp(score, knots[starts], shares[starts])
        return chance

    def blocks(self, score: FloatArray) -> IntArray:
        """The nearest block, shape (n,), of each score, shape (n,)."""
        middles = np.add(self.upper[:-1], self.lower[1:]) / 2
        return np.searchsorted(middles, score)

    def variances(self) -> FloatArray:
        """The binomial variance of each block's probability, shape (blocks,), with half a row of each class added."""
        rows = np.add(self.rows, 1.0)
        shares = np.add(self.positives, 0.5) / rows
        return shares * (1 - shares) / rows


def _read(score: Values, label: Values, positive: Label) -> tuple[FloatArray, BoolArray]:
    """Scores and labels, checked, each of shape (n,)."""
    scores, is_positive = read_scores(score), read_binary(label, positive, "label")
    if is_positive is None:
        raise ValueError(
            "A calibration takes labels of two classes of which one is the positive one."
        )
    require_same_rows(score=scores, label=is_positive)
    if not 0 < np.count_nonzero(is_positive) < len(scores):
        raise InsufficientData("A calibration takes labels of both classes.")
    return scores, is_positive


def _blocks(scores: FloatArray, is_positive: BoolArray) -> tuple[FloatArray, FloatArray]:
    """The least and the greatest score of each block in which the fitted probability is level."""
    # Only a build learns this; most processes of runs stay without scikit-learn.
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression().fit(scores, is_positive)
    starts = starts_of_runs(np.asarray(fitted.y_thresholds_, np.float64))
    knots = np.asarray(fitted.X_thresholds_, np.float64)
    return knots[starts], knots[np.append(starts[1:], len(knots)) - 1]


def _sums(counts: IntArray, starts: IntArray) -> tuple[int, ...]:
    return tuple(np.add.reduceat(counts, starts).tolist())


def _merged(rows: IntArray) -> IntArray:
    """Places of the blocks, given their rows, with which a merged block begins."""
    if len(rows) <= MOST_BLOCKS:
        return np.arange(len(rows))
    before = np.cumsum(rows) - rows
    merged = before * MOST_BLOCKS // rows.sum()
    places: IntArray = np.unique(merged, return_index=True)[1]
    return places
