"""Measures how far estimates err on stretches of the reference itself, where the labels are known."""

from collections.abc import Iterable, Iterator

import numpy as np

from ..arrays import IntArray

BLOCKS = 20
FEWEST_IN_BLOCK = 100


def blocks_of(rows: int, blocks: int) -> list[IntArray]:
    """The places of neighbouring rows, divided into at most `blocks` parts of about one size."""
    return np.array_split(np.arange(rows), max(1, min(rows, blocks)))


def stretches(
    rows: int, folds: int, most: int = BLOCKS
) -> Iterator[tuple[IntArray, list[IntArray]]]:
    """Divide rows into folds of neighbours: for each fold, the rows outside it to learn from, and its stretches.

    There are at most `most` stretches, and fewer where they would have less than 100 rows; each fold has one.
    """
    count = max(1, min(most, rows // FEWEST_IN_BLOCK) // folds)
    for fold in blocks_of(rows, folds):
        learnt = np.setdiff1d(np.arange(rows), fold, assume_unique=True)
        yield learnt, [fold[block] for block in blocks_of(len(fold), count)]


def dispersion(errors: Iterable[float]) -> float:
    """The factor by which standard errors are too small, by errors that were measured in them.

    The root of their mean square, which is about 1 where the standard errors are right. Less counts as 1, so that
    intervals never narrow by luck; so does none.
    """
    squares = [error**2 for error in errors]
    return max(1.0, float(np.mean(squares)) ** 0.5) if squares else 1.0
