"""Prune a dataset to the files, row groups and columns that a window needs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.dataset as pads

from monitors.sources.datasets import Dataset, file_schema, open_dataset, unified_schema
from monitors.sources.policy import SourcePolicy
from monitors.sources.source_errors import SchemaMismatch, translated
from monitors.sources.time_filters import check_bounds, outside_filter, window_filter


@dataclass(frozen=True, slots=True)
class Timeframe:
    """The rows asked for: `start <= column < end`, or all rows when there is no column."""

    column: str | None
    start: datetime | None
    end: datetime | None

    def condition(self, schema: pa.Schema) -> pads.Expression | None:
        """The rows inside; None for all.

        Raises:
            SchemaMismatch: If the column is missing, or neither a timestamp nor a date.
        """
        if self.column is None:
            return None
        if self.column not in schema.names:
            raise SchemaMismatch(f"The data has no timestamp column ‘{self.column}’.")
        return window_filter(self.column, schema.field(self.column).type, self.start, self.end)

    def opposite(self, schema: pa.Schema) -> pads.Expression | None:
        """The rows outside; None if there can be none."""
        if self.column is None:
            return None
        return outside_filter(self.column, schema.field(self.column).type, self.start, self.end)


@dataclass(frozen=True, slots=True)
class NarrowedDataset:
    """The pruned dataset of a window; only the names and footers of its files have been read.

    Attributes:
        fragments: The files, with the row groups of Parquet, that can hold rows of the window.
        schema: One schema for the columns returned and the timestamp column.
        columns: The columns returned, in the order wanted.
    """

    dataset: Dataset
    fragments: tuple[pads.Fragment, ...]
    schema: pa.Schema
    columns: tuple[str, ...]
    timeframe: Timeframe


def narrow(
    uri: str,
    policy: SourcePolicy,
    columns: Sequence[str] | None,
    timestamp_column: str | None,
    start: datetime | None,
    end: datetime | None,
) -> NarrowedDataset:
    """Prune the dataset behind a URI; the arguments and errors are those of `read_window`."""
    check_bounds(start, end)
    if timestamp_column is None and (start is not None or end is not None):
        raise ValueError("a bounded window needs a timestamp column")
    timeframe = Timeframe(timestamp_column, start, end)
    dataset = open_dataset(uri, policy)
    with translated(uri):
        fragments, schema = _narrow(dataset, columns, timeframe)
    names = (
        schema.names
        if columns is None
        else [name for name in dict.fromkeys(columns) if name in schema.names]
    )
    return NarrowedDataset(dataset, fragments, schema, tuple(names), timeframe)


def _narrow(
    dataset: Dataset, columns: Sequence[str] | None, timeframe: Timeframe
) -> tuple[tuple[pads.Fragment, ...], pa.Schema]:
    """The files and row groups that can hold rows of the window, and their one schema."""
    fragments, is_key = dataset.fragments, timeframe.column in dataset.partitions.names
    if is_key and (by_folder := timeframe.condition(dataset.partitions)) is not None:
        fragments = dataset.prune(by_folder)
    schema = unified_schema(
        dataset, fragments or dataset.fragments[-1:], columns=_needed(columns, timeframe)
    )
    if timeframe.condition(schema) is not None and dataset.format.has_row_groups and not is_key:
        subsets = (_row_groups_within(dataset, fragment, timeframe) for fragment in fragments)
        fragments = tuple(fragment for fragment in subsets if fragment is not None)
    return fragments, schema


def _needed(columns: Sequence[str] | None, timeframe: Timeframe) -> Collection[str] | None:
    if columns is None:
        return None
    return set(columns) if timeframe.column is None else {*columns, timeframe.column}


def _row_groups_within(
    dataset: Dataset, fragment: pads.Fragment, timeframe: Timeframe
) -> pads.Fragment | None:
    """The row groups whose statistics do not exclude the window.

    They are compared in the file's own timestamp type.
    """
    schema = file_schema(dataset, fragment)
    if timeframe.column not in schema.names:
        return None
    subset = fragment.subset(timeframe.condition(schema), schema=schema)
    return subset if subset.row_groups else None
