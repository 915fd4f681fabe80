"""Measure the row groups of Parquet files by their footers, before a page of them is read.

A constant column of 100 million rows has a few bytes in the file: what counts is how large it is once
it is decoded.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from monitors.sources.datasets import LARGER_GROUPS
from monitors.sources.pruning import NarrowedDataset
from monitors.sources.source_limits import at_most, refuse_inflated

_TEXT, _CODE_BYTES = "BYTE_ARRAY", 4
_DELTAS = frozenset({"DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"})
_WIDTHS = {
    "BOOLEAN": 1,
    "INT32": 4,
    "INT64": 8,
    "INT96": 8,
    "FLOAT": 4,
    "DOUBLE": 8,
    _TEXT: _CODE_BYTES,
}
"""Bytes of a decoded value by its physical type; the fixed ones of any length say their own."""


@dataclass(frozen=True, slots=True)
class ChunkSize:
    """The size of a column in one row group, by the footer.

    Attributes:
        bytes: The bytes once it is decoded, with each text of a dictionary once and a code a row.
        longest: The most bytes of one row's texts: all that the column stores, and in lists as
            often as it has values, since all can be in one list. 0 without texts.
        is_coded: Texts are decoded as codes, so that long ones are not repeated.
    """

    bytes: int
    longest: int = 0
    is_coded: bool = True

    def plain_at_most(self, rows: int) -> int:
        """The most bytes of its rows once texts are repeated."""
        return max(self.bytes, self.longest * rows)

    def bytes_a_row(self, rows: int) -> int:
        """The bytes that a row takes when it is decoded, at the worst."""
        mean = -(-self.bytes // max(rows, 1))
        return mean if self.is_coded else max(mean, self.longest)


@dataclass(frozen=True, slots=True)
class RowGroup:
    """One row group of one file.

    Attributes:
        sizes: The size of each column of the window that the file stores.
        texts: The columns whose codes can be read, and not the values.
    """

    fragment: pads.Fragment
    number: int
    rows: int
    sizes: Mapping[str, ChunkSize]
    texts: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The file, as the file system names it."""
        return str(self.fragment.path)

    @property
    def bytes(self) -> int:
        """Bytes of the window's columns, decoded."""
        return sum(size.bytes for size in self.sizes.values())

    def rows_at_once(self, names: Iterable[str], most: int) -> int:
        """The number of rows whose columns take at most `most` bytes, but one at least."""
        held = (self.sizes[name] for name in names if name in self.sizes)
        return max(1, most // max(1, sum(each.bytes_a_row(self.rows) for each in held)))

    def plain_at_most(self) -> int:
        """The most bytes of the window's columns once texts are repeated."""
        return sum(size.plain_at_most(self.rows) for size in self.sizes.values())


def list_row_groups(narrowed: NarrowedDataset) -> list[RowGroup]:
    """The row groups that can hold rows of the window, in file order.

    Raises:
        SourceTooLarge: If there are more than the policy allows, or if a few bytes stand for more
            values than it allows.
    """
    limits, sizes = narrowed.dataset.limits, narrowed.dataset.sizes
    needed = {*narrowed.columns, str(narrowed.timeframe.column)}
    groups = (group for file in narrowed.fragments for group in _list_groups(file, needed))
    found = list(at_most(groups, limits.row_groups, "row groups in the window", LARGER_GROUPS))
    stored = sum(sizes[file.path] for file in narrowed.fragments)
    refuse_inflated(sum(group.bytes for group in found), stored, limits.inflated_bytes)
    return found


def _list_groups(file: pads.Fragment, needed: Collection[str]) -> Iterator[RowGroup]:
    leaves_by_name, metadata = leaves_of(file), file.metadata
    leaves = {name: leaves_by_name[name] for name in needed if name in leaves_by_name}
    chunks = {name: _Chunk.of(file, name, found) for name, found in leaves.items()}
    for group in file.row_groups:
        stored = metadata.row_group(group.id)
        sizes = {name: chunk.size_in(stored) for name, chunk in chunks.items()}
        texts = tuple(name for name, size in sizes.items() if size.longest and size.is_coded)
        yield RowGroup(file, group.id, int(group.num_rows), sizes, texts)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A column as a file stores it: its leaves, each with the bytes of its values and if a row has
    many of them, and if texts are codes."""

    leaves: tuple[int, ...]
    widths: tuple[int, ...]
    repeated: tuple[bool, ...]
    is_coded: bool

    @classmethod
    def of(cls, file: pads.Fragment, name: str, leaves: Sequence[int]) -> Self:
        """The column of a file."""
        dtype, metadata = file.physical_schema.field(name).type, file.metadata.schema
        stored = [metadata.column(leaf) for leaf in leaves]
        widths = tuple(_width_of(each, dtype) for each in stored)
        repeated = tuple(each.max_repetition_level > 0 for each in stored)
        is_coded = pa.types.is_dictionary(dtype) or is_text(dtype) or is_binary(dtype)
        return cls(tuple(leaves), widths, repeated, is_coded)

    def size_in(self, group: pq.RowGroupMetaData) -> ChunkSize:
        """Its size in a row group."""
        total, longest, is_coded, rows = 0, 0, self.is_coded, group.num_rows
        for leaf, width, is_repeated in zip(self.leaves, self.widths, self.repeated, strict=True):
            chunk = group.column(leaf)
            stored = chunk.total_uncompressed_size
            total += max(stored, max(chunk.num_values, rows) * width)
            if width == _CODE_BYTES and chunk.physical_type == _TEXT:
                longest += stored * (chunk.num_values if is_repeated else 1)
                # Each text begins with a piece of the one before it, which can be long.
                # pyarrow has no codes for such texts, nor for those after all their lengths.
                is_coded = is_coded and not _DELTAS.intersection(chunk.encodings)
        return ChunkSize(total, longest, is_coded or not longest)


def _width_of(column: pq.ColumnSchema, dtype: pa.DataType) -> int:
    """Bytes of a decoded value."""
    if pa.types.is_decimal(dtype):
        return int(dtype.byte_width)
    width = _WIDTHS.get(column.physical_type)
    return max(int(column.length), 0) if width is None else width


def leaves_of(fragment: pads.Fragment) -> dict[str, list[int]]:
    """The positions at which a file stores each column: a nested one has several.

    They are counted, because a path with a dot can be a nested column or a name with a dot.
    """
    found: dict[str, list[int]] = {}
    position = 0
    for field in fragment.physical_schema:
        leaves = range(position, position + _count_leaves(field.type))
        found.setdefault(field.name, []).extend(leaves)
        position = leaves.stop
    return found


def _count_leaves(dtype: pa.DataType) -> int:
    if isinstance(dtype, pa.BaseExtensionType):
        return _count_leaves(dtype.storage_type)
    if pa.types.is_dictionary(dtype) or not pa.types.is_nested(dtype):
        return 1
    return sum(_count_leaves(dtype.field(each).type) for each in range(dtype.num_fields))


def is_text(dtype: pa.DataType) -> bool:
    """True for a type of texts."""
    return bool(pa.types.is_string(dtype) or pa.types.is_large_string(dtype))


def is_binary(dtype: pa.DataType) -> bool:
    """True for a type of bytes of any length."""
    return bool(pa.types.is_binary(dtype) or pa.types.is_large_binary(dtype))
