"""Scan the files once, within a budget of memory."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import pyarrow as pa
import pyarrow.dataset as pads

from monitors.sources.casts import to_common_types
from monitors.sources.datasets import Dataset, explain_file, file_schema
from monitors.sources.policy import GIB
from monitors.sources.pruning import NarrowedDataset
from monitors.sources.source_errors import (
    PYARROW_ERRORS,
    SourceUnavailable,
    WindowTooLarge,
    to_source_error,
)
from monitors.sources.time_filters import Timeframe

BYTES_PER_VALUE = 8
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
        batches = self._batches(self.fragments)
        allowed = within_budget(batches, self.max_bytes, "The window holds more than")
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
        if isinstance(to_source_error(error, self.dataset.uri), SourceUnavailable):
            return None, error
        for fragment in self.fragments:
            try:
                replace(self, fragments=(fragment,)).check()
            except PYARROW_ERRORS as again:
                return fragment, again
        return None, error

    def _batches(self, fragments: Sequence[pads.Fragment]) -> Iterator[pa.RecordBatch]:
        wanted = self.schema_of(self.columns)
        for group in self._groups(fragments):
            for batch in self._stored_batches(group):
                yield to_common_types(batch, wanted, self.timeframe.zone)

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
        source = self.dataset.combine(group.fragments, group.schema)
        condition = self.timeframe.condition(group.schema)
        if self.dataset.format.needs_validation:
            yield from self._validated(source, condition)
            return
        columns = {name: pads.field(name) for name in self.columns}
        yield from source.to_batches(columns=columns, filter=condition, use_threads=True)

    def _validated(
        self, source: pads.Dataset, condition: pads.Expression | None
    ) -> Iterator[pa.RecordBatch]:
        """The batches, each validated before a kernel filters it.

        The kernels trust the offsets in an Arrow file: a forged one would crash the worker.
        """
        columns = {name: pads.field(name) for name in self.schema.names}
        for batch in source.to_batches(columns=columns):
            batch.validate(full=True)
            kept = batch if condition is None else batch.filter(condition)
            yield kept.select(list(self.columns))

    def _refuse_too_many_rows(self) -> None:
        """Refuse on the estimate rows x columns x 8 bytes, if the footers give it."""
        rows = self._rows_at_most()
        if rows is not None and self._bytes_of(rows) > self.max_bytes:
            rows = self._count_rows(rows)
            what = f"The window holds {rows:,} rows of {len(self.columns)} columns, about"
            refuse_too_large(what, self._bytes_of(rows), self.max_bytes)

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
