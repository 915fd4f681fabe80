"""Prune a dataset to the files, row groups and columns that a window needs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.dataset as pads

from monitors.sources.datasets import Dataset, file_schema, open_dataset, unified_schema
from monitors.sources.source_errors import translated
from monitors.sources.time_filters import Timeframe
from monitors.sources.window_spec import WindowSpec


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


def narrow(window: WindowSpec) -> NarrowedDataset:
    """Prune the dataset behind a URI; the errors are those of `read_window`."""
    timeframe = window.timeframe
    dataset = open_dataset(window.uri, window.policy)
    with translated(window.uri):
        schema, fragments = _prune_files(dataset, window)
        fragments = _prune_row_groups(dataset, fragments, schema, timeframe)
    return NarrowedDataset(dataset, fragments, schema, _returned(window.columns, schema), timeframe)


def _prune_files(
    dataset: Dataset, window: WindowSpec
) -> tuple[pa.Schema, tuple[pads.Fragment, ...]]:
    """The files whose folders do not exclude the window, and their one schema.

    If no file is left, the last one still says which columns and types there are.
    """
    fragments = _files_within(dataset, window.timeframe)
    described = fragments or dataset.fragments[-1:]
    return unified_schema(dataset, described, columns=_needed(window)), fragments


def _files_within(dataset: Dataset, timeframe: Timeframe) -> tuple[pads.Fragment, ...]:
    """The files whose folders do not exclude the window."""
    if not dataset.has_key(timeframe.column):
        return dataset.fragments
    condition = timeframe.condition(dataset.partitions)
    return dataset.fragments if condition is None else dataset.prune(condition)


def _prune_row_groups(
    dataset: Dataset,
    fragments: tuple[pads.Fragment, ...],
    schema: pa.Schema,
    timeframe: Timeframe,
) -> tuple[pads.Fragment, ...]:
    """The files, with the row groups that can hold rows of the window."""
    if timeframe.condition(schema) is None or dataset.has_key(timeframe.column):
        return fragments
    if not dataset.format.has_row_groups:
        return fragments
    subsets = (_row_groups_within(dataset, fragment, timeframe) for fragment in fragments)
    return tuple(filter(None, subsets))


def _needed(window: WindowSpec) -> Collection[str] | None:
    if window.columns is None:
        return None
    return {*window.columns, *filter(None, [window.timestamp_column])}


def _returned(columns: Sequence[str] | None, schema: pa.Schema) -> tuple[str, ...]:
    """The columns asked for that the data have, each once, in the order wanted."""
    if columns is None:
        return tuple(schema.names)
    return tuple(name for name in dict.fromkeys(columns) if name in schema.names)


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
