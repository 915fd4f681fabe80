"""Draws a uniform sample of the rows of a window, which is read batch by batch in bounded memory."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..arrays import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class RowSample:
    """A uniform sample without replacement.

    Attributes:
        rows: Rows of the window.
        batches: The drawn rows, in the order of the window.
    """

    rows: int
    batches: tuple[pa.RecordBatch, ...]

    @property
    def num_rows(self) -> int:
        """Rows of the sample."""
        return sum(batch.num_rows for batch in self.batches)

    def column(self, name: str) -> list[pa.Array]:
        """A column of the sample in pieces; empty if a batch lacks it."""
        if not all(name in batch.schema.names for batch in self.batches):
            return []
        return [batch.column(name) for batch in self.batches]


def sample_rows(batches: Iterable[pa.RecordBatch], most: int, seed: int) -> RowSample:
    """A uniform sample of rows: those that draw the least numbers (Rényi, 1953).

    Args:
        batches: The window.
        most: The most rows to keep.
        seed: The same window and seed give the same sample.
    """
    random = np.random.default_rng(seed)
    kept: list[tuple[pa.RecordBatch, FloatArray]] = []
    rows, limit = 0, np.inf
    for batch in batches:
        numbers = random.random(batch.num_rows)
        rows += batch.num_rows
        kept.append(_below(batch, numbers, limit))
        if sum(len(each) for _, each in kept) > 2 * most:
            limit = _limit(kept, most)
            kept = [_below(*each, limit) for each in kept]
    limit = _limit(kept, most)
    drawn = [_below(*each, limit)[0] for each in kept]
    return RowSample(rows, tuple(each for each in drawn if each.num_rows))


def _limit(kept: list[tuple[pa.RecordBatch, FloatArray]], most: int) -> float:
    """The number below which there are `most` rows."""
    numbers = np.concatenate([np.empty(0), *(each for _, each in kept)])
    return float(np.partition(numbers, most)[most]) if len(numbers) > most else np.inf


def _below(
    batch: pa.RecordBatch, numbers: FloatArray, limit: float
) -> tuple[pa.RecordBatch, FloatArray]:
    chosen = np.flatnonzero(numbers < limit)
    if len(chosen) == len(numbers):
        return batch, numbers
    return batch.take(pa.array(chosen)), numbers[chosen]
