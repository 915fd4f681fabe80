"""Describe the dataset behind a URI, without a read of the data."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from monitors.sources.csv_dialect import DEFAULT_DIALECT, CsvDialect
from monitors.sources.csv_windows import settle
from monitors.sources.formats import SkippedFile
from monitors.sources.local_times import UTC_ZONE, placed_type
from monitors.sources.policy import SourcePolicy
from monitors.sources.pruning import narrow
from monitors.sources.window_spec import WindowSpec


@dataclass(frozen=True, slots=True)
class DatasetDescription:
    """The schema and the size of a dataset.

    Attributes:
        columns: Name to type, partition columns included.
        partition_columns: The columns whose values are in folder names (`key=value`).
        unusable: Columns about whose type the files disagree, each with the reason; not in `columns`.
        index_columns: Row numbers and labels that a data frame wrote beside its columns.
        is_text: True if the files say nothing of types, so that `columns` are guesses.
        format: The name of the one format of all files.
        file_count: The number of files.
        files_skipped: Files of the folder that are no part of it.
        total_bytes: Their size as stored, compressed.
    """

    columns: Mapping[str, pa.DataType]
    partition_columns: tuple[str, ...]
    format: str
    file_count: int
    total_bytes: int
    index_columns: tuple[str, ...] = ()
    files_skipped: tuple[SkippedFile, ...] = ()
    unusable: Mapping[str, str] = field(default_factory=dict)
    is_text: bool = False


def describe(
    uri: str, policy: SourcePolicy, dialect: CsvDialect = DEFAULT_DIALECT, zone: str = UTC_ZONE
) -> DatasetDescription:
    """The schema and size of a dataset, from file footers alone.

    CSV has no footer, so its schema comes from the first block of each file.

    Args:
        uri: A file, a folder or a pattern.
        policy: The places that may be read.
        dialect: How CSV files are written.
        zone: The zone in which dates and times without a zone are read.

    Raises:
        SourceError: A subclass that says what is wrong with the URI, the files or the store.
    """
    return describe_window(WindowSpec(uri, policy, dialect=dialect, zone=zone))


def describe_window(window: WindowSpec, *, is_whole: bool = False) -> DatasetDescription:
    """The description of the files that can hold rows of a window; the errors are its own.

    Args:
        window: The window; a column of times is not needed to describe it.
        is_whole: Read CSV to its end, so that its types hold every value and not only those of the
            first block.
    """
    narrowed = narrow(window)
    dataset, schema, unusable = narrowed.dataset, narrowed.schema, narrowed.unusable
    if is_whole and dataset.format.types_are_guessed:
        plan = settle(narrowed)
        schema, unusable = plan.schema, {**unusable, **plan.unusable}
    return DatasetDescription(
        columns={each.name: placed_type(each.type, window.zone) for each in schema},
        unusable=unusable,
        partition_columns=tuple(dataset.partitions.names),
        index_columns=narrowed.index_columns,
        format=dataset.format.name,
        is_text=dataset.format.types_are_guessed,
        file_count=len(dataset.files),
        files_skipped=dataset.skipped,
        total_bytes=sum(file.size for file in dataset.files),
    )
