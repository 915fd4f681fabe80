"""The dataset behind a URI: its files, partitions and schema, without a read of the data."""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.fs as pafs

from monitors.sources.connections import named
from monitors.sources.csv_dialect import DEFAULT_DIALECT, CsvDialect
from monitors.sources.csv_heads import look_at_head
from monitors.sources.filesystems import connection_of, open_filesystem
from monitors.sources.formats import (
    FileFormat,
    SkippedFile,
    detect_format,
    leave_out_foreign,
)
from monitors.sources.hive_partitions import discover_partitions, partition_expression
from monitors.sources.listing import SourceFile, list_files
from monitors.sources.local_times import placed_schema, placed_type
from monitors.sources.meters import Meter, current_meter
from monitors.sources.policy import SourcePolicy
from monitors.sources.schemas import UnifiedSchema, unify
from monitors.sources.signatures import is_begun, read_ends, say_what_it_is
from monitors.sources.source_errors import (
    PYARROW_ERRORS,
    SourceError,
    UnreadableSource,
    incomplete,
    to_source_error,
    translated,
)
from monitors.sources.source_limits import (
    DEFAULT_LIMITS,
    SourceLimits,
    refuse_long_footer,
    refuse_more,
)
from monitors.sources.uris import resolve_uri
from monitors.sources.wide_integers import find_lossy

SCHEMA_THREADS = 8
FEWER_COLUMNS = "Write the columns that are watched to a file of their own."
LARGER_GROUPS = "Write larger row groups."
FEWER_FILES = "Name a smaller folder or a pattern, or write fewer and larger files."


@dataclass(frozen=True, slots=True)
class Dataset:
    """The files behind a URI; only their names have been read.

    Attributes:
        uri: The user's own text, for error messages.
        names: Each file's path to the name that error messages may contain.
        sizes: Each file's path to its size in bytes.
        fragments: One per file, with the values that its folders give to its rows.
        partitions: Schema of the partition columns.
        skipped: Files of the folder that are no part of the dataset.
        dialect: How CSV files are written.
        dialects: The same with each file's own encoding and delimiter, by its path.
        limits: The most columns, row groups and bytes that they may have.
        meter: It counts the bytes that are read of them.
    """

    uri: str
    files: tuple[SourceFile, ...]
    names: Mapping[str, str]
    sizes: Mapping[str, int]
    fragments: tuple[pads.Fragment, ...]
    partitions: pa.Schema
    format: FileFormat
    filesystem: pafs.FileSystem
    skipped: tuple[SkippedFile, ...] = ()
    dialect: CsvDialect = DEFAULT_DIALECT
    dialects: Mapping[str, CsvDialect] = field(default_factory=dict)
    limits: SourceLimits = DEFAULT_LIMITS
    meter: Meter = field(default_factory=current_meter, compare=False)

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
        """A pyarrow dataset of these fragments, to read their values."""
        return pads.FileSystemDataset(
            list(map(self._to_read, fragments)),
            schema,
            self.format.arrow_format(self.dialect),
            filesystem=self.filesystem,
        )

    def _to_read(self, fragment: pads.Fragment) -> pads.Fragment:
        """The fragment in the format that reads its values."""
        if self.format.reading_format is None:
            return fragment
        return self.format.reading_format(self.dialects[fragment.path]).make_fragment(
            fragment.path,
            filesystem=self.filesystem,
            partition_expression=fragment.partition_expression,
            file_size=self.sizes[fragment.path],
        )


def open_dataset(uri: str, policy: SourcePolicy, dialect: CsvDialect = DEFAULT_DIALECT) -> Dataset:
    """Find the files behind a URI; of CSV files, look at the first bytes.

    Raises:
        SourceError: A subclass that says what is wrong with the URI, the files or the store.
    """
    location = resolve_uri(uri, policy)
    with named(connection_of(location, policy)), translated(uri):
        filesystem = open_filesystem(location, policy)
        files, skipped = leave_out_foreign(list_files(location, filesystem, policy))
        refuse_more(f"files at ‘{uri}’", len(files), policy.limits.files, FEWER_FILES)
        file_format, partitions = detect_format(files), discover_partitions(files)
        dialects = _find_dialects(files, file_format, filesystem, dialect, policy.limits)
        fragments = [
            _fragment(file, file_format.arrow_format(dialects[file.path]), filesystem, partitions)
            for file in files
        ]
    return Dataset(
        uri=uri,
        files=tuple(files),
        names={file.path: file.name for file in files},
        sizes={file.path: file.size for file in files},
        fragments=tuple(fragments),
        partitions=partitions,
        format=file_format,
        filesystem=filesystem,
        skipped=skipped,
        dialect=dialect,
        dialects=dialects,
        limits=policy.limits,
    )


def _find_dialects(
    files: Sequence[SourceFile],
    file_format: FileFormat,
    filesystem: pafs.FileSystem,
    dialect: CsvDialect,
    limits: SourceLimits,
) -> dict[str, CsvDialect]:
    """The dialect of each file by its path: that of the dataset, with its own encoding."""
    if not file_format.types_are_guessed:
        return {file.path: dialect for file in files}

    def look(file: SourceFile) -> CsvDialect:
        own = dialect.of_file(file.name)
        with translated(file.name):
            found = look_at_head(filesystem, file.path, file.name, own)
        # Before pyarrow guesses a type for each, which takes twelve kilobytes a column.
        _refuse_many_columns(file.name, found.columns, limits)
        return found.dialect

    with ThreadPoolExecutor(SCHEMA_THREADS) as pool:
        found = list(pool.map(look, files))
    return {file.path: each for file, each in zip(files, found, strict=True)}


def unify_files(
    dataset: Dataset,
    fragments: Sequence[pads.Fragment],
    *,
    columns: Collection[str] | None,
    zone: str,
) -> UnifiedSchema:
    """One schema for these fragments; a folder key wins over a column of the same name.

    Args:
        columns: The columns that matter, or None for all.
        zone: The zone in which dates and times without a zone are read. In CSV they are read in it
            after they have been parsed.

    Raises:
        SourceError: If a file is unreadable.
    """
    keys = _keys(dataset, columns)
    stored = read_schemas(dataset, fragments)
    if not dataset.format.types_are_guessed:
        stored = [(name, placed_schema(schema, zone)) for name, schema in stored]
        keys = [each.with_type(placed_type(each.type, zone)) for each in keys]
    unified = unify(stored, columns=columns, text=dataset.format.types_are_guessed)
    if dataset.format.has_row_groups:
        files = [
            (name, schema, file) for (name, schema), file in zip(stored, fragments, strict=True)
        ]
        unified = unified.without(find_lossy(files, unified.schema))
    return replace(unified, schema=pa.schema([*unified.schema, *keys]))


def _keys(dataset: Dataset, columns: Collection[str] | None) -> list[pa.Field]:
    """The folder keys that are among the columns."""
    return [key for key in dataset.partitions if columns is None or key.name in columns]


def read_schemas(
    dataset: Dataset, fragments: Sequence[pads.Fragment]
) -> list[tuple[str, pa.Schema]]:
    """Each file's name and schema, without the columns that are folder keys.

    Raises:
        SourceError: Naming the file that is unreadable.
    """
    with ThreadPoolExecutor(SCHEMA_THREADS) as pool:
        schemas = list(pool.map(lambda fragment: file_schema(dataset, fragment), fragments))
    keys = set(dataset.partitions.names)
    names = map(dataset.name_of, fragments)
    return [(name, _without(keys, schema)) for name, schema in zip(names, schemas, strict=True)]


def _without(names: Collection[str], schema: pa.Schema) -> pa.Schema:
    return pa.schema([each for each in schema if each.name not in names])


def file_schema(dataset: Dataset, fragment: pads.Fragment) -> pa.Schema:
    """The schema of one file as it is stored.

    Raises:
        SourceError: Naming the file.
    """
    name = dataset.name_of(fragment)
    try:
        _refuse_long_footer(dataset, fragment)
        schema = fragment.physical_schema
        _refuse_many_parts(dataset, fragment, schema)
    except PYARROW_ERRORS as error:
        raise explain_file(dataset, fragment, error) from error
    if dataset.format.types_are_guessed:
        schema = _with_header(schema, dataset.dialects[fragment.path].header)
        _refuse_binary(name, schema)
    return schema


def _refuse_long_footer(dataset: Dataset, fragment: pads.Fragment) -> None:
    if not dataset.format.magic:
        return
    path, limit = fragment.path, dataset.limits.footer_bytes
    name, size = dataset.name_of(fragment), dataset.sizes[path]
    refuse_long_footer(dataset.filesystem, path, name, size, limit)


def _refuse_many_parts(dataset: Dataset, fragment: pads.Fragment, schema: pa.Schema) -> None:
    """Refuse more columns or row groups than the limits, before their statistics are read."""
    name, limits = dataset.name_of(fragment), dataset.limits
    _refuse_many_columns(name, len(schema), limits)
    if dataset.format.has_row_groups:
        count = fragment.metadata.num_row_groups
        refuse_more(f"row groups in ‘{name}’", count, limits.row_groups, LARGER_GROUPS)


def _refuse_many_columns(name: str, count: int, limits: SourceLimits) -> None:
    refuse_more(f"columns in ‘{name}’", count, limits.columns, FEWER_COLUMNS)


def _with_header(schema: pa.Schema, header: Sequence[str]) -> pa.Schema:
    """The schema with the names that a header has, some of them twice; none if it has none twice."""
    if not header:
        return schema
    return pa.schema([each.with_name(name) for each, name in zip(schema, header, strict=True)])


def explain_file(dataset: Dataset, fragment: pads.Fragment, error: Exception) -> SourceError:
    """The error about one file: if it is unreadable, its bytes say what it is instead."""
    name = dataset.name_of(fragment)
    found = to_source_error(error, name)
    if type(found) is not UnreadableSource or not dataset.format.magic:
        return found
    size = dataset.sizes[fragment.path]
    head, tail = read_ends(dataset.filesystem, fragment.path, size)
    if is_begun(dataset.format.magic, head, tail):
        return incomplete(name)
    if not head.startswith(dataset.format.magic) and (words := say_what_it_is(head)):
        return UnreadableSource(f"‘{name}’ cannot be read: it is {words}.")
    return found


def _refuse_binary(name: str, schema: pa.Schema) -> None:
    """A guessed binary type stands for text that is not UTF-8."""
    for column in schema:
        if pa.types.is_binary(column.type):
            raise UnreadableSource(
                f"‘{name}’ cannot be read: the column ‘{column.name}’ is not UTF-8 text."
            )


def _fragment(
    file: SourceFile,
    arrow_format: pads.FileFormat,
    filesystem: pafs.FileSystem,
    partitions: pa.Schema,
) -> pads.Fragment:
    with translated(file.name):
        return arrow_format.make_fragment(
            file.path,
            filesystem=filesystem,
            partition_expression=partition_expression(file, partitions),
            file_size=file.size,
        )
