"""Says what data holds before there is a monitor: columns with types, a few values, nulls and the time they span."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.core.exceptions import ValidationError

from algorithms.columns import guess_kind
from algorithms.errors import UnusableColumn
from monitors.monitor_windows import csv_dialect
from monitors.sources import (
    DatasetDescription,
    LazyWindow,
    SourceError,
    SourcePolicy,
    WindowSpec,
    describe,
    open_window,
)

MOST_ROWS = 50_000
MOST_VALUES = 4
LONGEST_VALUE = 60
MOST_TIME_COLUMNS = 3
DIALECTS: tuple[Mapping[str, str], ...] = (
    {},
    {"delimiter": ";"},
    {"delimiter": "\t"},
    {"delimiter": "|"},
)
OTHER_ENCODING = "cp1252"
"""The encoding of CSV that is no UTF-8, as spreadsheets of western Europe and America write it."""
DECIMAL_COMMA = r"^[+-]?\d+,\d+$"


def sample_data(place: str, policy: SourcePolicy, zone: str) -> dict[str, Any]:
    """The columns of data, with the dialect of CSV as far as it can be guessed. No transaction may be open.

    Args:
        place: A file, a folder or a pattern.
        policy: The places that may be read.
        zone: The zone of dates and times that have none.

    Raises:
        ValidationError: If the data can't be read.
    """
    try:
        dialect, described = _guess_dialect(place, policy, zone)
        spec = WindowSpec(place, policy, dialect=csv_dialect(dialect, ()), zone=zone)
        columns, rows = _sample(spec, described)
        if _has_decimal_commas(dialect, columns):
            dialect = {**dialect, "decimal": ","}
            spec = WindowSpec(place, policy, dialect=csv_dialect(dialect, ()), zone=zone)
            columns, rows = _sample(spec, describe(place, policy, spec.dialect, zone))
        spans = _time_spans(spec, columns)
    except SourceError as error:
        raise ValidationError({"place": str(error)}) from error
    return {
        "place": place,
        "format": described.format,
        "files": described.file_count,
        "bytes": described.total_bytes,
        "skipped": [f"{each.name}: {each.reason}" for each in described.files_skipped[:5]],
        "csv_dialect": dialect,
        "rows": max([rows, *(span["rows"] for span in spans.values())]),
        "is_cut": rows >= MOST_ROWS and not spans,
        "sampled_rows": rows,
        "columns": columns,
        "spans": spans,
    }


def _guess_dialect(
    place: str, policy: SourcePolicy, zone: str
) -> tuple[dict[str, str], DatasetDescription]:
    """The first dialect in which the files can be read; the error of the usual one if there is none."""
    first: SourceError | None = None
    for encoding in ({}, {"encoding": OTHER_ENCODING}):
        for delimiter in DIALECTS:
            dialect = {**delimiter, **encoding}
            try:
                return dialect, describe(place, policy, csv_dialect(dialect, ()), zone)
            except SourceError as error:
                first = first or error
                if not _is_about_text(error):
                    raise first from error
    assert first is not None
    raise first


def _is_about_text(error: SourceError) -> bool:
    """True if another dialect could help."""
    return any(words in error.reason for words in ("separated by", "UTF-8"))


def _has_decimal_commas(dialect: Mapping[str, str], columns: list[dict[str, Any]]) -> bool:
    return bool(dialect.get("delimiter")) and any(each["has_commas"] for each in columns)


def _sample(spec: WindowSpec, described: DatasetDescription) -> tuple[list[dict[str, Any]], int]:
    """A record of each column over the first rows, and how many rows they are."""
    with open_window(spec) as window:
        batches = list(_first_batches(window))
        names = window.column_names
    rows = sum(batch.num_rows for batch in batches)
    return [_column(name, batches, described) for name in names], min(rows, MOST_ROWS)


def _first_batches(window: LazyWindow) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in window.batches():
        yield batch
        rows += batch.num_rows
        if rows >= MOST_ROWS:
            return


def _column(
    name: str, batches: list[pa.RecordBatch], described: DatasetDescription
) -> dict[str, Any]:
    try:
        values = _values(name, batches, described)
    except UnusableColumn as error:
        return _record(name, "", reason=str(error))
    kind = guess_kind(values.type)
    present = values.drop_null()
    return _record(
        name,
        str(values.type),
        kind=kind.value if kind else None,
        null_rate=values.null_count / len(values) if len(values) else None,
        values=_examples(present),
        is_time=bool(pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)),
        is_unique=_is_unique(present),
        is_index=name in described.index_columns,
        is_in_folders=name in described.partition_columns,
        has_commas=_are_numbers_with_commas(present),
    )


def _values(
    name: str, batches: list[pa.RecordBatch], described: DatasetDescription
) -> pa.ChunkedArray:
    chunks = [batch.column(name) for batch in batches]
    if not chunks:
        return pa.chunked_array([], described.columns.get(name, pa.null()))
    return pa.chunked_array(chunks).slice(0, MOST_ROWS)


def _record(name: str, data_type: str, **found: Any) -> dict[str, Any]:
    unknown: dict[str, Any] = {
        "kind": None,
        "null_rate": None,
        "values": [],
        "reason": "",
        **dict.fromkeys(("is_time", "is_unique", "is_index", "is_in_folders", "has_commas"), False),
    }
    return {"name": name, "type": data_type, **unknown, **found}


def _examples(present: pa.ChunkedArray) -> list[str]:
    try:
        first = pc.unique(present.slice(0, 1000))[:MOST_VALUES]
    except pa.ArrowNotImplementedError:
        first = present[:MOST_VALUES]
    return [_shown(value) for value in first]


def _shown(value: pa.Scalar) -> str:
    """A value as text, short enough for a table."""
    try:
        text = str(value.as_py())
    except (OverflowError, ValueError):
        text = str(value)
    text = text.encode(errors="replace").decode().replace("\0", "�")
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def _is_unique(present: pa.ChunkedArray) -> bool:
    """True if whole numbers or texts never come twice, as ids do."""
    is_number = pa.types.is_integer(present.type)
    is_text = pa.types.is_string(present.type) or pa.types.is_large_string(present.type)
    if not (is_number or is_text) or len(present) < 2:
        return False
    return bool(pc.count_distinct(present).as_py() == len(present))


def _are_numbers_with_commas(present: pa.ChunkedArray) -> bool:
    if not pa.types.is_string(present.type) or not len(present):
        return False
    return bool(pc.all(pc.match_substring_regex(present, DECIMAL_COMMA)).as_py())


def _time_spans(spec: WindowSpec, columns: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The first and the last time of the columns of times, and the rows that have one."""
    times = [each["name"] for each in columns if each["is_time"]][:MOST_TIME_COLUMNS]
    found = {name: _time_span(spec, name) for name in times}
    return {name: span for name, span in found.items() if span is not None}


def _time_span(spec: WindowSpec, name: str) -> dict[str, Any] | None:
    """The span of one column, by its whole length; None if no row has a time of our calendar."""
    narrow = WindowSpec(spec.uri, spec.policy, [name], dialect=spec.dialect, zone=spec.zone)
    with open_window(narrow) as window:
        values = window.column(name)
    ends = pc.min_max(values)
    try:
        first, last = (_moment(ends[end].as_py()) for end in ("min", "max"))
    except (OverflowError, ValueError):
        return None
    if first is None or last is None:
        return None
    return {"first": first.isoformat(), "last": last.isoformat(), "rows": len(values)}


def _moment(value: datetime | date | None) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)
    return datetime(value.year, value.month, value.day, tzinfo=UTC)
