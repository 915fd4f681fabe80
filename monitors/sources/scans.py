"""Scan the files once, within a budget of memory."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.dataset as pads

from monitors.sources.datasets import Dataset
from monitors.sources.policy import GIB
from monitors.sources.source_errors import (
    PYARROW_ERRORS,
    SourceUnavailable,
    WindowTooLarge,
    to_source_error,
    translated,
)

BYTES_PER_VALUE = 8
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Scan:
    """One read: fragments under a schema, and the columns and rows that are returned.

    Attributes:
        condition: The rows; None for all.
        max_bytes: The most memory, in bytes, that the result may take.
    """

    dataset: Dataset
    fragments: tuple[pads.Fragment, ...]
    schema: pa.Schema
    columns: tuple[str, ...]
    condition: pads.Expression | None
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
        schema = pa.schema([self.schema.field(name) for name in self.columns])
        return pa.Table.from_batches(allowed, schema=schema)

    def stream(self) -> Iterator[pa.RecordBatch]:
        """The window in batches by file and block, none of them empty, without a limit.

        Raises:
            SourceError: Naming the file.
        """
        for fragment in self.fragments:
            # One file at a time, so that a batch never depends on the other files of the read.
            with translated(self.dataset.name_of(fragment)):
                for batch in self._batches([fragment]):
                    if batch.num_rows:
                        yield batch

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
        source = self.dataset.combine(fragments, self.schema)
        if self.dataset.format.needs_validation or self._has_mixed_zones(fragments):
            yield from self._validated(source)
            return
        columns = {name: pads.field(name) for name in self.columns}
        yield from source.to_batches(columns=columns, filter=self.condition, use_threads=True)

    def _validated(self, source: pads.Dataset) -> Iterator[pa.RecordBatch]:
        """The batches, each validated before a kernel filters it.

        The kernels trust the offsets in an Arrow file: a forged one would crash the worker.
        """
        columns = {name: pads.field(name) for name in self.schema.names}
        for batch in source.to_batches(columns=columns):
            batch.validate(full=self.dataset.format.needs_validation)
            kept = batch if self.condition is None else batch.filter(self.condition)
            yield kept.select(list(self.columns))

    def _refuse_too_many_rows(self) -> None:
        """Refuse on the estimate rows x columns x 8 bytes, if the footers give it."""
        rows = self._rows_at_most()
        if rows is not None and self._bytes_of(rows) > self.max_bytes:
            rows = self._count_rows(rows)
        if rows is not None:
            what = f"The window holds {rows:,} rows of {len(self.columns)} columns, about"
            refuse_too_large(what, self._bytes_of(rows), self.max_bytes)

    def _bytes_of(self, rows: int) -> int:
        return rows * len(self.columns) * BYTES_PER_VALUE

    def _count_rows(self, rows_at_most: int) -> int | None:
        """The rows of the window; None if they can only be counted by a read of the data."""
        if self.condition is None:
            return rows_at_most
        if self._has_mixed_zones(self.fragments):
            return None
        source = self.dataset.combine(self.fragments, self.schema)
        return int(source.count_rows(filter=self.condition))

    def _has_mixed_zones(self, fragments: Sequence[pads.Fragment]) -> bool:
        """True if a Parquet file has no zone but the condition has one.

        pyarrow cannot compare the statistics of such a file with the condition.
        """
        if self.condition is None or not self.dataset.format.has_row_groups:
            return False
        zoned = {field.name for field in self.schema if _has_zone(field.type)}
        stored = (field for fragment in fragments for field in fragment.physical_schema)
        return any(_lacks_zone(field.type) for field in stored if field.name in zoned)

    def _rows_at_most(self) -> int | None:
        footer_rows = self.dataset.format.footer_rows
        if footer_rows is None:
            return None
        # Without row groups, a condition can only be counted by a read of the data.
        if self.condition is not None and not self.dataset.format.has_row_groups:
            return None
        return sum(footer_rows(fragment) for fragment in self.fragments)


def _has_zone(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(dtype) and dtype.tz)


def _lacks_zone(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(dtype) and dtype.tz is None)


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
