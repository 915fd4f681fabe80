"""Names values so that equal values have one name, whatever type a file stores them as.

Integers, decimals and floats that are equal have one name, -0.0 is 0, booleans are 0 and 1, points in time are equal in
any unit or zone, and a date is its midnight. Text keeps its letters.
"""

import re
from datetime import datetime
from decimal import Context, Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .errors import RetypedColumn
from .value_types import (
    FLOATS,
    MOMENTS,
    NUMBERS,
    ValueType,
    are_comparable,
    value_type_of,
    words_of,
)

NAME = pa.large_string()
LONGEST_DIGITS = 76
"""Digits of the widest decimals; floats with more are written with an exponent."""
LARGEST_INTEGER = 2.0**63
EXACT = Context(prec=4 * LONGEST_DIGITS)
"""Python's usual context would round to 28 digits."""
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
LEADING_ZEROS = re.compile(r"\s*[+-]?0[0-9]")
DIGITS_OF_FLOAT64 = 15
"""Decimal digits that every float64 keeps (C's DBL_DIG)."""
TRUTHS = {"true": "1", "false": "0"}
TRUE_WORDS, FALSE_WORDS = frozenset({"true", "yes", "t", "y"}), frozenset({"false", "no", "f", "n"})


def name_values(values: pa.Array, contract: ValueType) -> pa.Array:
    """The names of values, as `large_string`; nulls stay null.

    Args:
        values: Distinct values.
        contract: The type of the baseline's values, whose names these are compared with.

    Raises:
        RetypedColumn: If values of the two types cannot be compared.
    """
    found = value_type_of(values.type)
    if not len(values):  # a column without a value has no type
        return pa.array([], NAME)
    if found is ValueType.TEXT and contract is not ValueType.DURATION:
        return _names_of_text(values.cast(NAME), contract)
    if not are_comparable(contract, found):
        raise RetypedColumn(
            f"Expected {contract} values, as in the reference, but the column holds {words_of(values.type)}."
        )
    if found in NUMBERS:
        names = _names_of_numbers(_rounded(values, contract))
        return _names_of_truths(names) if contract is ValueType.BOOLEAN else names
    if found in MOMENTS:
        return _names_of_moments(values)
    return values.cast(NAME) if found is ValueType.NULL else _names_of_durations(values)


def _rounded(values: pa.Array, contract: ValueType) -> pa.Array:
    """Floats in the precision of the contract, where that is narrower."""
    narrow = {ValueType.FLOAT32: pa.float32(), ValueType.FLOAT16: pa.float16()}.get(contract)
    if narrow is None or not pa.types.is_floating(values.type):
        return values
    is_narrower = values.type.bit_width > narrow.bit_width
    return values.cast(narrow, safe=False) if is_narrower else values


def _names_of_numbers(values: pa.Array) -> pa.Array:
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    if pa.types.is_integer(values.type):
        return values.cast(NAME)
    if pa.types.is_decimal(values.type):
        return _plain(values.cast(pa.string()).cast(NAME))
    return _names_of_floats(values)


def _names_of_floats(values: pa.Array) -> pa.Array:
    """Whole floats by their digits, others by the shortest digits that give them back, at most 15.

    Further digits tell how a number was computed and not which it is: 3 · 0.1 and 3 / 10 are one.
    """
    doubles = values.cast(pa.float64())
    is_whole = pc.and_(
        pc.equal(pc.trunc(doubles), doubles), pc.less(pc.abs(doubles), LARGEST_INTEGER)
    )
    whole = pc.if_else(is_whole, doubles, None).cast(pa.int64()).cast(NAME)
    return pc.coalesce(whole, _plain(_at_most_15_digits(_shortest(values))))


def _shortest(values: pa.Array) -> pa.Array:
    if not pa.types.is_float16(values.type):
        return values.cast(pa.string()).cast(NAME)
    halves = values.to_numpy(zero_copy_only=False)
    return pa.array([str(half) for half in halves], NAME)


def _at_most_15_digits(names: pa.Array) -> pa.Array:
    is_long = pc.greater(pc.utf8_length(names), DIGITS_OF_FLOAT64)
    if not pc.any(is_long).as_py():
        return names
    rounded = [f"{float(name):.{DIGITS_OF_FLOAT64}g}" for name in names.filter(is_long).to_pylist()]
    return pc.replace_with_mask(names, is_long, pa.array(rounded, NAME))


def _plain(names: pa.Array) -> pa.Array:
    """Numbers without exponents and without zeros at the end of a fraction."""
    trimmed = pc.replace_substring_regex(names, r"^(-?\d+\.\d*?)0+$", r"\1")
    trimmed = pc.replace_substring_regex(trimmed, r"^(-?\d+)\.$", r"\1")
    trimmed = pc.replace_substring_regex(trimmed, r"^-0$", "0")
    has_exponent = pc.match_substring_regex(trimmed, r"^-?[\d.]+[eE]")
    if not pc.any(has_exponent).as_py():
        return trimmed
    plain = [_digits(name) for name in trimmed.filter(has_exponent).to_pylist()]
    return pc.replace_with_mask(trimmed, has_exponent, pa.array(plain, NAME))


def _digits(text: str) -> str:
    """A number with its digits written out; very large and very small ones keep their exponent."""
    number = Decimal(text).normalize(EXACT)
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or abs(number.adjusted()) > LONGEST_DIGITS:
        return f"{number:e}"
    return f"{Decimal(float(text)):f}" if exponent > 0 and "e" in text else f"{number:f}"


def _names_of_truths(numbers: pa.Array) -> pa.Array:
    names = pc.if_else(pc.equal(numbers, "1"), "true", numbers)
    return pc.if_else(pc.equal(names, "0"), "false", names).cast(NAME)


def _names_of_moments(values: pa.Array) -> pa.Array:
    """ISO-8601 in UTC, as short as it can be: a midnight is a date."""
    if pa.types.is_date(values.type):
        return values.cast(pa.date32()).cast(pa.string()).cast(NAME)
    utc = values.cast(pa.timestamp(values.type.unit, "UTC"))
    names = pc.strftime(utc, format="%Y-%m-%dT%H:%M:%S").cast(NAME)
    names = pc.replace_substring_regex(names, r"(\.\d*?)0+$", r"\1")
    names = pc.replace_substring_regex(names, r"\.$", "")
    return pc.replace_substring_regex(names, r"T00:00:00$", "")


def _names_of_durations(values: pa.Array) -> pa.Array:
    """Seconds, exactly."""
    ticks = {"s": 0, "ms": 3, "us": 6, "ns": 9}[values.type.unit]
    seconds = [_seconds(count, ticks) for count in values.cast(pa.int64()).to_pylist()]
    return pa.array(seconds, NAME)


def _seconds(count: int | None, ticks: int) -> str | None:
    return None if count is None else f"{Decimal(count).scaleb(-ticks).normalize():f} s"


def _names_of_text(names: pa.Array, contract: ValueType) -> pa.Array:
    """Text as it is; under another contract, text that reads as a value of that type has the value's name."""
    if contract is ValueType.BOOLEAN:
        return pa.array([_truth(name) for name in names.to_pylist()], NAME)
    if contract in NUMBERS:
        return pa.array([_number(name, contract) for name in names.to_pylist()], NAME)
    if contract in MOMENTS:
        return pa.array([_moment(name) for name in names.to_pylist()], NAME)
    return names


def reads_as(text: str, contract: ValueType) -> bool:
    """True if a text says a value of the type; any text is text."""
    if contract is ValueType.BOOLEAN and text.strip().lower() in TRUE_WORDS | FALSE_WORDS:
        return True
    if contract in NUMBERS:
        return NUMBER.fullmatch(text.strip()) is not None
    return contract not in MOMENTS or _is_moment(text)


def find_writings(words: pa.Array, contract: ValueType) -> dict[str, str]:
    """The words that write a value of the type, by the value's name; the first of those that write the same.

    A number with leading zeros, such as `02134`, is a word and no number; a truth is 1 or 0.
    """
    texts = [text for text in words.to_pylist() if _writes(text, contract)]
    names = _names_of_text(pa.array(texts, NAME), contract).to_pylist()
    if contract is ValueType.BOOLEAN:
        names = [TRUTHS[name] for name in names]
    return dict(zip(reversed(names), reversed(texts), strict=True))


def _writes(text: str, contract: ValueType) -> bool:
    if contract is ValueType.BOOLEAN:
        return _truth(text) in TRUTHS
    return reads_as(text, contract) and not LEADING_ZEROS.match(text)


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text.strip())
    except ValueError:
        return False
    return True


def _truth(text: str | None) -> str | None:
    word = (text or "").strip().lower()
    number = _number(word, ValueType.INTEGER)
    if word in TRUE_WORDS or number == "1":
        return "true"
    return "false" if word in FALSE_WORDS or number == "0" else text


def _number(text: str | None, contract: ValueType) -> str | None:
    """The name of the number that a text says, or the text."""
    digits = (text or "").strip()
    if not NUMBER.fullmatch(digits):
        return text
    number = Decimal(digits)
    if abs(number.adjusted()) > LONGEST_DIGITS:
        return text
    if contract in FLOATS and number != number.to_integral_value():
        number = _rounded_number(number, contract)
    return "0" if not number else f"{number.normalize(EXACT):f}"


def _rounded_number(number: Decimal, contract: ValueType) -> Decimal:
    """A fraction as the contract's floats are named."""
    value = float(number)
    if contract is ValueType.FLOAT64:
        return Decimal(f"{value:.{DIGITS_OF_FLOAT64}g}")
    return Decimal(str(np.float32(value) if contract is ValueType.FLOAT32 else np.float16(value)))


def _moment(text: str | None) -> str | None:
    try:
        moment = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return text
    stored = pa.array([moment], pa.timestamp("us", "UTC" if moment.tzinfo else None))
    name: Any = _names_of_moments(stored)[0].as_py()
    return str(name)
