"""Scan the files once, within a budget of memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
        batches, size = [], 0
        for batch in self._batches(self.fragments):
            size += batch.nbytes
            if size > self.max_bytes:
                raise WindowTooLarge(too_large("The window holds more than", size, self.max_bytes))
            batches.append(batch)
        return pa.Table.from_batches(
            batches, schema=pa.schema([self.schema.field(name) for name in self.columns])
        )

    def stream(self) -> Iterator[pa.RecordBatch]:
        """The window in batches by file and block, none of them empty, without a limit.

        Raises:
            SourceError: Naming the file.
        """
        for fragment in self.fragments:
            # One file at a time, so that a batch never depends on the other files of the read.
            with translated(self.dataset.names[fragment.path]):
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
                for _ in self._batches([fragment]):
                    pass
            except PYARROW_ERRORS as again:
                return fragment, again
        return None, error

    def _batches(self, fragments: Sequence[pads.Fragment]) -> Iterator[pa.RecordBatch]:
        source = self.dataset.combine(fragments, self.schema)
        if not (self.dataset.format.needs_validation or self._has_mixed_zones(fragments)):
            columns = {name: pads.field(name) for name in self.columns}
            yield from source.to_batches(columns=columns, filter=self.condition, use_threads=True)
            return
        # The kernels trust the offsets in an Arrow file: a forged one would crash the worker.
        for batch in source.to_batches(
            columns={name: pads.field(name) for name in self.schema.names}
        ):
            batch.validate(full=self.dataset.format.needs_validation)
            kept = batch if self.condition is None else batch.filter(self.condition)
            yield kept.select(list(self.columns))

    def _refuse_too_many_rows(self) -> None:
        """Refuse on the estimate rows x columns x 8 bytes, if the footers give it."""
        per_row = len(self.columns) * BYTES_PER_VALUE
        rows = self._rows_at_most()
        if rows is None or rows * per_row <= self.max_bytes:
            return
        if self.condition is not None:
            if self._has_mixed_zones(self.fragments):
                return
            rows = self.dataset.combine(self.fragments, self.schema).count_rows(
                filter=self.condition
            )
        if rows * per_row > self.max_bytes:
            what = f"The window holds {rows:,} rows of {len(self.columns)} columns, about"
            raise WindowTooLarge(too_large(what, rows * per_row, self.max_bytes))

    def _has_mixed_zones(self, fragments: Sequence[pads.Fragment]) -> bool:
        """True if a Parquet file has no zone but the condition has one.

        pyarrow cannot compare the statistics of such a file with the condition.
        """
        if self.condition is None or not self.dataset.format.has_row_groups:
            return False
        zoned = {
            field.name
            for field in self.schema
            if pa.types.is_timestamp(field.type) and field.type.tz
        }
        return any(
            pa.types.is_timestamp(field.type) and field.type.tz is None
            for fragment in fragments
            for field in fragment.physical_schema
            if field.name in zoned
        )

    def _rows_at_most(self) -> int | None:
        footer_rows = self.dataset.format.footer_rows
        if footer_rows is None:
            return None
        # Without row groups, a condition can only be counted by a read of the data.
        if self.condition is not None and not self.dataset.format.has_row_groups:
            return None
        return sum(footer_rows(fragment) for fragment in self.fragments)


def too_large(what: str, size: int, limit: int) -> str:
    """A sentence with both numbers, in binary units, and a way out."""
    return (
        f"{what} {_human(size)}; the limit is {_human(limit)}. "
        "Choose a shorter window or fewer columns."
    )


def _human(size: int) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB else f"{size / _MIB:.1f} MiB"
