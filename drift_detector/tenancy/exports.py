"""Writes the rows of a list into a file: CSV or Parquet, up to a number of rows."""

import csv
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import TextIOWrapper
from itertools import batched
from typing import IO, Any

from django.contrib.admin.utils import lookup_field
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import Model, QuerySet
from django.http import FileResponse
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.text import slugify

MOST_ROWS = 50_000
"""An export is made in the thread of its request: these take some seconds."""
ROWS_AT_ONCE = 2_000
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that begins so for a formula (OWASP: CSV injection)."""

type Read = Callable[[Model], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an export.

    Attributes:
        name: Its heading.
        kind: The Python type of its values; `str` for those of mixed types.
        read: Takes the value of a row.
    """

    name: str
    kind: type
    read: Read


@dataclass(frozen=True, slots=True)
class Export:
    """The rows that a person asked for, and their number, at most one more than the limit."""

    name: str
    columns: Sequence[Column]
    rows: QuerySet[Any]
    count: int

    @property
    def written(self) -> int:
        """The number of rows in the file."""
        return min(self.count, MOST_ROWS)

    @property
    def records(self) -> Iterator[list[Any]]:
        """The values of each row, in the order of the columns."""
        for row in self.rows[:MOST_ROWS].iterator(chunk_size=ROWS_AT_ONCE):
            yield [column.read(row) for column in self.columns]


def column_of(model_admin: Any, name: str) -> Column:
    """The column of a name in `list_display`: a field, or a method of the model or of its admin page."""
    kind = _kind_of(model_admin.model, name)

    def read(row: Model) -> Any:
        _, _, value = lookup_field(name, row, model_admin)
        return _plain(value, kind)

    return Column(name.removeprefix("shown_"), kind, read)


KINDS: Mapping[type[Any], type] = {
    models.DateTimeField: datetime,
    models.BooleanField: bool,
    models.IntegerField: int,
    models.FloatField: float,
}


def _kind_of(model: type[Model], name: str) -> type:
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return str
    return next((kind for of, kind in KINDS.items() if isinstance(field, of)), str)


def _plain(value: Any, kind: type) -> Any:
    """A value that both formats can hold; of a column of text, text."""
    if value is None or kind is not str:
        return value
    if isinstance(value, SafeString):
        return strip_tags(value).strip()
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, default=str, ensure_ascii=False)
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def csv_response(export: Export) -> FileResponse:
    """The rows as CSV; text that a spreadsheet would take for a formula begins with an apostrophe."""
    file = _new_file()
    with _text_over(file) as text:
        writer = csv.writer(text)
        writer.writerow([column.name for column in export.columns])
        writer.writerows(map(_csv_row, export.records))
    return _response(export, file, "csv", "text/csv; charset=utf-8")


def _new_file() -> IO[bytes]:
    """A file without a name, which is gone once the answer is sent."""
    return tempfile.TemporaryFile()


@contextmanager
def _text_over(file: IO[bytes]) -> Iterator[TextIOWrapper]:
    """A text file over a binary one, which stays open."""
    text = TextIOWrapper(file, encoding="utf-8", newline="")
    yield text
    text.detach()


def _csv_row(record: Iterable[Any]) -> list[Any]:
    return [csv_cell(value) for value in record]


def csv_cell(value: Any) -> Any:
    """A value as CSV; text that a spreadsheet would take for a formula begins with an apostrophe."""
    if isinstance(value, datetime):
        return value.isoformat()
    is_formula = isinstance(value, str) and value.startswith(FORMULA_STARTS)
    return f"'{value}" if is_formula else value


def parquet_response(export: Export) -> FileResponse:
    """The rows as Parquet, a row group for each batch."""
    import pyarrow as pa  # most requests need no Arrow
    import pyarrow.parquet as pq

    types = {
        datetime: pa.timestamp("us", tz="UTC"),
        bool: pa.bool_(),
        int: pa.int64(),
        float: pa.float64(),
    }
    fields = [(column.name, types.get(column.kind, pa.string())) for column in export.columns]
    schema = pa.schema(fields)
    file = _new_file()
    with pq.ParquetWriter(file, schema) as writer:
        for batch in batched(export.records, ROWS_AT_ONCE, strict=False):
            values = zip(*batch, strict=True)
            arrays = [
                pa.array(each, field.type) for each, field in zip(values, schema, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
    return _response(export, file, "parquet", "application/vnd.apache.parquet")


def _response(export: Export, file: IO[bytes], ending: str, media_type: str) -> FileResponse:
    """The file as a download; its name says if rows are left out, and the headers say how many."""
    file.seek(0)
    cut = f"-first-{MOST_ROWS}" if export.count > MOST_ROWS else ""
    name = f"{slugify(export.name)}-{timezone.now():%Y-%m-%d}{cut}.{ending}"
    response = FileResponse(file, as_attachment=True, filename=name, content_type=media_type)
    response["X-Rows"] = str(export.written)
    response["X-Rows-Left-Out"] = "true" if export.count > MOST_ROWS else "false"
    response["X-Row-Limit"] = str(MOST_ROWS)
    return response


FORMATS: Mapping[str, Callable[[Export], FileResponse]] = {
    "csv": csv_response,
    "parquet": parquet_response,
}
