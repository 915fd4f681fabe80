"""Prune a dataset to the files, row groups and columns that a window needs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa
import pyarrow.dataset as pads

from algorithms.library.index_columns import find_index_columns
from monitors.sources.column_types import ColumnType
from monitors.sources.datasets import (
    Dataset,
    file_schema,
    open_dataset,
    read_schemas,
    unify_files,
)
from monitors.sources.local_times import UTC_ZONE
from monitors.sources.schemas import UnifiedSchema
from monitors.sources.source_errors import PYARROW_ERRORS, SchemaMismatch, translated
from monitors.sources.time_filters import Timeframe
from monitors.sources.window_spec import WindowSpec


@dataclass(frozen=True, slots=True)
class NarrowedDataset:
    """The pruned dataset of a window; only the names and footers of its files have been read.

    Attributes:
        fragments: The files, with the row groups of Parquet, that can hold rows of the window.
        schema: One schema for the columns that can be read and the timestamp column.
        columns: The columns that can be read, in the order wanted.
        named: All columns asked for that the data have, in the order wanted.
        unusable: The columns that cannot be read, each with the reason.
        types: How columns of text are read; the others are guessed in CSV.
        sensitive: The columns whose values no reason quotes.
    """

    dataset: Dataset
    fragments: tuple[pads.Fragment, ...]
    schema: pa.Schema
    columns: tuple[str, ...]
    timeframe: Timeframe
    named: tuple[str, ...]
    unusable: Mapping[str, str]
    types: Mapping[str, ColumnType]
    sensitive: frozenset[str]

    @property
    def index_columns(self) -> tuple[str, ...]:
        """The columns that are the index of a data frame in one of the files."""
        is_text = self.dataset.format.types_are_guessed
        schemas = (fragment.physical_schema for fragment in self.fragments)
        found = (find_index_columns(schema, is_text=is_text) for schema in schemas)
        return tuple(dict.fromkeys(chain.from_iterable(found)))

    @property
    def held_columns(self) -> tuple[str, ...]:
        """All columns of the files and folders, also those not asked for; no index."""
        names = (fragment.physical_schema.names for fragment in self.fragments)
        held = dict.fromkeys([*chain.from_iterable(names), *self.dataset.partitions.names])
        index = set(self.index_columns)
        return tuple(name for name in held if name not in index)

    @property
    def times_in_text(self) -> tuple[str, ...]:
        """The columns whose text can be times of another zone than UTC."""
        if self.timeframe.zone == UTC_ZONE or not self.types:
            return ()
        read = (name for name in self.columns if self.types.get(name) is ColumnType.TIME_TEXT)
        return tuple(read)


def narrow(window: WindowSpec) -> NarrowedDataset:
    """Prune the dataset behind a URI; the errors are those of `read_window`."""
    timeframe = window.timeframe
    dataset = open_dataset(window.uri, window.policy, window.dialect)
    with translated(window.uri):
        fragments = _fragments_within(dataset, timeframe)
        unified, fragments = _unify_needed(dataset, fragments, window)
        if timeframe.column is not None and timeframe.column in unified.conflicts:
            raise SchemaMismatch(unified.conflicts[timeframe.column])
        _check_time(dataset, timeframe, unified.schema)
    schema, conflicts = unified.schema, unified.conflicts
    returned = _returned(window.columns, [*schema.names, *conflicts])
    return NarrowedDataset(
        dataset=dataset,
        fragments=fragments,
        schema=schema,
        columns=tuple(name for name in returned if name not in conflicts),
        timeframe=timeframe,
        named=returned,
        unusable=conflicts,
        types=window.types,
        sensitive=window.sensitive,
    )


def _fragments_within(dataset: Dataset, timeframe: Timeframe) -> tuple[pads.Fragment, ...]:
    """The files, with the row groups of Parquet, that folders and statistics do not exclude."""
    fragments = _files_within(dataset, timeframe)
    if not timeframe.is_bounded or dataset.has_key(timeframe.column) or not fragments:
        return fragments
    _refuse_without_time(dataset, fragments, timeframe)
    if not dataset.format.has_row_groups:
        return fragments
    subsets = (_row_groups_within(dataset, fragment, timeframe) for fragment in fragments)
    return tuple(filter(None, subsets))


def _check_time(dataset: Dataset, timeframe: Timeframe, schema: pa.Schema) -> None:
    """Check the column of times; in CSV its words say later whether they are times."""
    if not dataset.format.types_are_guessed or dataset.has_key(timeframe.column):
        timeframe.condition(schema)
    elif timeframe.column is not None:
        timeframe.require(schema)


def _refuse_without_time(
    dataset: Dataset, fragments: Sequence[pads.Fragment], timeframe: Timeframe
) -> None:
    """Refuse files that do not say when their rows are: they are in no window, silently."""
    schemas = read_schemas(dataset, fragments)
    lacking = [each for each in schemas if timeframe.column not in each[1].names]
    if lacking:
        raise _without_time(timeframe, *lacking[0], is_every=len(lacking) == len(schemas))
    for name, schema in schemas:
        timeframe.check(schema, name, is_guessed=dataset.format.types_are_guessed)


def _without_time(
    timeframe: Timeframe, name: str, schema: pa.Schema, *, is_every: bool
) -> SchemaMismatch:
    column = str(timeframe.column)
    where = "The data" if is_every else f"‘{name}’"
    same = (each for each in schema.names if each.strip().casefold() == column.casefold())
    hint = next((f"; it has ‘{other}’" for other in same), "")
    return SchemaMismatch(f"{where} has no timestamp column ‘{column}’{hint}.")


def _unify_needed(
    dataset: Dataset, fragments: tuple[pads.Fragment, ...], window: WindowSpec
) -> tuple[UnifiedSchema, tuple[pads.Fragment, ...]]:
    """The schema of the files, and the files: those that conflict must have rows of the window.

    If no file is left, the last one still says which columns and types there are.
    """
    needed = _needed(window)
    zone = window.zone
    found = unify_files(dataset, fragments or dataset.fragments[-1:], columns=needed, zone=zone)
    if not found.conflicts or not window.timeframe.is_bounded:
        return found, fragments
    held = tuple(each for each in fragments if _has_rows(dataset, each, window.timeframe))
    chosen = held or dataset.fragments[-1:]
    return unify_files(dataset, chosen, columns=needed, zone=zone), held


def _has_rows(dataset: Dataset, fragment: pads.Fragment, timeframe: Timeframe) -> bool:
    """True if a file holds rows of the window, or if its first block cannot say so; reads its timestamps."""
    schema = pa.schema([*file_schema(dataset, fragment), *dataset.partitions])
    stamps = pa.schema([schema.field(str(timeframe.column))])
    if not dataset.format.types_are_guessed:
        return _count_rows(fragment, stamps, timeframe) > 0
    try:
        return _count_rows(fragment, stamps, timeframe) > 0
    except (SchemaMismatch, *PYARROW_ERRORS):
        return True


def _count_rows(fragment: pads.Fragment, stamps: pa.Schema, timeframe: Timeframe) -> int:
    # With the columns that it does not need, pyarrow refuses a file that has a name twice.
    scanner = fragment.scanner(schema=stamps, filter=timeframe.condition(stamps))
    return int(scanner.count_rows())


def _files_within(dataset: Dataset, timeframe: Timeframe) -> tuple[pads.Fragment, ...]:
    """The files whose folders do not exclude the window."""
    if not dataset.has_key(timeframe.column):
        return dataset.fragments
    condition = timeframe.condition(dataset.partitions)
    return dataset.fragments if condition is None else dataset.prune(condition)


def _needed(window: WindowSpec) -> Collection[str] | None:
    if window.columns is None:
        return None
    return {*window.columns, *filter(None, [window.timestamp_column])}


def _returned(columns: Sequence[str] | None, held: Sequence[str]) -> tuple[str, ...]:
    """The columns asked for that the data have, each once, in the order wanted."""
    if columns is None:
        return tuple(held)
    return tuple(name for name in dict.fromkeys(columns) if name in held)


def _row_groups_within(
    dataset: Dataset, fragment: pads.Fragment, timeframe: Timeframe
) -> pads.Fragment | None:
    """The row groups whose statistics do not exclude the window.

    They are compared in the file's own timestamp type.
    """
    schema = file_schema(dataset, fragment)
    subset = fragment.subset(timeframe.condition(schema), schema=schema)
    return subset if subset.row_groups else None
