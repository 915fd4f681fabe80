"""Takes tables of other libraries as Arrow: by the Arrow PyCapsule protocol, or as pandas' own."""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from ..errors import COLUMN_ERRORS, UnusableColumn
from ..profiles import Column

WANTED = "a pandas, polars or Arrow table, or another that has __arrow_c_stream__"
HINTS = {"Series": "; its to_frame() makes a table", "LazyFrame": "; its collect() makes a table"}
"""What makes a table of an object, by the name of its class."""
MOST_NAMED = 3
"""Types of values that a reason names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenTable:
    """A table as Arrow; also a window, in which a column that cannot be read is there all the same.

    Attributes:
        table: The columns that can be read.
        unusable: The others, each with the reason, which holds no value.
    """

    table: pa.Table
    unusable: Mapping[str, str] = field(default_factory=dict)

    @property
    def num_rows(self) -> int:
        """Rows of the table."""
        return int(self.table.num_rows)

    @property
    def column_names(self) -> list[str]:
        """All columns, those that cannot be read at the end."""
        return [*self.table.column_names, *self.unusable]

    def column(self, name: str) -> Column:
        """A column.

        Raises:
            UnusableColumn: If it cannot be read.
        """
        if name in self.unusable:
            raise UnusableColumn(self.unusable[name])
        return self.table.column(name)


def to_arrow(table: Any, name: str) -> TakenTable:
    """A table as Arrow, without the index of a data frame.

    Args:
        table: Of any library that lends Arrow data, or of pandas.
        name: What the table is, for the message of an error.

    Raises:
        TypeError: If it is no table, or its library cannot lend it.
        ValueError: If two columns have one name.
    """
    taken = _take(table, name)
    _require_names(taken.column_names, name)
    return TakenTable(table=_as_files_hold_it(taken.table), unusable=taken.unusable)


def _take(table: Any, name: str) -> TakenTable:
    if isinstance(table, pa.Table):
        return TakenTable(table=table)
    if _is_data_frame(table):
        return _take_frame(table, name)
    kind = type(table).__name__
    if kind in HINTS or not hasattr(table, "__arrow_c_stream__"):
        raise TypeError(f"{name} must be {WANTED}, not {kind}{HINTS.get(kind, '')}.")
    try:
        return TakenTable(table=pa.table(table))
    except (*COLUMN_ERRORS, OSError) as error:
        text = " ".join(str(error).split()).rstrip(".")
        raise TypeError(f"{name} cannot be read as a table: {text}.") from error


def _is_data_frame(table: Any) -> bool:
    """True for a data frame of pandas, which nothing here imports."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(table, pandas.DataFrame)


def _take_frame(frame: Any, name: str) -> TakenTable:
    """A data frame of pandas; its columns one by one where they cannot be read together."""
    try:
        return TakenTable(table=pa.Table.from_pandas(frame, preserve_index=False))
    except COLUMN_ERRORS:
        _require_names(map(str, frame.columns), name)
    taken: dict[str, pa.Array] = {}
    unusable: dict[str, str] = {}
    for label, values in frame.items():
        try:
            taken[str(label)] = pa.Array.from_pandas(values)
        except COLUMN_ERRORS:
            unusable[str(label)] = _reason_of(str(label), values)
    return TakenTable(table=_table_of(taken, len(frame)), unusable=unusable)


def _require_names(names: Iterable[str], name: str) -> None:
    if twice := [each for each, count in Counter(names).items() if count > 1]:
        raise ValueError(f"{name} must have column names that differ: {twice[0]}.")


def _table_of(columns: Mapping[str, pa.Array], rows: int) -> pa.Table:
    """The columns as a table, which has its rows even without a column."""
    if columns:
        return pa.table(columns)
    return pa.table({"": pa.nulls(rows)}).select([])


def _reason_of(label: str, values: Any) -> str:
    """The reason why a column cannot be read, without one of its values: it may be sensitive."""
    kinds = sorted({type(each).__name__ for each in values.dropna()})
    named = ", ".join(kinds[:MOST_NAMED]) + (", …" if len(kinds) > MOST_NAMED else "")
    if len(kinds) > 1:
        return f"Column {label!r} holds values of several types: {named}."
    return f"Column {label!r} holds {named} values that Arrow has no type for."


def _as_files_hold_it(table: pa.Table) -> pa.Table:
    """The table with the dictionaries that files hold: of plain text; any other becomes its values.

    A dictionary of text views is what polars lends as categories. One of numbers is a category of pandas; Parquet
    keeps its numbers.
    """
    for place, each in enumerate(table.schema):
        if pa.types.is_dictionary(each.type):
            table = table.set_column(place, each.name, _plain(table.column(place)))
    return table


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of a dictionary as files hold it."""
    dtype = column.type
    if _is_text(dtype.value_type):
        return column
    if not pa.types.is_string_view(dtype.value_type):
        return column.cast(dtype.value_type)
    chunks = [_with_plain_text(chunk) for chunk in column.chunks]
    return pa.chunked_array(chunks, pa.dictionary(dtype.index_type, pa.large_string()))


def _is_text(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_string(dtype) or pa.types.is_large_string(dtype))


def _with_plain_text(chunk: pa.DictionaryArray) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.large_string()))
