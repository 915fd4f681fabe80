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
MICROSECONDS = 1_000_000
FIRST_MICROSECOND = int(datetime(1, 1, 2, tzinfo=UTC).timestamp()) * MICROSECONDS
LAST_MICROSECOND = int(datetime(9999, 12, 30, tzinfo=UTC).timestamp()) * MICROSECONDS
"""Times beyond these two do not exist in every zone."""


class BadOutcomes(ValueError):
    """A batch that can't be read, with a sentence for its sender; nothing of it was taken."""


class BatchReused(BadOutcomes):
    """A batch's id came again with other outcomes."""


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
    lines = enumerate(body.splitlines())
    return rows_from_json([_parsed(number, line) for number, line in lines if line.strip()])


def _parsed(number: int, line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadOutcomes(f"Line {number} is not JSON: {error}") from error


def rows_from_arrow(body: bytes) -> pa.Table:
    """Rows of an Arrow IPC stream.

    Raises:
        BadOutcomes: If it is none, or an outcome can't be read.
    """
    try:
        return _batch(_read_stream(body))
    except BadOutcomes:
        raise
    except (pa.ArrowException, OSError, ValueError, struct.error) as error:
        raise BadOutcomes(f"This is not an Arrow IPC stream of outcomes: {error}") from error


def _read_stream(body: bytes) -> pa.Table:
    if is_compressed(body):
        raise BadOutcomes("Send the Arrow stream uncompressed.")
    with pa.ipc.open_stream(body) as stream:
        table = stream.read_all()
    table.validate(full=True)
    return table


def normalized(table: pa.Table) -> pa.Table:
    """The known columns in known types: numbers as float64, other predictions and labels as text.

    Times that were left out stay null.

    Raises:
        BadOutcomes: If a column is unknown or of a type it can't have.
    """
    _check_names(table.column_names)
    columns = {name: _known_column(name, table) for name in COLUMNS}
    _check_one_type(columns["prediction"].type, columns["label"].type)
    return pa.table(columns)


def _known_column(name: str, table: pa.Table) -> pa.Array:
    if name not in table.column_names:
        return pa.nulls(table.num_rows)
    return _normalized(name, table.column(name).combine_chunks())


def _check_one_type(prediction: pa.DataType, label: pa.DataType) -> None:
    has_both = not pa.types.is_null(prediction) and not pa.types.is_null(label)
    if has_both and prediction != label:
        raise BadOutcomes("Predictions and labels are both numbers, or both text.")


def with_times(rows: pa.Table) -> pa.Table:
    """The rows with the time of now where their sender gave none."""
    place = rows.column_names.index("occurred_at")
    now = pa.scalar(timezone.now(), INSTANT)
    return rows.set_column(place, "occurred_at", pc.fill_null(rows[place].cast(INSTANT), now))


def rows_between(table: pa.Table, start: datetime, end: datetime) -> pa.Table:
    """The rows with `start <= occurred_at < end`."""
    times = table["occurred_at"]
    is_later = pc.greater_equal(times, pa.scalar(start, times.type))
    is_earlier = pc.less(times, pa.scalar(end, times.type))
    return table.filter(pc.and_(is_later, is_earlier))


def _batch(table: pa.Table) -> pa.Table:
    _check_size(table.num_rows)
    return normalized(table)


def _check_names(names: Iterable[Any]) -> None:
    unknown = sorted(set(map(str, names)) - set(COLUMNS))
    if unknown:
        named = ", ".join(name[:LONGEST_NAMED] for name in unknown[:MOST_NAMED])
        raise BadOutcomes(f"Outcomes have no {named}; they have {ALL}.")


def _from_records(records: Sequence[Any]) -> pa.Table:
    _check_size(len(records))
    _check_records(records)
    present: set[str] = set().union(*records)
    names = [name for name in COLUMNS if name in present]
    return _from_columns({name: _values(name, records) for name in names})


def _check_records(records: Sequence[Any]) -> None:
    for number, record in enumerate(records):
        if not isinstance(record, Mapping):
            raise BadOutcomes(f"Outcome {number} is not an object.")
        if not record.keys() <= KNOWN:
            _check_names(record)


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
    if pa.types.is_null(column.type):
        return column
    try:
        if name == "occurred_at":
            return _instants(column)
        if name == "prediction_id":
            return _identifiers(column)
        return _numbers_or_text(name, _plain_numbers(column))
    except pa.ArrowException as error:
        raise BadOutcomes(f"{name}: {error}") from error


def _plain_numbers(column: pa.Array) -> pa.Array:
    """The column with numbers instead of a dictionary of numbers, or of booleans."""
    if pa.types.is_dictionary(column.type) and is_number(column.type.value_type):
        return column.dictionary_decode()
    return column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column


def _numbers_or_text(name: str, column: pa.Array) -> pa.Array:
    if is_number(column.type):
        return _finite(name, column.cast(pa.float64(), safe=False))
    if name in ("prediction", "label"):
        return _text(name, column)
    raise BadOutcomes(f"{name} has numbers, not {column.type}.")


def _instants(column: pa.Array) -> pa.Array:
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("us"))
    if pa.types.is_timestamp(column.type):
        times = column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(INSTANT)
    elif _is_text(column.type):
        times = pc.cast(_text("occurred_at", column), INSTANT)
    else:
        raise BadOutcomes("occurred_at has times: ISO 8601 text, or timestamps.")
    _check_years(times)
    return times


def _check_years(times: pa.Array) -> None:
    if len(times) == times.null_count:
        return
    bounds = pc.min_max(times.cast(pa.int64()))
    if bounds["min"].as_py() < FIRST_MICROSECOND or bounds["max"].as_py() > LAST_MICROSECOND:
        raise BadOutcomes("occurred_at has a time before the year 1 or after 9999.")


def _identifiers(column: pa.Array) -> pa.Array:
    column = column.cast(pa.string()) if pa.types.is_integer(column.type) else column
    identifiers = _text("prediction_id", column)
    _check_lengths(identifiers)
    return identifiers


def _check_lengths(identifiers: pa.Array) -> None:
    longest = pc.max(pc.utf8_length(identifiers)).as_py() or 0
    if longest > LONGEST_ID:
        raise BadOutcomes(f"A prediction_id has at most {LONGEST_ID} characters.")


def _text(name: str, column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type) and _is_text(column.type.value_type):
        _check_unpacked_size(name, column)
        column = column.dictionary_decode()
    if not _is_text(column.type):
        raise BadOutcomes(f"{name} has text or numbers, not {column.type}.")
    column = column.cast(pa.string())
    _check_storable(name, column)
    return column


def _check_storable(name: str, column: pa.Array) -> None:
    if pc.any(pc.match_substring(column, "\0")).as_py():
        raise BadOutcomes(f"{name} has a NUL character.")


def _check_unpacked_size(name: str, column: pa.DictionaryArray) -> None:
    """Refuse a dictionary that is large once unpacked: a few bytes of indices may mean gigabytes."""
    lengths = pc.binary_length(column.dictionary).take(column.indices)
    if (pc.sum(lengths.cast(pa.int64())).as_py() or 0) > MOST_TEXT_BYTES:
        raise BadOutcomes(
            f"{name} takes more than {MOST_TEXT_BYTES} bytes, its dictionary unpacked."
        )


def _finite(name: str, column: pa.Array) -> pa.Array:
    is_wrong = pc.invert(pc.is_finite(column))
    if pc.any(is_wrong).as_py():
        row = pc.index(is_wrong, True).as_py()
        raise BadOutcomes(f"{name} is not a finite number in outcome {row}.")
    return column


def _is_text(kind: pa.DataType) -> bool:
    """Views are not among them: many may show one long text, and a few bytes then mean gigabytes."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
