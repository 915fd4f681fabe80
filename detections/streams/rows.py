"""Batches of outcomes as they are sent, brought into one form."""

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.utils import timezone

from detections.streams.arrow_messages import is_compressed

INSTANT = pa.timestamp("us", "UTC")
COLUMNS = ("occurred_at", "prediction_id", "prediction", "label", "score", "error")
LONGEST_ID = 200
LONGEST_TEXT = 1000
MOST_ROWS = 200_000


class BadOutcomes(ValueError):
    """A batch that can't be read, with a sentence for its sender; nothing of it was taken."""


def rows_from_json(body: Any) -> pa.Table:
    """Rows of a JSON array of objects, or of an object of arrays.

    Raises:
        BadOutcomes: If it is neither, or an outcome can't be read.
    """
    try:
        if isinstance(body, Mapping):
            return _batch(pa.table({str(name): _column(values) for name, values in body.items()}))
        if isinstance(body, Sequence) and not isinstance(body, str | bytes):
            return _batch(_from_records(body))
    except BadOutcomes:
        raise
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise BadOutcomes(str(error)) from error
    raise BadOutcomes("Outcomes are an array of objects, or an object of arrays.")


def rows_from_ndjson(body: bytes) -> pa.Table:
    """Rows of newline-delimited JSON objects.

    Raises:
        BadOutcomes: If a line is not JSON, or an outcome can't be read.
    """
    records = []
    for number, line in enumerate(body.splitlines()):
        if not line.strip():
            continue
        try:
            records.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise BadOutcomes(f"Line {number} is not JSON: {error}") from error
    return rows_from_json(records)


def rows_from_arrow(body: bytes) -> pa.Table:
    """Rows of an Arrow IPC stream.

    Raises:
        BadOutcomes: If it is none, or an outcome can't be read.
    """
    try:
        if is_compressed(body):
            raise BadOutcomes("Send the Arrow stream uncompressed.")
        with pa.ipc.open_stream(body) as stream:
            table = stream.read_all()
        table.validate(full=True)
        return _batch(table)
    except BadOutcomes:
        raise
    except (pa.ArrowException, OSError, ValueError, struct.error) as error:
        raise BadOutcomes(f"This is not an Arrow IPC stream of outcomes: {error}") from error


def normalized(table: pa.Table) -> pa.Table:
    """The known columns in known types: numbers as float64, other predictions and labels as text.

    Raises:
        BadOutcomes: If a column is unknown or of a type it can't have.
    """
    if unknown := sorted(set(table.column_names) - set(COLUMNS)):
        raise BadOutcomes(f"Outcomes have no {', '.join(unknown)}; they have {', '.join(COLUMNS)}.")
    columns = {
        name: _normalized(name, table.column(name).combine_chunks())
        if name in table.column_names
        else pa.nulls(table.num_rows)
        for name in COLUMNS
    }
    now = pa.scalar(timezone.now(), INSTANT)
    columns["occurred_at"] = pc.fill_null(columns["occurred_at"].cast(INSTANT), now)
    prediction, label = columns["prediction"].type, columns["label"].type
    if prediction != label and not pa.types.is_null(prediction) and not pa.types.is_null(label):
        raise BadOutcomes("Predictions and labels are both numbers, or both text.")
    return pa.table(columns)


def _batch(table: pa.Table) -> pa.Table:
    if table.num_rows > MOST_ROWS:
        raise BadOutcomes(f"A batch has at most {MOST_ROWS} rows, this one has {table.num_rows}.")
    return normalized(table)


def _from_records(records: Sequence[Any]) -> pa.Table:
    for number, record in enumerate(records):
        if not isinstance(record, Mapping):
            raise BadOutcomes(f"Outcome {number} is not an object.")
    names = dict.fromkeys(name for record in records for name in record)
    return pa.table({name: _column([record.get(name) for record in records]) for name in names})


def _column(values: Any) -> pa.Array:
    if not isinstance(values, list):
        raise BadOutcomes("Each column is an array.")
    if any(isinstance(value, bool) for value in values):  # Arrow does not mix them with numbers
        values = [int(value) if isinstance(value, bool) else value for value in values]
    if any(isinstance(value, float) for value in values):
        values = [float(value) if isinstance(value, int) else value for value in values]
    return pa.array(values)


def _normalized(name: str, column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_null(kind):
        return column
    try:
        if name == "occurred_at":
            return _instants(column)
        if name == "prediction_id":
            return _identifiers(column)
        if pa.types.is_boolean(kind):
            column = column.cast(pa.int8())
        if _is_number(column.type):
            return _finite(name, column.cast(pa.float64(), safe=False))
        if name in ("prediction", "label"):
            return _text(name, column)
    except pa.ArrowException as error:
        raise BadOutcomes(f"{name}: {error}") from error
    raise BadOutcomes(f"{name} has numbers, not {kind}.")


def _instants(column: pa.Array) -> pa.Array:
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("us"))
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(INSTANT)
    if not _is_text(column.type):
        raise BadOutcomes("occurred_at has times: ISO 8601 text, or timestamps.")
    return pc.cast(_text("occurred_at", column), INSTANT)


def _identifiers(column: pa.Array) -> pa.Array:
    found = _text("prediction_id", column.cast(pa.string()) if pa.types.is_integer(column.type) else column)
    longest = pc.max(pc.utf8_length(found)).as_py() or 0
    if longest > LONGEST_ID:
        raise BadOutcomes(f"A prediction_id has at most {LONGEST_ID} characters.")
    return found


def _text(name: str, column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        if _is_text(column.type.value_type) and (pc.max(pc.utf8_length(column.dictionary)).as_py() or 0) > LONGEST_TEXT:
            raise BadOutcomes(f"{name} has texts of more than {LONGEST_TEXT} characters.")
        column = column.dictionary_decode()
    if not _is_text(column.type):
        raise BadOutcomes(f"{name} has text or numbers, not {column.type}.")
    column = column.cast(pa.string())
    if pc.any(pc.match_substring(column, "\0")).as_py():
        raise BadOutcomes(f"{name} has a NUL character.")
    return column


def _finite(name: str, column: pa.Array) -> pa.Array:
    if pc.any(pc.invert(pc.is_finite(column))).as_py():
        row = pc.index(pc.invert(pc.is_finite(column)), True).as_py()
        raise BadOutcomes(f"{name} is not a finite number in outcome {row}.")
    return column


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
