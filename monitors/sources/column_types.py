"""Say how the columns of a CSV file are read, where the file itself says nothing of types."""

from enum import StrEnum

import pyarrow as pa


class ColumnType(StrEnum):
    """The way to read a column of text."""

    TEXT = "text"
    """As its letters: `02134`, `1.10`, `NA` and `True` stay what they are."""
    NUMERIC = "numeric"
    """As numbers; the usual words for a missing value are null."""
    TIME = "time"
    """As dates or timestamps."""
    GUESS = "guess"
    """As whatever fits all of its values: numbers, booleans, times, else text."""
    OLDER = "older"
    """Guessed, and the usual words for a missing value are null in text too, as in older versions."""


def column_type_of(dtype: pa.DataType | None, *, is_categorical: bool) -> ColumnType:
    """The way to read a feature from CSV so that it fits its reference.

    Args:
        dtype: The type of the reference's column; None if it is not known.
        is_categorical: True if the feature is compared by name.
    """
    if is_categorical:
        return ColumnType.TEXT
    if dtype is not None and (pa.types.is_timestamp(dtype) or pa.types.is_date(dtype)):
        return ColumnType.TIME
    return ColumnType.NUMERIC
