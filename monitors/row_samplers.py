"""Draws a uniform sample of rows from tables that come one after the other, in bounded memory."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from algorithms.arrays import FloatArray

SEED = 20_200_229


@dataclass(slots=True)
class RowSampler:
    """Keeps the rows with the least of random keys: the same tables give the same rows.

    Attributes:
        most: Rows to keep.
        seed: Of the keys.
    """

    most: int
    seed: int = SEED
    _random: np.random.Generator = field(init=False)
    _tables: list[pa.Table] = field(default_factory=list)
    _keys: FloatArray = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)

    def add(self, table: pa.Table, keys: FloatArray | None = None) -> None:
        """Take further rows into account; all tables have the same columns.

        Args:
            table: The rows.
            keys: Random keys of their own, shape (n,); else they come from the seed, in the order of the rows.
        """
        if keys is None:
            keys = self._random.random(table.num_rows)
        if len(self._keys) >= self.most:
            is_near = keys < np.partition(self._keys, self.most - 1)[self.most - 1]
            keys, table = keys[is_near], table.filter(pa.array(is_near))
        self._tables.append(table)
        self._keys = np.concatenate([self._keys, keys])
        if len(self._keys) > 2 * self.most:
            self._prune()

    def finish(self) -> pa.Table:
        """The sample, its rows in the order in which they came."""
        if not self._tables:
            return pa.table({})
        self._prune()
        return self._tables[0]

    def finish_as_drawn(self) -> pa.Table:
        """The sample, its rows in the order of their keys: a larger sample of the same tables begins with them."""
        sample = self.finish()
        return sample.take(pa.array(np.argsort(self._keys)))

    def _prune(self) -> None:
        """Only the rows that the sample holds so far."""
        joined = pa.concat_tables(self._tables, promote_options="permissive")
        if len(self._keys) > self.most:
            kept = np.sort(np.argpartition(self._keys, self.most)[: self.most])
            joined, self._keys = joined.take(kept), self._keys[kept]
        self._tables = [joined]
