"""Read times that columns of text hold, where the reference holds moments."""

from collections.abc import Mapping
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from monitors.sources.column_types import ColumnType
from monitors.sources.csv_dialect import DEFAULT_DIALECT
from monitors.sources.csv_types import TIMES, convert
from monitors.sources.local_times import UTC_ZONE, moment_of, place_in_zone

type Column = pa.Array | pa.ChunkedArray


def write_in_utc(column: Column, zone: str) -> Column:
    """A column of text with its times in UTC, those without a zone read in one; other text as it is.

    Args:
        column: Shape (n,); of other types than text it stays as it is.
        zone: A name of the IANA database.
    """
    if zone == UTC_ZONE or not _is_text(column.type):
        return column
    encoded = column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)
    if isinstance(encoded, pa.ChunkedArray):
        chunks = [_written_in_utc(chunk, zone) for chunk in encoded.chunks]
        return pa.chunked_array(chunks, encoded.type).cast(column.type)
    return _written_in_utc(encoded, zone).cast(column.type)


def _written_in_utc(encoded: pa.DictionaryArray, zone: str) -> pa.DictionaryArray:
    words = [_word_in_utc(word, zone) for word in encoded.dictionary.to_pylist()]
    written = pa.array(words, encoded.dictionary.type)
    return pa.DictionaryArray.from_arrays(encoded.indices, written)


def _word_in_utc(word: str | None, zone: str) -> str | None:
    try:
        time = datetime.fromisoformat((word or "").strip())
        return word if time.tzinfo else moment_of(time, zone).isoformat()
    except (ValueError, OverflowError):
        return word


def _is_text(dtype: pa.DataType) -> bool:
    if pa.types.is_dictionary(dtype):
        return _is_text(dtype.value_type)
    return bool(pa.types.is_string(dtype) or pa.types.is_large_string(dtype))


def read_inline_times(table: pa.Table, types: Mapping[str, ColumnType], zone: str) -> pa.Table:
    """Rows of a request with their texts read as times, where the reference holds moments.

    JSON has no times. Text that is no time stays text.

    Args:
        table: Columns of JSON.
        types: The way to read columns that the reference has.
        zone: The zone of times without one.
    """
    for position, name in enumerate(table.column_names):
        column = table.column(position)
        if _is_text(column.type) and name in types:
            table = table.set_column(position, name, _inline_column(column, types[name], zone))
    return table


def _inline_column(column: pa.ChunkedArray, contract: ColumnType, zone: str) -> pa.ChunkedArray:
    if contract is ColumnType.TIME_TEXT:
        return write_in_utc(column, zone)
    if contract is not ColumnType.TIME:
        return column
    found = (convert(column, dtype, DEFAULT_DIALECT, zone) for dtype in TIMES)
    times = next((each for each in found if each is not None), None)
    return column if times is None else place_in_zone(times, zone)
