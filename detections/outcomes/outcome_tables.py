"""Brings batches of outcomes, as they are sent, into one form."""

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.utils import timezone

from algorithms.decimals import LARGEST_EXACT
from detections.outcomes.arrow_messages import is_compressed
from detections.outcomes.outcome_columns import AN_EXACT_NUMBER, CLASSES, INSTANT, read_column
from detections.outcomes.refusals import LONGEST_SHOWN, BadOutcomes, bad_cell, shown
from drift_detector.api.names import unknown_names
from monitors.sources import InvalidInlineData, is_storable, table_from_columns

COLUMNS = ("occurred_at", "prediction_id", "prediction", "label", "score", "error")
KNOWN = frozenset(COLUMNS)
LONGEST_BATCH_ID = 200
LONGEST_STREAM = 100
MOST_ROWS = 200_000
MOST_NAMED = 2
LONGEST_INTEGER = 1024
"""Bits of the largest float, as a whole number."""


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
    records = [_parsed(number, line) for number, line in lines if line.strip()]
    if not records:
        raise BadOutcomes("The body is empty; it needs outcomes.")
    return rows_from_json(records)


def _parsed(number: int, line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        start = line[:LONGEST_SHOWN].decode(errors="replace")
        raise BadOutcomes(f"Line {number} is no JSON: {start!r}") from error


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
        raise BadOutcomes(
            "This is not an Arrow IPC stream of outcomes, or it is damaged."
        ) from error


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
    _check_unique(table.column_names)
    columns = {name: _known_column(name, table) for name in COLUMNS}
    _check_one_type(columns["prediction"], columns["label"])
    return pa.table(columns)


def _check_unique(names: Sequence[str]) -> None:
    """Refuse a name that comes twice, of which either column could be meant."""
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadOutcomes(f"{twice} must be one column; the batch has several.")


def _known_column(name: str, table: pa.Table) -> pa.Array:
    if name not in table.column_names:
        return pa.nulls(table.num_rows)
    return read_column(name, table.column(name).combine_chunks())


def _check_one_type(prediction: pa.Array, label: pa.Array) -> None:
    has_both = not pa.types.is_null(prediction.type) and not pa.types.is_null(label.type)
    if has_both and prediction.type != label.type:
        one, other = _first_shown("prediction", prediction), _first_shown("label", label)
        raise BadOutcomes(
            f"{one} and {other}. Predictions and labels must be both numbers, or both text."
        )


def _first_shown(name: str, column: pa.Array) -> str:
    row = max(0, pc.index(column.is_valid(), True).as_py())
    return f"{name} of outcome {row} is {shown(column[row].as_py())}"


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
    if unknown := unknown_names(map(str, names), COLUMNS, what="field"):
        sentences = list(unknown.values())[:MOST_NAMED]
        raise BadOutcomes(f"An outcome has other fields. {' '.join(sentences)}")


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
        table = table_from_columns(plain) if plain else pa.table({})
    except InvalidInlineData as error:
        _refuse_odd_cells(columns)
        raise BadOutcomes(str(error)) from error
    _check_exact(plain, table)
    return _batch(table)


def _refuse_odd_cells(columns: Mapping[str, Any]) -> None:
    """Name the first value that its column can't have beside those before it; return if the fault is another."""
    for name, values in columns.items():
        if isinstance(values, list):
            _refuse_odd_cell(name, values)


def _refuse_odd_cell(name: str, values: list[Any]) -> None:
    known = [(row, value) for row, value in enumerate(values) if value is not None]
    kinds = [_kind(value) for _, value in known]
    for (row, value), kind in zip(known, kinds, strict=True):
        if need := _lack(value):
            raise bad_cell(name, row, value, need)
        if kind != kinds[0]:
            raise bad_cell(name, row, value, f"be {kinds[0]}, as those before it are")


def _kind(value: Any) -> str:
    return "text" if isinstance(value, str) else "a number"


def _lack(value: Any) -> str:
    """The need of a value that no column can have; empty for others."""
    match value:
        case str():
            return "" if is_storable(value.replace("\0", "")) else "be valid Unicode"
        case int():
            is_float = value.bit_length() <= LONGEST_INTEGER
            return "" if is_float else "be a number that a 64-bit float can hold"
        case float():
            return ""
    return "be a number, text, true, false or null"


def _check_exact(columns: Mapping[str, Any], table: pa.Table) -> None:
    """Refuse whole numbers that became floats beside others: as classes, two of them could be equal."""
    for name in CLASSES:
        values = columns.get(name)
        if values and pa.types.is_floating(table[name].type) and int in set(map(type, values)):
            _check_exact_values(name, values)


def _check_exact_values(name: str, values: list[Any]) -> None:
    for row, value in enumerate(values):
        if isinstance(value, int) and abs(value) > LARGEST_EXACT:
            raise bad_cell(name, row, value, AN_EXACT_NUMBER)


def _without_booleans(values: Any) -> Any:
    """True and 1 are the same class, wherever each was sent."""
    if not isinstance(values, list) or bool not in set(map(type, values)):
        return values
    return [int(value) if isinstance(value, bool) else value for value in values]


def _check_size(rows: int) -> None:
    if rows > MOST_ROWS:
        raise BadOutcomes(f"A batch has at most {MOST_ROWS} rows, this one has {rows}.")
