"""Windows of data sent in the request itself, as JSON columns."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from algorithms.storable_text import is_storable
from monitors.sources.source_errors import InvalidInlineData, UnreadableSource

Scalar = bool | int | float | str | None

_WHOLE = (
    (range(-(1 << 63), 1 << 63), pa.int64()),
    (range(1 << 64), pa.uint64()),
    (range(-(1 << 63), 1 << 64), pa.decimal128(20, 0)),
)
"""Whole numbers that a type holds, in the order in which the types are tried."""
_KINDS = {bool: "booleans", int: "numbers", float: "numbers", str: "strings"}
_TYPES = {"booleans": pa.bool_(), "strings": pa.string()}


def table_from_columns(columns: Mapping[str, Sequence[Scalar]]) -> pa.Table:
    """A table of JSON columns.

    Whole numbers become int64, uint64 or a decimal of 20 digits, the first that holds them all. A
    column that also holds a fraction, NaN, an infinity or a whole number beyond 64 bits becomes
    float64.
    A column of nulls alone has the null type.

    Args:
        columns: Name to values; all of the same length, which may be zero.

    Raises:
        InvalidInlineData: If there is no column, the lengths differ, or a column mixes kinds or
            nests values.
    """
    if not isinstance(columns, Mapping) or not columns:
        raise InvalidInlineData("The data must be an object with at least one column.")
    arrays = {name: _array(name, values) for name, values in columns.items()}
    _refuse_unequal_lengths(arrays)
    return pa.table(arrays)


def _refuse_unequal_lengths(arrays: Mapping[str, pa.Array]) -> None:
    first = next(iter(arrays))
    length = len(arrays[first])
    for name, array in arrays.items():
        if len(array) != length:
            raise InvalidInlineData(
                f"The column ‘{name}’ has {len(array)} values but ‘{first}’ has {length}."
            )


def _array(name: Any, values: Any) -> pa.Array:
    _refuse_bad_name(name)
    if not isinstance(values, list | tuple):
        raise InvalidInlineData(f"The column ‘{name}’ must be a list of values.")
    try:
        return _convert(values, _type(name, values))
    except OverflowError:
        raise InvalidInlineData(
            f"The column ‘{name}’ holds a number too large for a 64-bit float."
        ) from None
    except UnicodeEncodeError:
        raise InvalidInlineData(
            f"The column ‘{name}’ holds text that is not valid Unicode."
        ) from None


def _refuse_bad_name(name: Any) -> None:
    if not isinstance(name, str) or not name or not is_storable(name):
        raise InvalidInlineData("Every column needs a name, of valid Unicode and without NUL.")


def _convert(values: Sequence[Any], dtype: pa.DataType) -> pa.Array:
    if dtype == pa.float64():
        values = [None if value is None else float(value) for value in values]
    return pa.array(values, type=dtype)


def _type(name: str, values: Sequence[Any]) -> pa.DataType:
    types = set(map(type, values)) - {type(None)}
    if not types:
        return pa.null()
    kind = _kind(name, types)
    if kind != "numbers":
        return _TYPES[kind]
    return _whole_type(values) if types == {int} else pa.float64()


def _whole_type(values: Sequence[int | None]) -> pa.DataType:
    known = [value for value in values if value is not None]
    least, greatest = min(known), max(known)
    fitting = (dtype for held, dtype in _WHOLE if least in held and greatest in held)
    return next(fitting, pa.float64())


def _kind(name: str, types: set[type]) -> str:
    """The one kind of a column's values."""
    if not types <= _KINDS.keys():
        raise InvalidInlineData(
            f"The column ‘{name}’ may only hold numbers, strings, booleans and nulls."
        )
    kinds = sorted({_KINDS[found] for found in types})
    first, *others = kinds
    if others:
        raise InvalidInlineData(f"The column ‘{name}’ mixes {' and '.join(kinds)}.")
    return first


def table_to_bytes(table: pa.Table) -> bytes:
    """The table as an Arrow IPC stream compressed with zstd."""
    sink, options = pa.BufferOutputStream(), pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def table_from_bytes(data: bytes) -> pa.Table:
    """The table that `table_to_bytes` wrote, checked before any kernel trusts its offsets.

    Raises:
        UnreadableSource: If the bytes are not such a table.
    """
    try:
        with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
            table = reader.read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableSource(
            "The stored window cannot be read: its bytes are damaged."
        ) from error
    return table
