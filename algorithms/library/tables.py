"""Takes tables of other libraries as Arrow: by the Arrow PyCapsule protocol, or as pandas' own."""

import sys
from collections import Counter
from typing import Any

import pyarrow as pa

WANTED = "a pandas, polars or Arrow table, or another that has __arrow_c_stream__"


def to_arrow(table: Any, name: str) -> pa.Table:
    """A table as Arrow, without the index of a data frame.

    Args:
        table: Of any library that lends Arrow data, or of pandas.
        name: What the table is, for the message of an error.

    Raises:
        TypeError: If it is no table, or a column has values of several types.
        ValueError: If two columns have one name.
    """
    try:
        found = _without_views(_read(table, name))
    except pa.ArrowException as error:
        raise TypeError(f"{name} cannot be read as a table: {error}.") from error
    if twice := [each for each, count in Counter(found.column_names).items() if count > 1]:
        raise ValueError(f"{name} must have column names that differ: {twice[0]}.")
    return found


def _read(table: Any, name: str) -> pa.Table:
    if isinstance(table, pa.Table):
        return table
    if _is_data_frame(table):
        return pa.Table.from_pandas(table, preserve_index=False)
    if isinstance(table, pa.RecordBatch) or hasattr(table, "__arrow_c_stream__"):
        return pa.table(table)
    raise TypeError(f"{name} must be {WANTED}, not {type(table).__name__}.")


def _is_data_frame(table: Any) -> bool:
    """True for a data frame of pandas, which nothing here imports."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(table, pandas.DataFrame)


def _without_views(table: pa.Table) -> pa.Table:
    """The table with dictionaries of text views, as polars lends categories, as dictionaries of text."""
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type) and pa.types.is_string_view(field.type.value_type):
            chunks = [_as_text(chunk) for chunk in table.column(place).chunks]
            dtype = pa.dictionary(field.type.index_type, pa.large_string())
            table = table.set_column(place, field.name, pa.chunked_array(chunks, dtype))
    return table


def _as_text(chunk: pa.DictionaryArray) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.large_string()))
