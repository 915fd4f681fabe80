"""Hashes sent rows by what they say, so that what comes again is known from other rows of its id."""

from collections.abc import Iterable
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from algorithms.arrays import FloatArray
from detections.outcomes.outcome_tables import COLUMNS

NUMBERS, INTEGERS, TIMES, TEXT, NULLS = b"numbers", b"integers", b"times", b"text", b"nulls"


def hash_of_rows(rows: pa.Table) -> str:
    """The hash of what outcomes say, whatever they were sent as: JSON, NDJSON or Arrow.

    A column without a value is one that was left out, and zeros have no sign.

    Args:
        rows: Normalized, without times that the sender did not give.
    """
    held = [name for name in COLUMNS if rows[name].null_count < rows.num_rows]
    return hash_of_columns(rows, held)


def hash_of_columns(rows: pa.Table, names: Iterable[str]) -> str:
    """The hash of the values of some columns, in this order of the columns.

    Numbers of any type and booleans are compared by value.

    Args:
        rows: Columns of numbers, booleans, text, points in time or nulls.
        names: The columns.
    """
    found = sha256(str(rows.num_rows).encode())
    for name in names:
        for piece in (name.encode(), *_pieces(rows[name].combine_chunks())):
            found.update(len(piece).to_bytes(8))
            found.update(piece)
    return found.hexdigest()


def _pieces(column: pa.Array) -> tuple[bytes, ...]:
    """The type of a column, the rows that have a value, and the values, as bytes."""
    if column.null_count == len(column):
        return (NULLS,)
    known = column.is_valid().to_numpy(zero_copy_only=False).tobytes()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return (TEXT, known, *_pieces_of_text(column.cast(pa.string())))
    if pa.types.is_timestamp(column.type):
        return TIMES, known, column.cast(pa.int64()).fill_null(0).to_numpy().tobytes()
    numbers = _as_floats(column)
    if numbers is None:
        return INTEGERS, known, column.cast(pa.int64()).fill_null(0).to_numpy().tobytes()
    return NUMBERS, known, _bytes_of_numbers(numbers)


def _as_floats(column: pa.Array) -> pa.Array | None:
    """Numbers as floats; None for whole numbers that are not all exact as floats."""
    try:
        return column.cast(pa.float64())
    except pa.ArrowInvalid:
        return None


def _bytes_of_numbers(column: pa.Array) -> bytes:
    """Floats as bytes; the sum makes -0.0 to 0.0."""
    numbers: FloatArray = column.fill_null(0.0).to_numpy() + 0.0
    return numbers.tobytes()


def _pieces_of_text(column: pa.Array) -> tuple[bytes, bytes]:
    """The lengths of texts, then the texts one after the other."""
    whole = column.fill_null("")
    lengths = np.asarray(pc.binary_length(whole))
    joined = pc.binary_join(pa.ListArray.from_arrays([0, len(whole)], whole), "")[0]
    return lengths.tobytes(), joined.as_buffer().to_pybytes()
