"""Read Parquet a row group at a time: all columns or one, and only the rows of a window.

A row group that is large once it is decoded is read in pieces; `row_group_sizes` says how large it is.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from monitors.sources.casts import to_common_type
from monitors.sources.formats.parquet_format import INT96_UNIT
from monitors.sources.local_files import is_local
from monitors.sources.plain_sizes import plain_bytes
from monitors.sources.pruning import NarrowedDataset
from monitors.sources.row_group_sizes import RowGroup, is_binary, is_text, leaves_of
from monitors.sources.scans import refuse_too_large
from monitors.sources.source_errors import translated

BUFFER_BYTES = 1 << 16
"""As much as stays in a processor's own cache until it has been decoded."""

LARGEST_PIECE = 256 << 20
"""A row group is decoded at once up to this size, and else in pieces of at most this size."""

COLUMN_PIECE = 64 << 20
"""A piece of one column alone: pyarrow takes several times its size while it decodes it. Texts that
come as codes are not divided further, as each piece repeats their dictionary."""

type Rows = slice | pa.BooleanArray | None


class RowGroupReader:
    """Reads row groups; each thread keeps its own open files, as handles are not safe to share."""

    def __init__(self, narrowed: NarrowedDataset, max_bytes: int) -> None:
        self._narrowed, self._max_bytes = narrowed, max_bytes
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
        masks = list(self._masks(group, timeframe.column))
        return _rows_of(masks[0] if len(masks) == 1 else pa.concat_arrays(masks))

    def _masks(self, group: RowGroup, name: str) -> Iterator[pa.BooleanArray]:
        """True for each row inside the window, at once or in pieces."""
        timeframe = self._narrowed.timeframe
        for stamps in self._read_stamps(group, name):
            if pa.types.is_null(stamps.type):
                yield pa.array(np.zeros(len(stamps), np.bool_))
            else:
                yield timeframe.mask(stamps).fill_null(False)

    def chunks(self, group: RowGroup, name: str, rows: Rows) -> Iterator[pa.Array]:
        """One column of the group's rows, in the type of the window's schema.

        A large one comes in pieces, so that who counts them never holds all. Text may be
        dictionary-encoded.
        """
        if group.rows_at_once([name], LARGEST_PIECE) >= group.rows:
            yield self._column(group, name, rows)
        else:
            most = LARGEST_PIECE if name in group.texts else min(COLUMN_PIECE, LARGEST_PIECE)
            yield from (piece.column(0) for piece in self.pieces(group, rows, [name], most))

    def _column(self, group: RowGroup, name: str, rows: Rows) -> pa.Array:
        return _kept(self._read(group, name), rows)

    def batches(self, group: RowGroup, rows: Rows) -> Iterator[pa.RecordBatch]:
        """All columns of the group's rows, at once if they are few enough."""
        names = list(self._narrowed.columns)
        if group.rows_at_once(names, LARGEST_PIECE) >= group.rows:
            yield self.batch(group, rows)
        else:
            yield from self.pieces(group, rows, names)

    def pieces(
        self, group: RowGroup, rows: Rows, names: Sequence[str], most: int | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Some columns of the group's rows, in batches of a bounded size that are not empty."""
        self._refuse_long_rows(group, names)
        leaves = self._leaves(group)
        stored = [leaf for name in names for leaf in leaves.get(name, [])]
        size = group.rows_at_once(names, most or LARGEST_PIECE)
        first = 0
        for number, table in self._stored_pieces(group, stored, size):
            held = _kept_of(rows, first, number)
            first += number
            arrays = [_kept(self._piece_of(group, table, name, number), held) for name in names]
            if arrays and len(arrays[0]):
                yield pa.record_batch(arrays, names=list(names))

    def _refuse_long_rows(self, group: RowGroup, names: Sequence[str]) -> None:
        """Refuse a column of which one row, the least that is decoded, can be too large."""
        most = max(self._max_bytes, LARGEST_PIECE)
        for name, size in group.sizes.items():
            if name in names:
                what = f"One row of the column ‘{name}’ takes up to"
                refuse_too_large(what, size.bytes_a_row(group.rows), most)

    def _stored_pieces(
        self, group: RowGroup, leaves: list[int], size: int
    ) -> Iterator[tuple[int, pa.Table]]:
        """The rows of each piece, and what the file stores of them."""
        if not leaves:
            for first in range(0, group.rows, size):
                yield min(size, group.rows - first), pa.table({})
            return
        with translated(self._narrowed.dataset.name_of(group.fragment)):
            reader = self._handle(group).reader
            found = reader.iter_batches(size, [group.number], leaves, use_threads=True)
            total = 0
            for batch in found:
                total += batch.num_rows
                self._narrowed.dataset.meter.add(batch.nbytes)
                yield batch.num_rows, pa.Table.from_batches([batch])
            if total != group.rows:
                raise _early_end(total, group)

    def _piece_of(self, group: RowGroup, table: pa.Table, name: str, rows: int) -> pa.Array:
        dataset = self._narrowed.dataset
        if dataset.has_key(name):
            return self._typed_key(group, name, rows)
        with translated(dataset.name_of(group.fragment)):
            if name not in table.column_names:
                return _encoded(pa.nulls(rows, self._narrowed.schema.field(name).type))
            return self._typed(table.column(name), name)

    def _typed(self, column: pa.ChunkedArray, name: str) -> pa.Array:
        wanted = self._narrowed.schema.field(name).type
        if is_binary(wanted):
            # Bytes are not kept as codes: they are weighed before they are repeated.
            size = sum(map(plain_bytes, column.chunks))
            refuse_too_large(f"The column ‘{name}’ holds about", size, self._max_bytes)
        return _as_type(column, wanted, self._narrowed.timeframe.zone)

    def _typed_key(self, group: RowGroup, name: str, rows: int) -> pa.Array:
        stored = self._narrowed.dataset.partitions.field(name).type
        wanted, zone = self._narrowed.schema.field(name).type, self._narrowed.timeframe.zone
        key = to_common_type(_key_of(group, name, stored), wanted, zone)
        return _repeated(key, rows)

    def batch(self, group: RowGroup, rows: Rows) -> pa.RecordBatch:
        """All columns of the group's rows."""
        names = list(self._narrowed.columns)
        if not names:
            return _without_columns(count_rows(group, rows))
        arrays = [self._column(group, name, rows) for name in names]
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
        dataset = self._narrowed.dataset
        if dataset.has_key(name):
            return self._typed_key(group, name, group.rows)
        with translated(dataset.name_of(group.fragment)):
            if name not in self._leaves(group):
                return _encoded(pa.nulls(group.rows, self._narrowed.schema.field(name).type))
            return self._typed(self._read_stored(group, name), name)

    def _read_stamps(self, group: RowGroup, name: str) -> Iterator[pa.Array]:
        """The timestamps in the file's own unit: a coarser one could move a row over a bound."""
        if self._narrowed.dataset.has_key(name):
            yield self._read(group, name)
            return
        size = group.rows_at_once([name], LARGEST_PIECE)
        with translated(self._narrowed.dataset.name_of(group.fragment)):
            if size >= group.rows:
                yield _as_one(self._read_stored(group, name))
                return
        for _, table in self._stored_pieces(group, self._leaves(group)[name], size):
            yield _as_one(table.column(name))

    def _read_stored(self, group: RowGroup, name: str) -> pa.ChunkedArray:
        # By position: `read_row_group(columns=["a"])` would read a column "a.b" too.
        reader, leaves = self._handle(group).reader, self._leaves(group)[name]
        table = reader.read_row_group(group.number, column_indices=leaves, use_threads=False)
        column = table.column(name)
        self._narrowed.dataset.meter.add(group.sizes[name].bytes)
        if len(column) != group.rows:
            raise _early_end(len(column), group)
        return column

    def _leaves(self, group: RowGroup) -> dict[str, list[int]]:
        if group.path not in self._leaves_by_path:
            self._leaves_by_path[group.path] = leaves_of(group.fragment)
        return self._leaves_by_path[group.path]

    def _handle(self, group: RowGroup) -> pq.ParquetFile:
        files: dict[tuple[str, ...], pq.ParquetFile] = self._handles.__dict__.setdefault("by", {})
        key = (group.path, *group.texts)
        if key not in files:
            files[key] = _open(self._narrowed, group)
            self._open.append(files[key])
        return files[key]


def _open(narrowed: NarrowedDataset, group: RowGroup) -> pq.ParquetFile:
    filesystem = narrowed.dataset.filesystem
    options: dict[str, Any] = {
        "read_dictionary": list(group.texts),
        "coerce_int96_timestamp_unit": INT96_UNIT,
        "metadata": group.fragment.metadata,
    }
    file = filesystem.open_input_file(group.path)
    if is_local(filesystem):
        # A memory map is a quarter faster, but a file that is cut short meanwhile would end the
        # process.
        return pq.ParquetFile(file, buffer_size=BUFFER_BYTES, pre_buffer=False, **options)
    return pq.ParquetFile(file, pre_buffer=True, **options)


def _as_type(column: pa.ChunkedArray, wanted: pa.DataType, zone: str) -> pa.Array:
    if is_binary(wanted):
        return _as_one(to_common_type(column, wanted, zone))
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
    return array.dictionary_encode() if is_text(array.type) else array


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


def _key_of(group: RowGroup, name: str, dtype: pa.DataType) -> pa.Array:
    """The value that a folder's name gives to all rows of the group, once."""
    keys = pads.get_partition_keys(group.fragment.partition_expression)
    return pa.array([keys.get(name)], dtype)


def _repeated(key: pa.Array, rows: int) -> pa.Array:
    """The only value of an array in each row; a text as the codes of a dictionary."""
    if not is_text(key.type):
        return pa.repeat(key[0], rows)
    codes = pa.nulls(rows, pa.int32()) if key.null_count else pa.array(np.zeros(rows, np.int32))
    return pa.DictionaryArray.from_arrays(codes, key)


def _kept_of(rows: Rows, first: int, number: int) -> Rows:
    """The kept rows of a piece of a group, counted from its first row."""
    if rows is None:
        return None
    if isinstance(rows, slice):
        start, stop = max(rows.start - first, 0), min(rows.stop - first, number)
        return slice(start, max(start, stop))
    return rows.slice(first, number)


def _early_end(rows: int, group: RowGroup) -> pa.ArrowInvalid:
    """The error about a file that ends early, which pyarrow takes for the end of its rows."""
    return pa.ArrowInvalid(f"{rows} rows where the footer says {group.rows}")


def needs_pieces(groups: Iterable[RowGroup], max_bytes: int) -> bool:
    """True if a few bytes of the row groups can stand for more than is read at once."""
    return any(group.bytes > LARGEST_PIECE or group.plain_at_most() > max_bytes for group in groups)


def list_kept(reader: RowGroupReader, groups: Iterable[RowGroup]) -> list[tuple[RowGroup, Rows]]:
    """The row groups that hold rows of the window, each with those rows."""
    found = [(group, reader.rows_inside(group)) for group in groups]
    return [(group, rows) for group, rows in found if count_rows(group, rows)]


def count_rows(group: RowGroup, rows: Rows) -> int:
    """The number of the group's rows that are kept."""
    if rows is None:
        return group.rows
    if isinstance(rows, slice):
        return int(rows.stop - rows.start)
    return int(pc.sum(rows).as_py() or 0)
