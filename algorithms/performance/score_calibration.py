"""Turns a classifier's score into the probability of a positive label, by isotonic regression."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from ..columns import Values
from ..errors import InsufficientData
from ..kernels.compiler import jit
from .reading import Label, read_binary, read_scores, require_same_rows
from .scores import run_lengths, starts_of_runs

MOST_BLOCKS = 500


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
        """Isotonic regression by pooling adjacent violators (Ayer et al., 1955; Zadrozny & Elkan, 2002).

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
        values, positives, rows = _by_score(scores, is_positive)
        starts = _block_starts(positives, rows)
        ends = np.append(starts[1:], len(values)) - 1
        return cls(
            lower=tuple(values[starts].tolist()),
            upper=tuple(values[ends].tolist()),
            positives=_sums(positives, starts),
            rows=_sums(rows, starts),
        )

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The calibration that `as_json` wrote."""
        return cls(**{name: tuple(values) for name, values in stored.items()})

    def as_json(self) -> dict[str, Any]:
        """The calibration as plain JSON values."""
        return {name: list(values) for name, values in asdict(self).items()}

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


@jit
def pool_adjacent_violators(positives: IntArray, rows: IntArray) -> IntArray:
    """First places of the blocks into which neighbours merge until their shares of positives strictly rise.

    Args:
        positives: Shape (k,), at least one.
        rows: Shape (k,), positive.
    """
    starts, hits, sizes = np.empty_like(rows), np.empty_like(rows), np.empty_like(rows)
    last = -1
    for place in range(len(rows)):
        last += 1
        starts[last], hits[last], sizes[last] = place, positives[place], rows[place]
        while last > 0 and hits[last - 1] * sizes[last] >= hits[last] * sizes[last - 1]:
            hits[last - 1] += hits[last]
            sizes[last - 1] += sizes[last]
            last -= 1
    return starts[: last + 1]


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


def _block_starts(positives: IntArray, rows: IntArray) -> IntArray:
    """First places of the blocks, after neighbours have merged."""
    starts = pool_adjacent_violators(positives, rows)
    return starts[_merged(np.add.reduceat(rows, starts))]


def _sums(counts: IntArray, starts: IntArray) -> tuple[int, ...]:
    return tuple(np.add.reduceat(counts, starts).tolist())


def _by_score(scores: FloatArray, is_positive: BoolArray) -> tuple[FloatArray, IntArray, IntArray]:
    """The scores that occur, ascending, and of each its positive rows and its rows."""
    order = np.argsort(scores)
    ordered = scores[order]
    starts = starts_of_runs(ordered)
    positives = np.add.reduceat(is_positive[order].astype(np.int64), starts)
    return ordered[starts], positives, run_lengths(starts, len(ordered))


def _merged(rows: IntArray) -> IntArray:
    """Places of the blocks, given their rows, with which a merged block begins."""
    if len(rows) <= MOST_BLOCKS:
        return np.arange(len(rows))
    before = np.cumsum(rows) - rows
    merged = before * MOST_BLOCKS // rows.sum()
    places: IntArray = np.unique(merged, return_index=True)[1]
    return places
