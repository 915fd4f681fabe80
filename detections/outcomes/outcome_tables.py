"""Brings batches of outcomes, as they are sent, into one form."""

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.utils import timezone

from algorithms.columns import is_number
from detections.outcomes.arrow_messages import is_compressed
from monitors.sources import InvalidInlineData, is_storable, table_from_columns

INSTANT = pa.timestamp("us", "UTC")
COLUMNS = ("occurred_at", "prediction_id", "prediction", "label", "score", "error")
KNOWN, ALL = frozenset(COLUMNS), ", ".join(COLUMNS)
LONGEST_ID = LONGEST_BATCH_ID = 200
LONGEST_STREAM = 100
MOST_ROWS = 200_000
MOST_NAMED, LONGEST_NAMED = 3, 40
MOST_TEXT_BYTES = 64 * 2**20
FIRST, LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
"""Times beyond these are no times in every zone."""


class BadOutcomes(ValueError):
    """A batch that can't be read, with a sentence for its sender; nothing of it was taken."""


def check_name(what: str, text: Any, longest: int) -> str:
    """A name that can be stored: a stream's, or a batch's.

    Raises:
        BadOutcomes: If it is no text, too long, or has characters that can't be kept.
    """
    if not isinstance(text, str) or len(text) > longest or not is_storable(text):
        raise BadOutcomes(f"{what} is text of at most {longest} characters.")
    return text


def rows_from_json(body: Any) -> pa.Table:
    """Rows of a JSON array of objects, or of an object of arrays.

    Raises:
        BadOutcomes: If it is neither, or an outcome can't be read.
    """
    if isinstance(body, Mapping):
        _check_names(body)
        return _from_columns(body)
    if isinstance(body, Sequence) and not isinstance(body, str | bytes):
        return _from_records(body)
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
    _check_names(table.column_names)
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
    _check_size(table.num_rows)
    return normalized(table)


def _check_names(names: Iterable[Any]) -> None:
    if unknown := sorted(set(map(str, names)) - set(COLUMNS))[:MOST_NAMED]:
        raise BadOutcomes(
            f"Outcomes have no {', '.join(each[:LONGEST_NAMED] for each in unknown)}; they have {ALL}."
        )


def _from_records(records: Sequence[Any]) -> pa.Table:
    _check_size(len(records))
    for number, record in enumerate(records):
        if not isinstance(record, Mapping):
            raise BadOutcomes(f"Outcome {number} is not an object.")
        if not record.keys() <= KNOWN:
            _check_names(record)
    present: set[str] = set().union(*records)
    names = [name for name in COLUMNS if name in present]
    return _from_columns({name: _values(name, records) for name in names})


def _values(name: str, records: Sequence[Any]) -> list[Any]:
    return [record.get(name) for record in records]


def _from_columns(columns: Mapping[str, Any]) -> pa.Table:
    try:
        plain = {name: _without_booleans(values) for name, values in columns.items()}
        return _batch(table_from_columns(plain) if plain else pa.table({}))
    except InvalidInlineData as error:
        raise BadOutcomes(str(error)) from error


def _without_booleans(values: Any) -> Any:
    """True and 1 are the same class, wherever each was sent."""
    if not isinstance(values, list) or bool not in set(map(type, values)):
        return values
    return [int(value) if isinstance(value, bool) else value for value in values]


def _check_size(rows: int) -> None:
    if rows > MOST_ROWS:
        raise BadOutcomes(f"A batch has at most {MOST_ROWS} rows, this one has {rows}.")


def _normalized(name: str, column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_null(kind):
        return column
    try:
        if name == "occurred_at":
            return _instants(column)
        if name == "prediction_id":
            return _identifiers(column)
        if pa.types.is_dictionary(kind) and is_number(kind.value_type):
            column = column.dictionary_decode()
        if pa.types.is_boolean(kind):
            column = column.cast(pa.int8())
        if is_number(column.type):
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
        found = column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(INSTANT)
    elif _is_text(column.type):
        found = pc.cast(_text("occurred_at", column), INSTANT)
    else:
        raise BadOutcomes("occurred_at has times: ISO 8601 text, or timestamps.")
    bounds = pc.min_max(found.cast(pa.int64()))
    first, last = (int(each.timestamp()) * 1_000_000 for each in (FIRST, LAST))
    if (
        len(found) > found.null_count
        and not first <= bounds["min"].as_py() <= bounds["max"].as_py() <= last
    ):
        raise BadOutcomes("occurred_at has a time before the year 1 or after 9999.")
    return found


def _identifiers(column: pa.Array) -> pa.Array:
    found = _text(
        "prediction_id", column.cast(pa.string()) if pa.types.is_integer(column.type) else column
    )
    longest = pc.max(pc.utf8_length(found)).as_py() or 0
    if longest > LONGEST_ID:
        raise BadOutcomes(f"A prediction_id has at most {LONGEST_ID} characters.")
    return found


def _text(name: str, column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type) and _is_text(column.type.value_type):
        lengths = pc.binary_length(column.dictionary).take(
            column.indices
        )  # a few bytes of indices may mean gigabytes
        if (pc.sum(lengths.cast(pa.int64())).as_py() or 0) > MOST_TEXT_BYTES:
            raise BadOutcomes(
                f"{name} takes more than {MOST_TEXT_BYTES} bytes, its dictionary unpacked."
            )
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
    """Views are not among them: many may show one long text, and a few bytes then mean gigabytes."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
