"""Say how the columns of a CSV file are read, where the file itself says nothing of types."""

from enum import StrEnum

import pyarrow as pa


class ColumnType(StrEnum):
    """The way to read a column of text."""

    TEXT = "text"
    """As its letters: `02134`, `1.10`, `NA` and `True` stay what they are."""
    NUMERIC = "numeric"
    """As numbers; the usual words for a missing value are null."""
    TIME_TEXT = "time_text"
    """As its letters, but times without a zone are read in the zone of the data."""
    TIME = "time"
    """As dates or timestamps."""
    LENIENT_NUMERIC = "lenient_numeric"
    """As numbers where all words are numbers, else as text."""
    LENIENT_TRUTH = "lenient_truth"
    """As booleans or numbers where all words are, else as text."""
    GUESS = "guess"
    """As whatever fits all of its values: numbers, booleans, times, else text."""
    OLDER = "older"
    """Guessed, and the usual words for a missing value are null in text too, as in older versions."""


def column_type_of(dtype: pa.DataType | None, *, is_categorical: bool) -> ColumnType:
    """The way to read a feature from CSV so that it fits its reference.

    Args:
        dtype: The type of the reference's column; None if it is not known, or if the reference was
            read from text.
        is_categorical: True if the feature is compared by name.
    """
    is_moment = dtype is not None and (pa.types.is_timestamp(dtype) or pa.types.is_date(dtype))
    if is_categorical:
        return ColumnType.TIME_TEXT if is_moment else ColumnType.TEXT
    return ColumnType.TIME if is_moment else ColumnType.NUMERIC


TEXTS = frozenset({ColumnType.TEXT, ColumnType.TIME_TEXT})
"""The ways to read a column of which the letters stay."""
