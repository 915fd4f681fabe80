"""The dataset behind a URI: its files, partitions and schema, without a read of the data."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.fs as pafs

from monitors.sources.filesystems import open_filesystem
from monitors.sources.formats import (
    FileFormat,
    SkippedFile,
    detect_format,
    leave_out_foreign,
)
from monitors.sources.hive_partitions import discover_partitions, partition_expression
from monitors.sources.index_columns import find_index_columns
from monitors.sources.listing import SourceFile, list_files
from monitors.sources.policy import SourcePolicy
from monitors.sources.schemas import unify
from monitors.sources.source_errors import UnreadableSource, translated
from monitors.sources.uris import resolve_uri

SCHEMA_THREADS = 8


@dataclass(frozen=True, slots=True)
class DatasetDescription:
    """The schema and the size of a dataset.

    Attributes:
        columns: Name to type, partition columns included.
        partition_columns: The columns whose values are in folder names (`key=value`).
        index_columns: Row numbers and labels that a data frame wrote beside its columns.
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


@dataclass(frozen=True, slots=True)
class Dataset:
    """The files behind a URI; only their names have been read.

    Attributes:
        uri: The user's own text, for error messages.
        names: Each file's path to the name that error messages may contain.
        fragments: One per file, with the values that its folders give to its rows.
        partitions: Schema of the partition columns.
        skipped: Files of the folder that are no part of the dataset.
    """

    uri: str
    files: tuple[SourceFile, ...]
    names: Mapping[str, str]
    fragments: tuple[pads.Fragment, ...]
    partitions: pa.Schema
    format: FileFormat
    filesystem: pafs.FileSystem
    skipped: tuple[SkippedFile, ...] = ()

    def name_of(self, fragment: pads.Fragment) -> str:
        """The name of a file that error messages may contain."""
        return self.names[fragment.path]

    def has_key(self, column: str | None) -> bool:
        """True if the column's values are in folder names."""
        return column in self.partitions.names

    def prune(self, condition: pads.Expression) -> tuple[pads.Fragment, ...]:
        """The fragments whose folders do not contradict the condition."""
        return tuple(self.combine(self.fragments, self.partitions).get_fragments(filter=condition))

    def combine(
        self, fragments: Sequence[pads.Fragment], schema: pa.Schema
    ) -> pads.FileSystemDataset:
        """A pyarrow dataset of these fragments."""
        return pads.FileSystemDataset(
            list(fragments), schema, self.format.arrow_format(), filesystem=self.filesystem
        )


def open_dataset(uri: str, policy: SourcePolicy) -> Dataset:
    """Find the files behind a URI.

    Raises:
        SourceError: A subclass that says what is wrong with the URI, the files or the store.
    """
    location = resolve_uri(uri, policy)
    with translated(uri):
        filesystem = open_filesystem(location, policy)
        files, skipped = leave_out_foreign(list_files(location, filesystem, policy))
        file_format, partitions = detect_format(files), discover_partitions(files)
        fragments = [_fragment(file, file_format, filesystem, partitions) for file in files]
    return Dataset(
        uri=uri,
        files=tuple(files),
        names={file.path: file.name for file in files},
        fragments=tuple(fragments),
        partitions=partitions,
        format=file_format,
        filesystem=filesystem,
        skipped=skipped,
    )


def describe(uri: str, policy: SourcePolicy) -> DatasetDescription:
    """The schema and size of a dataset, from file footers alone.

    CSV has no footer, so its schema comes from the first block of each file.

    Raises:
        SourceError: A subclass that says what is wrong with the URI, the files or the store.
    """
    dataset = open_dataset(uri, policy)
    schema = unified_schema(dataset, dataset.fragments, columns=None)
    return DatasetDescription(
        columns={field.name: field.type for field in schema},
        partition_columns=tuple(dataset.partitions.names),
        format=dataset.format.name,
        file_count=len(dataset.files),
        total_bytes=sum(file.size for file in dataset.files),
        index_columns=_index_columns(dataset),
        files_skipped=dataset.skipped,
    )


def _index_columns(dataset: Dataset) -> tuple[str, ...]:
    """The columns that are the index of a data frame in one of the files."""
    schemas = (fragment.physical_schema for fragment in dataset.fragments)
    is_text = dataset.format.types_are_guessed
    found = (name for schema in schemas for name in find_index_columns(schema, is_text=is_text))
    return tuple(dict.fromkeys(found))


def unified_schema(
    dataset: Dataset, fragments: Sequence[pads.Fragment], *, columns: Collection[str] | None
) -> pa.Schema:
    """One schema for these fragments; a folder key wins over a column of the same name.

    Args:
        columns: The columns that matter, or None for all.

    Raises:
        SourceError: If a file is unreadable or the files disagree.
    """
    keys = _keys(dataset, columns)
    stored = _stored_schemas(dataset, fragments)
    schema = unify(stored, columns=columns, text=dataset.format.types_are_guessed)
    return pa.schema([*schema, *keys])


def _keys(dataset: Dataset, columns: Collection[str] | None) -> list[pa.Field]:
    """The folder keys that are among the columns."""
    return [field for field in dataset.partitions if columns is None or field.name in columns]


def _stored_schemas(
    dataset: Dataset, fragments: Sequence[pads.Fragment]
) -> Iterator[tuple[str, pa.Schema]]:
    """Each file's name and schema, without the columns that are folder keys."""
    with ThreadPoolExecutor(SCHEMA_THREADS) as pool:
        schemas = list(pool.map(lambda fragment: file_schema(dataset, fragment), fragments))
    keys = set(dataset.partitions.names)
    for fragment, schema in zip(fragments, schemas, strict=True):
        own = [field for field in schema if field.name not in keys]
        yield dataset.name_of(fragment), pa.schema(own)


def file_schema(dataset: Dataset, fragment: pads.Fragment) -> pa.Schema:
    """The schema of one file as it is stored.

    Raises:
        SourceError: Naming the file.
    """
    name = dataset.name_of(fragment)
    with translated(name):
        schema = fragment.physical_schema
    if dataset.format.types_are_guessed:
        _refuse_binary(name, schema)
    return schema


def _refuse_binary(name: str, schema: pa.Schema) -> None:
    """A guessed binary type stands for text that is not UTF-8."""
    for field in schema:
        if pa.types.is_binary(field.type):
            raise UnreadableSource(
                f"‘{name}’ cannot be read: the column ‘{field.name}’ is not UTF-8 text."
            )


def _fragment(
    file: SourceFile,
    file_format: FileFormat,
    filesystem: pafs.FileSystem,
    partitions: pa.Schema,
) -> pads.Fragment:
    with translated(file.name):
        return file_format.arrow_format().make_fragment(
            file.path,
            filesystem=filesystem,
            partition_expression=partition_expression(file, partitions),
            file_size=file.size,
        )
