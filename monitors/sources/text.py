"""Types of CSV columns, which are guessed from the first block of a file and may prove too narrow further down."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa

_CONVERSION = re.compile(
    r"In CSV column #(\d+):.*CSV conversion error to (?!.*invalid UTF8)", re.DOTALL
)


def widened(schema: pa.Schema, file_columns: Sequence[str], message: str) -> pa.Schema | None:
    """The schema with the column that a conversion error names made one step wider; None if that is not the trouble.

    Args:
        schema: What the scan used.
        file_columns: The header of the file that failed, to which the message's column number refers.
        message: pyarrow's error.
    """
    found = _CONVERSION.search(message)
    if found is None:
        return None
    position = schema.get_field_index(file_columns[int(found[1])])
    wider = _wider(schema.field(position).type)
    return None if wider is None else schema.set(position, schema.field(position).with_type(wider))


def _wider(dtype: pa.DataType) -> pa.DataType | None:
    if pa.types.is_string(dtype):
        return None
    if pa.types.is_null(dtype):
        return pa.int64()
    if pa.types.is_int64(dtype):
        return pa.float64()
    if pa.types.is_date32(dtype):
        return pa.timestamp("s")
    if pa.types.is_timestamp(dtype) and dtype.unit == "s":
        return pa.timestamp("ns", tz=dtype.tz)
    return pa.string()
