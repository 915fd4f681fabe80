"""Read a window of data at once, or lazily: a column, a batch or a part at a time."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from types import TracebackType
from typing import Self, cast

import pyarrow as pa
import pyarrow.dataset as pads

from monitors.sources.csv_windows import read_csv, settle, stream_csv
from monitors.sources.file_counts import FileCounts
from monitors.sources.formats import SkippedFile
from monitors.sources.local_files import is_local
from monitors.sources.pruning import NarrowedDataset, narrow
from monitors.sources.row_group_sizes import RowGroup, list_row_groups
from monitors.sources.row_groups import (
    RowGroupReader,
    Rows,
    count_rows,
    list_kept,
    needs_pieces,
)
from monitors.sources.scans import BYTES_PER_VALUE, Scan, refuse_too_large, scan_of, within_budget
from monitors.sources.source_errors import (
    ColumnMismatch,
    ColumnRetyped,
    RetypedReason,
    SchemaMismatch,
    SourceChanged,
)
from monitors.sources.text_times import write_in_utc
from monitors.sources.window_parts import Part, Piece, group_pieces
from monitors.sources.window_spec import WindowSpec


def read_window(spec: WindowSpec) -> pa.Table:
    """The rows with `start <= timestamp < end`, in file order.

    Raises:
        SourceError: A subclass that says what is wrong; `is_transient` says if a retry may help.
        ValueError: If a bound is naive, the bounds are reversed, or a bound is given without a
            timestamp column.
    """
    return read_counted_window(spec)[0]


def read_counted_window(spec: WindowSpec) -> tuple[pa.Table, FileCounts]:
    """The rows of a window, and its files; the errors are those of `read_window`."""
    narrowed = narrow(spec)
    if reasons := [narrowed.unusable[name] for name in narrowed.named if name in narrowed.unusable]:
        raise SchemaMismatch(" ".join(reasons))
    table, unusable = _read_whole(narrowed, spec.policy.max_window_bytes)
    if unusable:
        raise SchemaMismatch(" ".join(unusable.values()))
    for name in narrowed.times_in_text:
        column = write_in_utc(table.column(name), spec.zone)
        table = table.set_column(table.column_names.index(name), name, column)
    return table, FileCounts.of(narrowed)


def _read_whole(narrowed: NarrowedDataset, max_bytes: int) -> tuple[pa.Table, Mapping[str, str]]:
    """All columns that can be read, and the reasons against the others."""
    if narrowed.dataset.format.types_are_guessed:
        found = read_csv(narrowed, max_bytes)
        return found.table, found.unusable
    scan = scan_of(narrowed, max_bytes)
    if narrowed.dataset.format.has_row_groups:
        groups = list_row_groups(narrowed)
        if needs_pieces(groups, max_bytes):
            return _read_in_pieces(narrowed, scan, groups), {}
    return scan.read_or_explain(), {}


def _read_in_pieces(narrowed: NarrowedDataset, scan: Scan, groups: Sequence[RowGroup]) -> pa.Table:
    """All columns of row groups whose values may be more than their bytes say."""
    with closing(RowGroupReader(narrowed, scan.max_bytes)) as reader:
        kept = list_kept(reader, groups)
        scan.refuse_rows(sum(count_rows(group, rows) for group, rows in kept))
        pieces = (reader.pieces(group, rows, narrowed.columns) for group, rows in kept)
        return scan.collect(chain.from_iterable(pieces))


@dataclass(frozen=True, slots=True)
class PartialBatch:
    """A record batch of a window in which some columns cannot be read.

    Attributes:
        batch: The columns that can.
        column_names: All columns of the window.
        unusable: The columns that cannot be read, each with the reason.
    """

    batch: pa.RecordBatch
    column_names: list[str]
    unusable: Mapping[str, str]

    @property
    def num_rows(self) -> int:
        """Rows of the batch."""
        return int(self.batch.num_rows)

    def column(self, name: str) -> pa.Array:
        """One column.

        Raises:
            ColumnMismatch: If it cannot be read.
        """
        refuse_unusable(name, self.unusable)
        return self.batch.column(name)


def refuse_unusable(name: str, unusable: Mapping[str, str]) -> None:
    """Refuse a column that cannot be read.

    Raises:
        ColumnMismatch: With the reason.
    """
    if name not in unusable:
        return
    reason = unusable[name]
    raise ColumnRetyped(reason) if isinstance(reason, RetypedReason) else ColumnMismatch(reason)


@dataclass(eq=False)
class LazyWindow:
    """Rows with `start <= timestamp < end`, under the names that `pyarrow.Table` uses.

    Parquet on a local disk is read a column at a time, from the disk's cache. A read from an object
    store is slow, and other formats are not laid out by column: there, `column` reads the whole
    window the first time. `batches` never holds more than a row group or a block.
    """

    narrowed: NarrowedDataset
    max_bytes: int

    def __post_init__(self) -> None:
        self._reader = RowGroupReader(self.narrowed, self.max_bytes)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reader.close()

    @property
    def column_names(self) -> list[str]:
        """The columns asked for that the data have; reading one of them may fail."""
        return list(self.narrowed.named)

    @property
    def held_columns(self) -> tuple[str, ...]:
        """All columns of the data, also those not asked for; no index of a data frame."""
        return self.narrowed.held_columns

    @property
    def files_skipped(self) -> tuple[SkippedFile, ...]:
        """The files of the folder that are no part of the dataset."""
        return self.narrowed.dataset.skipped

    @property
    def files(self) -> FileCounts:
        """The files that are read for the window, and those that are skipped."""
        return FileCounts.of(self.narrowed)

    @property
    def num_rows(self) -> int:
        """Rows of the window; may read the timestamps."""
        if not self.is_by_column:
            return int(self._whole[0].num_rows)
        return sum(count_rows(group, rows) for group, rows in self._kept)

    @property
    def is_text(self) -> bool:
        """True if the files say nothing of types."""
        return self.narrowed.dataset.format.types_are_guessed

    @property
    def is_by_column(self) -> bool:
        """True if a column can be read without the others."""
        return self._has_row_groups and is_local(self.narrowed.dataset.filesystem)

    @property
    def bytes_at_most(self) -> int:
        """Bytes of the window by its footers and file sizes, uncompressed for Parquet."""
        if self._has_row_groups:
            return sum(group.bytes for group in self._row_groups)
        return sum(self._sizes[fragment.path] for fragment in self.narrowed.fragments)

    def column(self, name: str) -> pa.ChunkedArray:
        """One column, in chunks as `chunks` gives them; safe to call from several threads at once.

        Raises:
            SourceError: If it cannot be read, or takes more memory than the policy allows.
        """
        what = f"The column ‘{name}’ holds more than"
        allowed = within_budget(self.chunks(name), self.max_bytes, what)
        return pa.chunked_array(list(allowed))

    def chunks(self, name: str) -> Iterator[pa.Array]:
        """One column's row groups, in pieces where they are large, or blocks, at least one.

        Each is read in its turn.

        Raises:
            SourceError: If it cannot be read, or takes more memory than the policy allows.
        """
        refuse_unusable(name, self.narrowed.unusable)
        chunks = self._stored_chunks(name)
        if name in self.narrowed.times_in_text:
            zone = self.narrowed.timeframe.zone
            chunks = (write_in_utc(chunk, zone) for chunk in chunks)
        yield from chunks

    def _stored_chunks(self, name: str) -> Iterator[pa.Array]:
        if self.is_by_column:
            self._refuse_long_column()
            yield from self._chunks_by_row_group(name)
        else:
            table, unusable = self._whole
            refuse_unusable(name, unusable)
            yield from _chunks_of(table.column(name))

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The window in batches that are not empty, one per row group or block of a file.

        A column that cannot be read raises its reason when it is taken from a batch.
        """
        batches, unusable = self._usable_batches()
        if self.narrowed.times_in_text:
            batches = map(self._with_times_in_utc, batches)
        if not unusable:
            yield from batches
            return
        for batch in batches:
            yield cast("pa.RecordBatch", PartialBatch(batch, self.column_names, unusable))

    def _with_times_in_utc(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        for name in self.narrowed.times_in_text:
            position = batch.schema.get_field_index(name)
            if position >= 0:
                column = write_in_utc(batch.column(position), self.narrowed.timeframe.zone)
                batch = batch.set_column(position, name, column)
        return batch

    def _usable_batches(self) -> tuple[Iterator[pa.RecordBatch], Mapping[str, str]]:
        """The batches of the columns that can be read, and the reasons against the others."""
        narrowed = self.narrowed
        if self._has_row_groups:
            found = (self._reader.batches(group, rows) for group, rows in self._kept)
            return chain.from_iterable(found), narrowed.unusable
        if narrowed.dataset.format.types_are_guessed:
            plan = settle(narrowed)
            return stream_csv(plan), {**narrowed.unusable, **plan.unusable}
        return scan_of(narrowed, self.max_bytes).stream(), narrowed.unusable

    def parts(self, target_bytes: int) -> list[Part]:
        """The window divided into parts of about `target_bytes`, by row group or else by file.

        CSV stays whole: the type of a column may depend on a value in any of the files.
        """
        pieces = self._row_group_pieces() if self._has_row_groups else self._file_pieces()
        if self.narrowed.dataset.format.types_are_guessed:
            target_bytes = sum(size for _, size in pieces)
        return list(group_pieces(pieces, target_bytes))

    def restrict(self, part: Part) -> Self:
        """The same window with the part's files and row groups alone.

        Raises:
            SourceChanged: If one of the files has changed.
        """
        name_of = self.narrowed.dataset.name_of
        files = {name_of(fragment): fragment for fragment in self.narrowed.fragments}
        for piece in part.pieces:
            self._refuse_changed(piece, files.get(piece.file))
        chosen = part.row_groups_by_file().items()
        kept = tuple(_only(files[name], groups, name) for name, groups in chosen)
        return replace(self, narrowed=replace(self.narrowed, fragments=kept))

    def _refuse_changed(self, piece: Piece, fragment: pads.Fragment | None) -> None:
        if fragment is None or self._sizes[fragment.path] != piece.size:
            raise SourceChanged(_changed(piece.file))

    def _refuse_long_column(self) -> None:
        rows = self.num_rows
        what = f"One column of the window takes {rows:,} rows,"
        refuse_too_large(what, rows * BYTES_PER_VALUE, self.max_bytes)

    def _chunks_by_row_group(self, name: str) -> Iterator[pa.Array]:
        if not self._kept:
            yield pa.array([], self.narrowed.schema.field(name).type)
        for group, rows in self._kept:
            yield from self._reader.chunks(group, name, rows)

    def _row_group_pieces(self) -> list[tuple[Piece, int]]:
        """Each row group with its bytes."""
        names, sizes = self.narrowed.dataset.names, self._sizes
        return [
            (Piece(names[group.path], sizes[group.path], group.number), group.bytes)
            for group in self._row_groups
        ]

    def _file_pieces(self) -> list[tuple[Piece, int]]:
        """Each file with its bytes."""
        names, sizes = self.narrowed.dataset.names, self._sizes
        paths = [fragment.path for fragment in self.narrowed.fragments]
        return [(Piece(names[path], sizes[path], None), sizes[path]) for path in paths]

    @property
    def _has_row_groups(self) -> bool:
        return self.narrowed.dataset.format.has_row_groups

    @cached_property
    def _sizes(self) -> dict[str, int]:
        return {file.path: file.size for file in self.narrowed.dataset.files}

    @cached_property
    def _row_groups(self) -> list[RowGroup]:
        return list_row_groups(self.narrowed)

    @property
    def _kept(self) -> list[tuple[RowGroup, Rows]]:
        with self._lock:
            return self._kept_once

    @cached_property
    def _kept_once(self) -> list[tuple[RowGroup, Rows]]:
        return list_kept(self._reader, self._row_groups)

    @property
    def _whole(self) -> tuple[pa.Table, Mapping[str, str]]:
        with self._lock:
            return self._whole_once

    @cached_property
    def _whole_once(self) -> tuple[pa.Table, Mapping[str, str]]:
        return _read_whole(self.narrowed, self.max_bytes)


def open_window(spec: WindowSpec) -> LazyWindow:
    """Find the files and row groups of a window, from footers alone.

    The errors are those of `read_window`.
    """
    return LazyWindow(narrow(spec), spec.policy.max_window_bytes)


def _chunks_of(column: pa.ChunkedArray) -> list[pa.Array]:
    """The chunks, at least one."""
    return column.chunks or [pa.array([], column.type)]


def _only(fragment: pads.Fragment, groups: list[int], name: str) -> pads.Fragment:
    """The file, or some of the row groups that the window left of it."""
    if not groups:
        return fragment
    if not set(groups) <= {group.id for group in fragment.row_groups}:
        raise SourceChanged(_changed(name))
    return fragment.subset(row_group_ids=groups)


def _changed(name: str) -> str:
    return f"‘{name}’ has changed while the window was read."
