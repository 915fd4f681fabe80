"""One window of data, read once: only the rows, row groups, files and columns that are needed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.dataset as pads

from monitors.sources.datasets import Dataset, file_schema, open_dataset, unified_schema
from monitors.sources.errors import PYARROW_ERRORS, SchemaMismatch, translated
from monitors.sources.formats import FileFormat
from monitors.sources.instants import check_bounds, window_filter
from monitors.sources.policy import SourcePolicy
from monitors.sources.scans import Scan
from monitors.sources.text import widened


@dataclass(frozen=True, slots=True)
class _Window:
    """The rows asked for: `start <= column < end`, or all rows when there is no column."""

    column: str | None
    start: datetime | None
    end: datetime | None

    def condition(self, schema: pa.Schema) -> pads.Expression | None:
        if self.column is None:
            return None
        if self.column not in schema.names:
            raise SchemaMismatch(f"The data has no timestamp column ‘{self.column}’.")
        return window_filter(self.column, schema.field(self.column).type, self.start, self.end)


def read_window(
    uri: str,
    policy: SourcePolicy,
    columns: Sequence[str] | None = None,
    timestamp_column: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> pa.Table:
    """The rows with `start <= timestamp < end`, in file order.

    Args:
        columns: Names to read, in the order wanted; names that the data does not have are absent from the result.
            None reads all. The timestamp column is returned only if it is among them.
        timestamp_column: A timestamp (without a zone it is UTC) or a date (its midnight in UTC). It may be a
            partition key, and then folders outside the window are not opened.
        start: Inclusive and aware; None is unbounded.
        end: Exclusive and aware; None is unbounded. Rows with a null timestamp are in no bounded window.

    Raises:
        SourceError: A subclass that says what is wrong; `is_transient` says whether a retry may help.
        ValueError: If a bound is naive, the bounds are reversed, or a bound is given without a timestamp column.
    """
    check_bounds(start, end)
    if timestamp_column is None and (start is not None or end is not None):
        raise ValueError("a bounded window needs a timestamp column")
    window = _Window(timestamp_column, start, end)
    dataset = open_dataset(uri, policy)
    with translated(uri):
        fragments, schema = _narrow(dataset, columns, window)
    names = schema.names if columns is None else [name for name in dict.fromkeys(columns) if name in schema.names]
    while True:
        scan = Scan(dataset, fragments, schema, tuple(names), window.condition(schema), policy.max_window_bytes)
        try:
            return scan.read()
        except PYARROW_ERRORS as error:
            schema = _widen_or_raise(scan, error)


def _narrow(
    dataset: Dataset, columns: Sequence[str] | None, window: _Window
) -> tuple[tuple[pads.Fragment, ...], pa.Schema]:
    """The files and row groups that can hold rows of the window, and the one schema of the columns needed."""
    fragments, is_key = dataset.fragments, window.column in dataset.partitions.names
    if is_key and (by_folder := window.condition(dataset.partitions)) is not None:
        fragments = dataset.prune(by_folder)
    schema = unified_schema(dataset, fragments or dataset.fragments[-1:], columns=_needed(columns, window))
    if window.condition(schema) is not None and dataset.format is FileFormat.PARQUET and not is_key:
        subsets = (_row_groups_within(dataset, fragment, window) for fragment in fragments)
        fragments = tuple(fragment for fragment in subsets if fragment is not None)
    return fragments, schema


def _needed(columns: Sequence[str] | None, window: _Window) -> Collection[str] | None:
    if columns is None:
        return None
    return set(columns) if window.column is None else {*columns, window.column}


def _row_groups_within(dataset: Dataset, fragment: pads.Fragment, window: _Window) -> pads.Fragment | None:
    """The row groups whose statistics do not exclude the window, compared in the file's own timestamp type."""
    schema = file_schema(dataset, fragment)
    if window.column not in schema.names:
        return None
    subset = fragment.subset(window.condition(schema), schema=schema)
    return subset if subset.row_groups else None


def _widen_or_raise(scan: Scan, error: Exception) -> pa.Schema:
    """The schema to try again with, when a CSV value further down does not fit the type of the first block."""
    fragment, error = scan.find_culprit(error)
    name = scan.dataset.uri if fragment is None else scan.dataset.names[fragment.path]
    with translated(name):
        schema = None
        if fragment is not None and scan.dataset.format is FileFormat.CSV:
            schema = widened(scan.schema, file_schema(scan.dataset, fragment).names, str(error))
        if schema is None:
            raise error
    return schema
