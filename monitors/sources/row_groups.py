"""Read Parquet a row group at a time: all columns or one, and only the rows of a window."""

import threading
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from monitors.sources.casts import to_common_type
from monitors.sources.formats.parquet_format import INT96_UNIT
from monitors.sources.pruning import NarrowedDataset
from monitors.sources.source_errors import translated

BUFFER_BYTES = 1 << 16
"""As much as stays in a processor's own cache until it has been decoded."""

type Rows = slice | pa.BooleanArray | None


@dataclass(frozen=True, slots=True)
class RowGroup:
    """One row group of one file."""

    fragment: pads.Fragment
    number: int
    rows: int
    bytes: int

    @property
    def path(self) -> str:
        """The file, as the file system names it."""
        return str(self.fragment.path)


def list_row_groups(narrowed: NarrowedDataset) -> list[RowGroup]:
    """The row groups that can hold rows of the window, in file order.

    Their bytes are those of the window's columns, uncompressed.
    """
    needed = {*narrowed.columns, str(narrowed.timeframe.column)}
    return [group for file in narrowed.fragments for group in _list_groups(file, needed)]


def _list_groups(file: pads.Fragment, needed: Collection[str]) -> Iterator[RowGroup]:
    leaves_by_name, metadata = _leaves_of(file), file.metadata
    leaves = [leaf for name in needed for leaf in leaves_by_name.get(name, [])]
    for group in file.row_groups:
        size = _bytes_of(metadata.row_group(group.id), leaves)
        yield RowGroup(file, group.id, int(group.num_rows), size)


def _bytes_of(group: pq.RowGroupMetaData, leaves: Iterable[int]) -> int:
    return sum(group.column(leaf).total_uncompressed_size for leaf in leaves)


def _leaves_of(fragment: pads.Fragment) -> dict[str, list[int]]:
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


class RowGroupReader:
    """Reads row groups; each thread keeps its own open files, as handles are not safe to share."""

    def __init__(self, narrowed: NarrowedDataset) -> None:
        self._narrowed = narrowed
        self._handles = threading.local()
        self._open: list[pq.ParquetFile] = []
        self._leaves_by_path: dict[str, dict[str, list[int]]] = {}

    def close(self) -> None:
        """Close every file."""
        for handle in self._open:
            handle.close()

    def rows_inside(self, group: RowGroup) -> Rows:
        """The rows of the group inside the window: None for all, a slice if they are contiguous.

        The timestamps are read only if the group's statistics do not prove that all lie inside.
        """
        timeframe = self._narrowed.timeframe
        if timeframe.column is None or self._is_whole(group):
            return None
        stamps = self._read_stamps(group, timeframe.column)
        if pa.types.is_null(stamps.type):
            return slice(0, 0)
        return _rows_of(timeframe.mask(stamps).fill_null(False))

    def column(self, group: RowGroup, name: str, rows: Rows) -> pa.Array:
        """One column of the group's rows, in the type of the window's schema.

        Text may be dictionary-encoded.
        """
        return _kept(self._read(group, name), rows)

    def batch(self, group: RowGroup, rows: Rows) -> pa.RecordBatch:
        """All columns of the group's rows."""
        names = list(self._narrowed.columns)
        if not names:
            return _without_columns(count_rows(group, rows))
        arrays = [self.column(group, name, rows) for name in names]
        return pa.record_batch(arrays, names=names)

    def _is_whole(self, group: RowGroup) -> bool:
        """True if no row of the group can be outside the window."""
        timeframe = self._narrowed.timeframe
        if not group.rows or timeframe.condition(self._narrowed.schema) is None:
            return True
        is_key = self._narrowed.dataset.has_key(timeframe.column)
        return not is_key and self._is_proved_whole(group)

    def _is_proved_whole(self, group: RowGroup) -> bool:
        """True if the group's statistics rule out a row outside the window."""
        schema = group.fragment.physical_schema
        opposite = self._narrowed.timeframe.opposite(schema)
        if opposite is None:
            return False
        only = group.fragment.subset(row_group_ids=[group.number])
        return not only.subset(opposite, schema=schema).row_groups

    def _read(self, group: RowGroup, name: str) -> pa.Array:
        dataset, wanted = self._narrowed.dataset, self._narrowed.schema.field(name).type
        zone = self._narrowed.timeframe.zone
        if dataset.has_key(name):
            stored = dataset.partitions.field(name).type
            return to_common_type(_repeated_key(group, name, stored), wanted, zone)
        with translated(dataset.name_of(group.fragment)):
            if name not in self._leaves(group):
                return _encoded(pa.nulls(group.rows, wanted))
            return _as_type(self._read_stored(group, name), wanted, zone)

    def _read_stamps(self, group: RowGroup, name: str) -> pa.Array:
        """The timestamps in the file's own unit: a coarser one could move a row over a bound."""
        if self._narrowed.dataset.has_key(name):
            return self._read(group, name)
        with translated(self._narrowed.dataset.name_of(group.fragment)):
            return _as_one(self._read_stored(group, name))

    def _read_stored(self, group: RowGroup, name: str) -> pa.ChunkedArray:
        # By position: `read_row_group(columns=["a"])` would read a column "a.b" too.
        reader, leaves = self._handle(group).reader, self._leaves(group)[name]
        table = reader.read_row_group(group.number, column_indices=leaves, use_threads=False)
        column = table.column(name)
        # pyarrow takes a file's early end for the end of its rows.
        if len(column) != group.rows:
            raise pa.ArrowInvalid(f"{len(column)} rows where the footer says {group.rows}")
        return column

    def _leaves(self, group: RowGroup) -> dict[str, list[int]]:
        if group.path not in self._leaves_by_path:
            self._leaves_by_path[group.path] = _leaves_of(group.fragment)
        return self._leaves_by_path[group.path]

    def _handle(self, group: RowGroup) -> pq.ParquetFile:
        files: dict[str, pq.ParquetFile] = self._handles.__dict__
        if group.path not in files:
            files[group.path] = _open(self._narrowed, group)
            self._open.append(files[group.path])
        return files[group.path]


def _open(narrowed: NarrowedDataset, group: RowGroup) -> pq.ParquetFile:
    filesystem = narrowed.dataset.filesystem
    options: dict[str, Any] = {
        "read_dictionary": _texts(narrowed, group),
        "coerce_int96_timestamp_unit": INT96_UNIT,
        "metadata": group.fragment.metadata,
    }
    if filesystem.type_name == "local":
        # A memory map is a quarter faster, but a file that is cut short meanwhile would end the
        # process.
        return pq.ParquetFile(group.path, buffer_size=BUFFER_BYTES, pre_buffer=False, **options)
    return pq.ParquetFile(filesystem.open_input_file(group.path), pre_buffer=True, **options)


def _texts(narrowed: NarrowedDataset, group: RowGroup) -> list[str]:
    """The columns of text that the file stores."""
    stored = group.fragment.physical_schema.names
    texts = [field.name for field in narrowed.schema if _is_text(field.type)]
    return [name for name in texts if name in stored]


def _as_type(column: pa.ChunkedArray, wanted: pa.DataType, zone: str) -> pa.Array:
    if pa.types.is_dictionary(column.type) and not pa.types.is_dictionary(wanted):
        return _with_values(_as_one(column.unify_dictionaries()), wanted, zone)
    return _encoded(_as_one(to_common_type(column, wanted, zone)))


def _with_values(array: pa.DictionaryArray, wanted: pa.DataType, zone: str) -> pa.DictionaryArray:
    """The array with dictionary values of the type wanted."""
    values = to_common_type(array.dictionary, wanted, zone)
    return pa.DictionaryArray.from_arrays(array.indices, values)


def _as_one(column: pa.ChunkedArray) -> pa.Array:
    """A column's only chunk as it is, or all of them in one."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _encoded(array: pa.Array) -> pa.Array:
    """Text as a dictionary, even if it was read as text, so that all row groups give one type."""
    return array.dictionary_encode() if _is_text(array.type) else array


def _is_text(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_string(dtype) or pa.types.is_large_string(dtype))


def _without_columns(row_count: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_struct_array(pa.nulls(row_count, pa.struct([])))


def _rows_of(mask: pa.BooleanArray) -> Rows:
    """The rows of a mask without nulls: None for all, a slice if they are contiguous."""
    inside = np.flatnonzero(mask.to_numpy(zero_copy_only=False))
    if len(inside) == len(mask):
        return None
    if not len(inside):
        return slice(0, 0)
    first, stop = int(inside[0]), int(inside[-1]) + 1
    return slice(first, stop) if stop - first == len(inside) else mask


def _kept(array: pa.Array, rows: Rows) -> pa.Array:
    if rows is None:
        return array
    return array[rows] if isinstance(rows, slice) else array.filter(rows)


def _repeated_key(group: RowGroup, name: str, dtype: pa.DataType) -> pa.Array:
    """The value that a folder's name gives to all rows of the group."""
    keys = pads.get_partition_keys(group.fragment.partition_expression)
    return pa.repeat(pa.scalar(keys.get(name), dtype), group.rows)


def count_rows(group: RowGroup, rows: Rows) -> int:
    """The number of the group's rows that are kept."""
    if rows is None:
        return group.rows
    if isinstance(rows, slice):
        return int(rows.stop - rows.start)
    return int(pc.sum(rows).as_py() or 0)
