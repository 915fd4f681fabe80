"""Say how the columns of a CSV file are read, where the file itself says nothing of types."""

from enum import StrEnum

import pyarrow as pa

from algorithms.value_types import MOMENTS, NUMBERS, ValueType, value_type_of


class ColumnType(StrEnum):
    """The way to read a column of text."""

    TEXT = "text"
    """As its letters: `02134`, `1.10`, `NA` and `True` stay what they are."""
    NUMERIC = "numeric"
    """As numbers; the usual words for a missing value are null."""
    VALUE_TEXT = "value_text"
    """As its letters, for categories that the reference stores as numbers or booleans; the usual
    words for a missing value are null, as none of them is such a value."""
    TIME_TEXT = "time_text"
    """Likewise, for dates and times; those without a zone are read in the zone of the data."""
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
    found = ValueType.TEXT if dtype is None else value_type_of(dtype)
    if is_categorical:
        return _text_of(found)
    return ColumnType.TIME if found in MOMENTS else ColumnType.NUMERIC


def _text_of(found: ValueType) -> ColumnType:
    """The way to read categories that the reference stores as this type."""
    if found in MOMENTS:
        return ColumnType.TIME_TEXT
    return ColumnType.VALUE_TEXT if found in NUMBERS else ColumnType.TEXT


TEXTS_OF_VALUES = frozenset({ColumnType.VALUE_TEXT, ColumnType.TIME_TEXT})
TEXTS = TEXTS_OF_VALUES | {ColumnType.TEXT}
"""The ways to read a column of which the letters stay."""
