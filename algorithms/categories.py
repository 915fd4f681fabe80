"""Counts categories: those that a baseline names by code, the others by name in bounded memory."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .arrays import IntArray
from .columns import guess_kind
from .errors import UnusableColumn
from .kernels.cells import count_indices

MAX_UNSEEN = 100_000
"""Unseen categories kept by name. Of more, those with the smallest hashes are, which no order of reading changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """Categories that the reference did not name, with their rows.

    Attributes:
        rows: Rows of all of them.
        counts: Rows by category: of all, or of those with the smallest hashes.
        is_complete: Whether all of them are there.
    """

    rows: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    is_complete: bool = True

    def __add__(self, other: Self) -> Self:
        if not other.rows:
            return self
        if not self.rows:
            return other
        counts = dict(self.counts)
        for category, rows in other.counts.items():
            counts[category] = counts.get(category, 0) + rows
        both = replace(
            self,
            rows=self.rows + other.rows,
            counts=counts,
            is_complete=self.is_complete and other.is_complete,
        )
        return both.bounded()

    def bounded(self) -> Self:
        """At most MAX_UNSEEN names. One that stays has stayed in every part, so its rows are complete."""
        if len(self.counts) <= MAX_UNSEEN:
            return self
        kept = sorted(self.counts, key=_hash)[:MAX_UNSEEN]
        return replace(self, counts={name: self.counts[name] for name in kept}, is_complete=False)


def _hash(category: str) -> bytes:
    return hashlib.blake2b(category.encode(), digest_size=8).digest()


@dataclass(frozen=True, slots=True, eq=False)
class CategoryCounts:
    """The counted categories of a column.

    Attributes:
        categories: Names, an Arrow `large_string` array of length k, each at least once.
        counts: Shape (k,), rows of each.
        nulls: Rows left out because they were null or NaN.
    """

    categories: pa.Array
    counts: IntArray
    nulls: int

    @property
    def rows(self) -> int:
        """Rows that hold a category."""
        return int(self.counts.sum())


def count_categories(column: pa.Array | pa.ChunkedArray) -> CategoryCounts:
    """Count a column's distinct categories by name; booleans are named "true" and "false", numbers by their digits.

    Raises:
        UnusableColumn: If the column holds bytes or nested values.
    """
    found = list(distinct_categories(column))
    names = pa.concat_arrays(
        [pa.array([], pa.large_string()), *(each.categories for each in found)]
    )
    counts = np.concatenate([np.empty(0, np.int64), *(each.counts for each in found)])
    grouped = (
        pa.table({"name": names, "count": counts}).group_by("name").aggregate([("count", "sum")])
    )
    summed: IntArray = grouped.column("count_sum").to_numpy()
    return CategoryCounts(
        grouped.column("name").combine_chunks(), summed, sum(each.nulls for each in found)
    )


def distinct_categories(column: pa.Array | pa.ChunkedArray) -> Iterator[CategoryCounts]:
    """A column's categories chunk by chunk; a name may come again, but rows of zero do not.

    Dictionary-encoded chunks, as Parquet's readers give, are counted by their codes.

    Raises:
        UnusableColumn: If the column holds bytes or nested values.
    """
    if not pa.types.is_null(column.type) and guess_kind(column.type) is None:
        raise UnusableColumn(f"Expected categories, but the column holds {column.type}.")
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        yield (
            _count_dictionary(chunk) if pa.types.is_dictionary(chunk.type) else _count_plain(chunk)
        )


def _count_dictionary(chunk: pa.DictionaryArray) -> CategoryCounts:
    indices = chunk.indices.drop_null() if chunk.indices.null_count else chunk.indices
    counts = np.zeros(len(chunk.dictionary), np.int64)
    count_indices(indices.to_numpy(zero_copy_only=False), counts)
    seen = np.flatnonzero(counts)
    return _named(chunk.dictionary.take(pa.array(seen)), counts[seen], len(chunk) - len(indices))


def _count_plain(chunk: pa.Array) -> CategoryCounts:
    if pa.types.is_string_view(chunk.type):
        chunk = chunk.cast(pa.large_string())  # pyarrow 26 counts the nulls of views as empty texts
    counted = pc.value_counts(chunk)
    counts = np.asarray(counted.field("counts").to_numpy(zero_copy_only=False), dtype=np.int64)
    return _named(counted.field("values"), counts, 0)


def _named(values: pa.Array, counts: IntArray, nulls: int) -> CategoryCounts:
    """Distinct values as names, with null and NaN set apart."""
    missing = pc.is_null(values, nan_is_null=True).to_numpy(zero_copy_only=False)
    if missing.any():
        values, nulls = values.filter(pa.array(~missing)), nulls + int(counts[missing].sum())
        counts = counts[~missing]
    return CategoryCounts(values.cast(pa.large_string()), counts, nulls)
