"""Hive partitions: a folder named `key=value` gives every file below it a column."""

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.dataset as pads

from monitors.sources.listing import SourceFile

NULL_VALUE = "__HIVE_DEFAULT_PARTITION__"

_INTEGER = re.compile(r"-?\d{1,18}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def discover_partitions(files: Sequence[SourceFile]) -> pa.Schema:
    """The keys in folder names, each int64, date32 or string by its values."""
    values: dict[str, set[str]] = {}
    for folder in {posixpath.dirname(file.name) for file in files}:
        for key, value in _pairs(folder):
            values.setdefault(key, set()).add(value)
    return pa.schema([(key, _type_of(found - {NULL_VALUE})) for key, found in values.items()])


def _pairs(folder: str) -> Iterator[tuple[str, str]]:
    """The keys and values in a folder's path."""
    for segment in folder.split("/"):
        key, equals, value = segment.partition("=")
        if key and equals:
            yield key, unquote(value)


def partition_expression(file: SourceFile, partitions: pa.Schema) -> pads.Expression:
    """The values that the folders give to every row of the file."""
    return pads.HivePartitioning(partitions).parse(file.name)


def _type_of(values: Iterable[str]) -> pa.DataType:
    found = list(values)
    if not found:
        return pa.string()
    if all(map(_INTEGER.fullmatch, found)):
        return pa.int64()
    return pa.date32() if all(map(_is_date, found)) else pa.string()


def _is_date(value: str) -> bool:
    try:
        return bool(_DATE.fullmatch(value)) and date.fromisoformat(value) is not None
    except ValueError:
        return False
