"""Windows of data from files, object stores and the request itself; without Django."""

from algorithms.storable_text import is_storable
from monitors.sources.column_types import ColumnType, column_type_of
from monitors.sources.connections import Connection
from monitors.sources.csv_dialect import CsvDialect
from monitors.sources.descriptions import DatasetDescription, describe, describe_window
from monitors.sources.file_counts import FileCounts
from monitors.sources.formats import FileFormat, SkippedFile
from monitors.sources.inline import (
    table_from_bytes,
    table_from_columns,
    table_to_bytes,
)
from monitors.sources.places import Place, list_place
from monitors.sources.policy import SourcePolicy
from monitors.sources.source_errors import (
    ColumnMismatch,
    ForbiddenUri,
    IncompleteSource,
    InvalidInlineData,
    SchemaMismatch,
    SourceChanged,
    SourceError,
    SourceNotFound,
    SourceTooLarge,
    SourceUnavailable,
    UnreadableSource,
    UnusableConnection,
    WindowTooLarge,
)
from monitors.sources.source_limits import SourceLimits
from monitors.sources.text_times import read_inline_times
from monitors.sources.uris import is_under_store, parse_uri, resolve_uri
from monitors.sources.window import LazyWindow, open_window, read_counted_window, read_window
from monitors.sources.window_parts import Part
from monitors.sources.window_spec import WindowSpec

__all__ = [
    "ColumnMismatch",
    "ColumnType",
    "Connection",
    "CsvDialect",
    "DatasetDescription",
    "FileCounts",
    "FileFormat",
    "ForbiddenUri",
    "IncompleteSource",
    "InvalidInlineData",
    "LazyWindow",
    "Part",
    "Place",
    "SchemaMismatch",
    "SkippedFile",
    "SourceChanged",
    "SourceError",
    "SourceLimits",
    "SourceNotFound",
    "SourcePolicy",
    "SourceTooLarge",
    "SourceUnavailable",
    "UnreadableSource",
    "UnusableConnection",
    "WindowSpec",
    "WindowTooLarge",
    "column_type_of",
    "describe",
    "describe_window",
    "is_storable",
    "is_under_store",
    "list_place",
    "open_window",
    "parse_uri",
    "read_counted_window",
    "read_inline_times",
    "read_window",
    "resolve_uri",
    "table_from_bytes",
    "table_from_columns",
    "table_to_bytes",
]
