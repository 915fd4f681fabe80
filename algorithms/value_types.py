"""The type of a column's values, as a baseline freezes it: what may be compared with what."""

from enum import StrEnum
from functools import lru_cache

import pyarrow as pa


class ValueType(StrEnum):
    """The type of values, whatever a file stores them as."""

    TEXT = "text"
    UNTYPED = "untyped"
    """Text of a file that says nothing of types, such as CSV: `7` can be a number or a word."""
    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT16 = "float16"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    INSTANT = "instant"
    DATE = "date"
    DURATION = "duration"
    NULL = "null"
    """A column without a value, which says nothing of its type."""
    OTHER = "other"
    """Bytes, nested values and times of day, which are not compared."""


NUMBERS = frozenset(
    {
        ValueType.BOOLEAN,
        ValueType.INTEGER,
        ValueType.DECIMAL,
        ValueType.FLOAT16,
        ValueType.FLOAT32,
        ValueType.FLOAT64,
    }
)
"""Types whose values are numbers; booleans are 0 and 1."""
EXACT_TYPES = frozenset({ValueType.INTEGER, ValueType.DECIMAL})
"""Types that keep every digit of a number."""
MOMENTS = frozenset({ValueType.INSTANT, ValueType.DATE})
"""Types whose values are points in time; a date is its midnight."""
FAMILIES = (
    frozenset({ValueType.TEXT}),
    NUMBERS,
    MOMENTS,
    frozenset({ValueType.DURATION}),
)
MANTISSA_BITS = {
    ValueType.FLOAT16: 10,
    ValueType.FLOAT32: 23,
    ValueType.FLOAT64: 52,
    ValueType.DECIMAL: 52,
}
"""Bits after the point of a float (IEEE 754); decimals are read as float64."""
NARROW_FLOATS = frozenset({ValueType.FLOAT16, ValueType.FLOAT32})
FLOATS = frozenset({*NARROW_FLOATS, ValueType.FLOAT64})


def shared_bits(contract: ValueType, found: ValueType) -> int | None:
    """The bits of a mantissa to which values of two types agree; None where they are equal or not at all.

    Whole numbers are exact, unless a window holds them as narrow floats.
    """
    bits = [MANTISSA_BITS[each] for each in (contract, found) if each in NARROW_FLOATS]
    if contract in MANTISSA_BITS:
        bits.append(MANTISSA_BITS[contract])
    return min(bits, default=None)


@lru_cache(maxsize=1024)
def value_type_of(data_type: pa.DataType) -> ValueType:
    """The type of the values of an Arrow type; of a dictionary, that of its values."""
    if pa.types.is_dictionary(data_type):
        return value_type_of(data_type.value_type)
    for is_type, found in _CHECKS:
        if is_type(data_type):
            return found
    return ValueType.OTHER


_CHECKS = (
    (pa.types.is_null, ValueType.NULL),
    (pa.types.is_boolean, ValueType.BOOLEAN),
    (pa.types.is_integer, ValueType.INTEGER),
    (pa.types.is_float16, ValueType.FLOAT16),
    (pa.types.is_float32, ValueType.FLOAT32),
    (pa.types.is_float64, ValueType.FLOAT64),
    (pa.types.is_decimal, ValueType.DECIMAL),
    (pa.types.is_timestamp, ValueType.INSTANT),
    (pa.types.is_date, ValueType.DATE),
    (pa.types.is_duration, ValueType.DURATION),
    (pa.types.is_string, ValueType.TEXT),
    (pa.types.is_large_string, ValueType.TEXT),
    (pa.types.is_string_view, ValueType.TEXT),
)


def words_of(data_type: pa.DataType) -> str:
    """The type of a column for people: that of its values, or Arrow's word for what is not compared."""
    found = value_type_of(data_type)
    return str(data_type) if found is ValueType.OTHER else found.value


def are_comparable(contract: ValueType, found: ValueType) -> bool:
    """True if values of the two types can be compared by value: numbers with numbers, moments with moments, untyped
    text with what it can say.
    """
    if contract == found or ValueType.NULL in (contract, found):
        return True
    if contract is ValueType.UNTYPED:
        return found not in (ValueType.DURATION, ValueType.OTHER)
    return any(contract in family and found in family for family in FAMILIES)
