"""Scan the files once, within a budget of memory."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.fs as pafs

from monitors.sources.arrow_bodies import FileSize, measure_file
from monitors.sources.casts import to_common_types
from monitors.sources.datasets import Dataset, explain_file, file_schema
from monitors.sources.endable_files import EndableFiles
from monitors.sources.plain_sizes import PIECE_BYTES, split_plain
from monitors.sources.policy import GIB
from monitors.sources.pruning import NarrowedDataset
from monitors.sources.source_errors import (
    PYARROW_ERRORS,
    SourceUnavailable,
    WindowTooLarge,
    to_source_error,
)
from monitors.sources.source_limits import refuse_inflated
from monitors.sources.time_filters import Timeframe

BYTES_PER_VALUE = 8
BLOCK_BYTES = 1 << 20
"""As much text as pyarrow parses at once. No block has so many rows."""
MOST_AHEAD, FILES_AHEAD = 16, 4
"""The record batches and files that pyarrow reads ahead, as by default."""
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class ScanGroup:
    """Files that are read together, and the types that they store."""

    schema: pa.Schema
    fragments: tuple[pads.Fragment, ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """One read: fragments under a schema, and the columns and rows that are returned.

    Attributes:
        timeframe: The rows.
        max_bytes: The most memory, in bytes, that the result may take.
    """

    dataset: Dataset
    fragments: tuple[pads.Fragment, ...]
    schema: pa.Schema
    columns: tuple[str, ...]
    timeframe: Timeframe
    max_bytes: int

    def read(self) -> pa.Table:
        """Read the window.

        Raises:
            WindowTooLarge: Before the read, if the files' footers show too many rows; else during
                it, as soon as the bytes read are too many.
        """
        self._refuse_too_many_rows()
        self._refuse_many_bytes()
        return self.collect(self._stored(self.fragments))

    def collect(self, batches: Iterable[pa.RecordBatch]) -> pa.Table:
        """The window of some batches as they are stored.

        Raises:
            WindowTooLarge: As soon as their plain values are too many.
        """
        allowed = within_budget(self._plain(batches), self.max_bytes, "The window holds more than")
        return pa.Table.from_batches(allowed, schema=self.schema_of(self.columns))

    def read_or_explain(self) -> pa.Table:
        """Read the window; an error says which file is at fault.

        Raises:
            SourceError: A subclass that says what is wrong, and with which file.
        """
        try:
            return self.read()
        except PYARROW_ERRORS as error:
            fragment, again = self.find_culprit(error)
            if fragment is None:
                raise to_source_error(again, self.dataset.uri) from again
            raise explain_file(self.dataset, fragment, again) from again

    def stream(self) -> Iterator[pa.RecordBatch]:
        """The window in batches by file and block, none of them empty, without a limit.

        Raises:
            SourceError: Naming the file.
        """
        # One file at a time, so that a batch never depends on the other files of the read.
        for fragment in self.fragments:
            try:
                yield from (batch for batch in self._batches([fragment]) if batch.num_rows)
            except PYARROW_ERRORS as error:
                raise explain_file(self.dataset, fragment, error) from error

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All batches, without a limit; pyarrow's errors pass through."""
        return self._batches(self.fragments)

    def check(self) -> None:
        """Read everything and keep nothing; pyarrow's errors pass through."""
        for _ in self._batches(self.fragments):
            pass

    def find_culprit(self, error: Exception) -> tuple[pads.Fragment | None, Exception]:
        """The file that a scan failed on, and its error: pyarrow does not always name the file."""
        if isinstance(to_source_error(error, self.dataset.uri), SourceUnavailable | WindowTooLarge):
            return None, error
        for fragment in self.fragments:
            try:
                replace(self, fragments=(fragment,)).check()
            except PYARROW_ERRORS as again:
                return fragment, again
        return None, error

    def _batches(self, fragments: Sequence[pads.Fragment]) -> Iterator[pa.RecordBatch]:
        return self._plain(self._stored(fragments))

    def _stored(self, fragments: Sequence[pads.Fragment]) -> Iterator[pa.RecordBatch]:
        for group in self._groups(fragments):
            yield from self._stored_batches(group)

    def _plain(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches as common types, in pieces where a few bytes stand for many values."""
        wanted = self.schema_of(self.columns)
        for batch in batches:
            for piece in split_plain(batch):
                yield to_common_types(piece, wanted, self.timeframe.zone)

    def schema_of(self, columns: Iterable[str]) -> pa.Schema:
        """The schema of some of the columns, in their order."""
        return pa.schema([self.schema.field(name) for name in columns])

    def _groups(self, fragments: Sequence[pads.Fragment]) -> Iterator[ScanGroup]:
        """The files in their order, those that store the same types together.

        Each group is read in its own types, which pyarrow would convert without a loss or not at
        all, and its rows are chosen by its own timestamps.
        """
        by_schema = groupby(fragments, key=self._own_schema)
        return (ScanGroup(schema, tuple(files)) for schema, files in by_schema)

    def _own_schema(self, fragment: pads.Fragment) -> pa.Schema:
        if self.dataset.format.types_are_guessed:
            return self.schema
        stored = file_schema(self.dataset, fragment)
        held = set(stored.names) - set(self.dataset.partitions.names)
        return pa.schema([self._own_field(each, stored, held) for each in self.schema])

    def _own_field(self, wanted: pa.Field, stored: pa.Schema, held: Collection[str]) -> pa.Field:
        if wanted.name in held:
            return stored.field(wanted.name)
        is_key = self.dataset.has_key(wanted.name)
        return self.dataset.partitions.field(wanted.name) if is_key else wanted

    def _stored_batches(self, group: ScanGroup) -> Iterator[pa.RecordBatch]:
        condition = self.timeframe.condition(group.schema)
        if self.dataset.format.types_are_guessed:
            yield from self._text_batches(group, condition)
            return
        source = self.dataset.combine(group.fragments, group.schema)
        if self.dataset.format.needs_validation:
            yield from self._validated(group, source, condition)
        else:
            columns = {name: pads.field(name) for name in self.columns}
            for batch in source.to_batches(columns=columns, filter=condition, use_threads=True):
                self.dataset.meter.add(batch.nbytes)
                yield batch

    def _text_batches(
        self, group: ScanGroup, condition: pads.Expression | None
    ) -> Iterator[pa.RecordBatch]:
        """The batches of text, one for each block of it."""
        packed = [file.path for file in group.fragments if file.path.lower().endswith(".gz")]
        files = EndableFiles(self.dataset.filesystem)
        read_from = pafs.PyFileSystem(files) if packed else self.dataset.filesystem
        source = replace(self.dataset, filesystem=read_from).combine(group.fragments, group.schema)
        # Blocks are unpacked faster than they are parsed, and threads would let all of them wait in memory.
        found = source.to_batches(
            columns={name: pads.field(name) for name in self.columns},
            filter=condition,
            batch_size=BLOCK_BYTES,
            use_threads=not packed,
        )
        try:
            yield from self._blocks(group, packed, found)
        finally:
            files.end(close_scan=found.close)

    def _blocks(
        self, group: ScanGroup, packed: Sequence[str], found: Iterator[pa.RecordBatch]
    ) -> Iterator[pa.RecordBatch]:
        """The batches of text blocks, whose number says their bytes."""
        stored = sum(self.dataset.sizes[path] for path in packed)
        left = sum(self.dataset.sizes[file.path] for file in group.fragments)
        number = 0
        while True:
            # The block that cannot be read is counted before the error: it may come before any batch.
            self.dataset.meter.add(min(BLOCK_BYTES, left))
            left -= min(BLOCK_BYTES, left)
            batch = next(found, None)
            if batch is None:
                return
            number += 1
            if packed:
                limit = self.dataset.limits.inflated_text_bytes
                refuse_inflated(number * BLOCK_BYTES, stored, limit)
            yield batch

    def _validated(
        self, group: ScanGroup, source: pads.Dataset, condition: pads.Expression | None
    ) -> Iterator[pa.RecordBatch]:
        """The batches, each validated before a kernel filters it.

        The kernels trust the offsets in an Arrow file: a forged one would crash the worker.
        """
        columns = {name: pads.field(name) for name in self.schema.names}
        largest = self._largest_batch(group)
        ahead = min(MOST_AHEAD, self._batch_limit // max(largest, 1))
        for batch in source.to_batches(
            columns=columns, batch_readahead=ahead, fragment_readahead=min(ahead, FILES_AHEAD)
        ):
            self.dataset.meter.add(batch.nbytes)
            batch.validate(full=True)
            kept = batch if condition is None else batch.filter(condition)
            yield kept.select(list(self.columns))

    @property
    def _batch_limit(self) -> int:
        return max(self.max_bytes, PIECE_BYTES)

    def _largest_batch(self, group: ScanGroup) -> int:
        """Bytes of the largest record batch of the files once it is decompressed.

        Raises:
            WindowTooLarge: If one takes more memory than the window may.
            SourceTooLarge: If a few bytes stand for more values than the policy allows.
        """
        largest = 0
        for file in group.fragments:
            size = self._measure(file)
            what = f"One record batch of ‘{self.dataset.name_of(file)}’ takes"
            refuse_too_large(what, size.largest, self._batch_limit)
            largest = max(largest, size.largest)
        return largest

    def _measure(self, file: pads.Fragment) -> FileSize:
        """The sizes of an Arrow file's record batches before they are decompressed."""
        dataset, stored = self.dataset, file.physical_schema
        limits, filesystem = dataset.limits, dataset.filesystem
        size = measure_file(filesystem, file.path, stored, self.schema.names, limits=limits)
        values = sum(batch.rows for batch in size.batches) * len(self.schema)
        unpacked = max(size.bytes, values * BYTES_PER_VALUE)
        refuse_inflated(unpacked, dataset.sizes[file.path], limits.inflated_bytes)
        return size

    def _refuse_many_bytes(self) -> None:
        """Refuse Arrow files by the lengths of their buffers, if all rows are read."""
        if self.dataset.format.needs_validation and not self._is_filtered:
            size = sum(self._measure(file).bytes for file in self.fragments)
            refuse_too_large("The window holds about", size, self.max_bytes)

    def refuse_rows(self, rows: int) -> None:
        """Refuse a number of rows, on the estimate rows x columns x 8 bytes.

        Raises:
            WindowTooLarge: If they are too many.
        """
        what = f"The window holds {rows:,} rows of {len(self.columns)} columns, about"
        refuse_too_large(what, self._bytes_of(rows), self.max_bytes)

    def _refuse_too_many_rows(self) -> None:
        """Refuse on the estimate rows x columns x 8 bytes, if the footers give it."""
        rows = self._rows_at_most()
        if rows is not None and self._bytes_of(rows) > self.max_bytes:
            self.refuse_rows(self._count_rows(rows))

    def _bytes_of(self, rows: int) -> int:
        return rows * len(self.columns) * BYTES_PER_VALUE

    def _count_rows(self, rows_at_most: int) -> int:
        if not self._is_filtered:
            return rows_at_most
        return sum(map(self._count_group, self._groups(self.fragments)))

    def _count_group(self, group: ScanGroup) -> int:
        source = self.dataset.combine(group.fragments, group.schema)
        return int(source.count_rows(filter=self.timeframe.condition(group.schema)))

    @property
    def _is_filtered(self) -> bool:
        return self.timeframe.condition(self.schema) is not None

    def _rows_at_most(self) -> int | None:
        footer_rows = self.dataset.format.footer_rows
        if footer_rows is None:
            return None
        # Without row groups, a condition can only be counted by a read of the data.
        if self._is_filtered and not self.dataset.format.has_row_groups:
            return None
        return sum(footer_rows(fragment) for fragment in self.fragments)


def scan_of(narrowed: NarrowedDataset, max_bytes: int) -> Scan:
    """The scan that reads a window."""
    return Scan(
        narrowed.dataset,
        narrowed.fragments,
        narrowed.schema,
        narrowed.columns,
        narrowed.timeframe,
        max_bytes,
    )


def within_budget[Piece: pa.RecordBatch | pa.Array](
    pieces: Iterable[Piece], max_bytes: int, what: str
) -> Iterator[Piece]:
    """The pieces as they come, until they take more memory than allowed.

    Args:
        pieces: Batches of a window, or chunks of a column.
        max_bytes: The most memory, in bytes, that all may take.
        what: The subject of the sentence that refuses them.

    Raises:
        WindowTooLarge: As soon as the bytes are too many.
    """
    size = 0
    for piece in pieces:
        size += piece.nbytes
        refuse_too_large(what, size, max_bytes)
        yield piece


def refuse_too_large(what: str, size: int, limit: int) -> None:
    """Refuse a size above the limit, with both numbers in binary units and a way out.

    Raises:
        WindowTooLarge: If the size is above the limit.
    """
    if size > limit:
        raise WindowTooLarge(
            f"{what} {_human(size)}; the limit is {_human(limit)}. "
            "Choose a shorter window or fewer columns."
        )


def _human(size: int) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB else f"{size / _MIB:.1f} MiB"
