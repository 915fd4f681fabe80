"""Counts categories: those that a baseline names by code, the others by name in bounded memory."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .arrays import CodeArray, IntArray
from .columns import guess_kind
from .errors import RetypedColumn, UnusableColumn
from .identity import name_values
from .kernels.cells import count_indices
from .value_types import ValueType, value_type_of

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
        return self._merged(other).bounded()

    def _merged(self, other: Self) -> Self:
        """Both together, with all names."""
        return replace(
            self,
            rows=self.rows + other.rows,
            counts=_add_counts(self.counts, other.counts),
            is_complete=self.is_complete and other.is_complete,
        )

    def bounded(self) -> Self:
        """At most MAX_UNSEEN names. One that stays has stayed in every part, so its rows are complete."""
        if len(self.counts) <= MAX_UNSEEN:
            return self
        kept = sorted(self.counts, key=_hash)[:MAX_UNSEEN]
        counts = {name: self.counts[name] for name in kept}
        return replace(self, counts=counts, is_complete=False)


def _add_counts(counts: Mapping[str, int], others: Mapping[str, int]) -> dict[str, int]:
    added = dict(counts)
    for category, rows in others.items():
        added[category] = added.get(category, 0) + rows
    return added


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


def count_categories(
    column: pa.Array | pa.ChunkedArray, contract: ValueType | None = None
) -> CategoryCounts:
    """Count a column's distinct categories by name; booleans are named "true" and "false", numbers by their digits.

    Args:
        column: Values of any type that is no bytes and not nested.
        contract: The type whose names the values get; their own type where it is left out.

    Raises:
        RetypedColumn: If the column holds bytes or nested values.
        UnusableColumn: If its text is not UTF-8.
    """
    found = list(distinct_categories(column, contract or value_type_of(column.type)))
    summed = sum_by_name(_joined_names(found), found)
    return CategoryCounts(
        summed.column("name").combine_chunks(),
        summed.column("count_sum").to_numpy(),
        sum(each.nulls for each in found),
    )


def _joined_names(found: Iterable[CategoryCounts]) -> pa.Array:
    return pa.concat_arrays([pa.array([], pa.large_string()), *(each.categories for each in found)])


def sum_by_name(names: pa.Array | pa.ChunkedArray, found: Iterable[CategoryCounts]) -> pa.Table:
    """Each name of what was found and its rows, in columns "name" and "count_sum"."""
    table = pa.table({"name": names, "count": _joined_counts(found)})
    return table.group_by("name").aggregate([("count", "sum")])


def _joined_counts(found: Iterable[CategoryCounts]) -> IntArray:
    return np.concatenate([np.empty(0, np.int64), *(each.counts for each in found)])


def distinct_categories(
    column: pa.Array | pa.ChunkedArray, contract: ValueType | None
) -> Iterator[CategoryCounts]:
    """A column's categories chunk by chunk; a name may come again, but rows of zero do not.

    The contract is the type whose names the values get; None names them by their printed form, as baselines did before
    they had contracts.

    Dictionary-encoded chunks, as Parquet's readers give, are counted by their codes.

    Raises:
        RetypedColumn: If the column holds bytes or nested values.
        UnusableColumn: If its text is not UTF-8.
    """
    _require_categories(column.type)
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        found = _count(chunk)
        yield replace(found, categories=_names(found.categories, contract))


def encode_categories(chunk: pa.Array) -> tuple[CodeArray, pa.Array]:
    """The code of each row, and the value of each code; the code after the last stands for no value, and for NaN.

    Raises:
        RetypedColumn: If the column holds bytes or nested values.
        UnusableColumn: If its text is not UTF-8.
    """
    _require_categories(chunk.type)
    is_dictionary = pa.types.is_dictionary(chunk.type)
    encoded = chunk if is_dictionary else _countable(chunk).dictionary_encode()
    values = encoded.dictionary
    codes = _indices_of(encoded.indices, len(values))
    is_missing = pc.is_null(values, nan_is_null=True).to_numpy(zero_copy_only=False)
    if is_missing.any():
        codes[np.append(is_missing, False)[codes]] = len(values)
    return codes, values


def _indices_of(indices: pa.Array, last: int) -> CodeArray:
    """Indices of a dictionary in the least type that holds them and `last`, which null becomes."""
    if indices.null_count:
        indices = indices.cast(pa.int64()).fill_null(last)
    is_narrow = last < np.iinfo(np.uint16).max
    codes: CodeArray = indices.to_numpy().astype(np.uint16 if is_narrow else np.uint32)
    return codes


def name_categories(values: pa.Array, contract: ValueType | None) -> pa.Array:
    """The names of values under a contract, as `distinct_categories` names them; nulls stay null."""
    return _names(values, contract)


def _names(values: pa.Array, contract: ValueType | None) -> pa.Array:
    _require_utf8(values)
    return values.cast(pa.large_string()) if contract is None else name_values(values, contract)


def _require_utf8(values: pa.Array) -> None:
    """Check that text can be read: files of other programs may hold any bytes as text, and Arrow takes them.

    Raises:
        UnusableColumn: If it is no UTF-8.
    """
    try:
        values.validate(full=True)
    except pa.ArrowInvalid as error:
        raise UnusableColumn("The column holds text that is not UTF-8.") from error


def _count(chunk: pa.Array) -> CategoryCounts:
    """The distinct values of a chunk, not named yet."""
    is_dictionary = pa.types.is_dictionary(chunk.type)
    return _count_dictionary(chunk) if is_dictionary else _count_plain(chunk)


def _require_categories(data_type: pa.DataType) -> None:
    if not pa.types.is_null(data_type) and guess_kind(data_type) is None:
        raise RetypedColumn(f"Expected categories, but the column holds {data_type}.")


def _count_dictionary(chunk: pa.DictionaryArray) -> CategoryCounts:
    indices = chunk.indices.drop_null() if chunk.indices.null_count else chunk.indices
    counts = _count_indices(indices, len(chunk.dictionary))
    seen = np.flatnonzero(counts)
    nulls = len(chunk) - len(indices)
    return _without_missing(chunk.dictionary.take(pa.array(seen)), counts[seen], nulls)


def _count_indices(indices: pa.Array, categories: int) -> IntArray:
    """Rows of each place in a dictionary, shape (categories,)."""
    counts = np.zeros(categories, np.int64)
    count_indices(indices.to_numpy(zero_copy_only=False), counts)
    return counts


def _count_plain(chunk: pa.Array) -> CategoryCounts:
    counted = pc.value_counts(_countable(chunk))
    counts = counted.field("counts").to_numpy(zero_copy_only=False)
    return _without_missing(counted.field("values"), np.asarray(counts, dtype=np.int64), 0)


def _countable(chunk: pa.Array) -> pa.Array:
    """A chunk as pyarrow counts it right: pyarrow 26 counts the nulls of views as empty texts."""
    return chunk.cast(pa.large_string()) if pa.types.is_string_view(chunk.type) else chunk


def _without_missing(values: pa.Array, counts: IntArray, nulls: int) -> CategoryCounts:
    """Distinct values without null and NaN, whose rows become nulls."""
    missing = pc.is_null(values, nan_is_null=True).to_numpy(zero_copy_only=False)
    if not missing.any():
        return CategoryCounts(values, counts, nulls)
    rows = nulls + int(counts[missing].sum())
    return CategoryCounts(values.filter(pa.array(~missing)), counts[~missing], rows)
