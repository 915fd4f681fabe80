"""Convert the words of a CSV column to values: whole numbers, numbers, booleans, times or text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from monitors.sources.column_types import TEXTS, TEXTS_OF_VALUES, ColumnType
from monitors.sources.csv_dialect import CsvDialect
from monitors.sources.local_times import UTC_ZONE, place_in_zone

NUMBERS = (pa.int64(), pa.uint64(), pa.float64())
LARGEST_SIGNED, LARGEST_UNSIGNED = 2.0**63, 2.0**64
_UNITS = ("s", "us", "ns")
TIMES = (pa.date32(), *(pa.timestamp(unit, zone) for zone in (None, "UTC") for unit in _UNITS))
TEXT = pa.string()
OLDER_TEXT = pa.large_string()
"""Text in which the null words of older versions are null."""
VALUE_TEXT = pa.dictionary(pa.int32(), TEXT)
"""Text in which the null words of numbers are null."""
OLDER_NULL_WORDS = pa.array(pacsv.ConvertOptions().null_values, TEXT)


@dataclass(frozen=True, slots=True)
class Misfit:
    """A word that is no value of the types that a column can have.

    Attributes:
        word: The word, as it is written.
        wanted: The kind of value that it must be.
    """

    word: str
    wanted: str


def first_type(contract: ColumnType, guessed: pa.DataType) -> pa.DataType:
    """The type that a column is parsed as at first.

    Args:
        contract: The way to read it.
        guessed: The type of its first block, by its looks.
    """
    if contract in TEXTS or pa.types.is_null(guessed):
        return TEXT
    is_first = _FIRST_TYPES.get(contract)
    return guessed if is_first is None or is_first(guessed) else TEXT


def candidates(contract: ColumnType, guessed: pa.DataType) -> tuple[pa.DataType, ...]:
    """The types that the words of a column are tried as, the narrowest first.

    Without a candidate the column stays text.
    """
    if contract is ColumnType.OLDER:
        return _older_candidates(guessed)
    if contract in TEXTS_OF_VALUES:
        return (VALUE_TEXT,)
    if contract is ColumnType.TEXT or (contract is ColumnType.GUESS and guessed == TEXT):
        return ()
    if contract is ColumnType.TIME or (_is_time(guessed) and contract is ColumnType.NUMERIC):
        return _from(guessed, TIMES)
    if contract is ColumnType.LENIENT_NUMERIC:
        return (*_from(guessed, NUMBERS), TEXT)
    if contract is ColumnType.LENIENT_TRUTH:
        return (pa.bool_(), *NUMBERS, TEXT)
    if contract is ColumnType.NUMERIC:
        return (guessed, *NUMBERS) if pa.types.is_boolean(guessed) else _numbers_from(guessed)
    if pa.types.is_null(guessed):
        return (guessed, *NUMBERS, pa.bool_(), *TIMES, TEXT)
    if guessed in NUMBERS:
        return (*_numbers_from(guessed), TEXT)
    return (*_from(guessed, TIMES if _is_time(guessed) else (guessed,)), TEXT)


def _numbers_from(guessed: pa.DataType) -> tuple[pa.DataType, ...]:
    """The types of numbers from a guess on; whole numbers beyond int64 are guessed as floats."""
    return NUMBERS[1:] if guessed == pa.float64() else _from(guessed, NUMBERS)


def may_be_unsigned(values: pa.Array | pa.ChunkedArray) -> bool:
    """True if the words of floats may be whole numbers that only uint64 holds, exactly."""
    if values.type != pa.float64():
        return False
    ends = pc.min_max(values)
    least, greatest = ends["min"].as_py(), ends["max"].as_py()
    if greatest is None or not LARGEST_SIGNED <= greatest <= LARGEST_UNSIGNED or least < 0:
        return False
    return bool(pc.all(pc.equal(pc.floor(values), values)).as_py())


def _older_candidates(guessed: pa.DataType) -> tuple[pa.DataType, ...]:
    """A guess, but older versions read whole numbers beyond int64 as floats."""
    types = candidates(ColumnType.GUESS, guessed)
    kept = (each for each in types if each not in (TEXT, pa.uint64()))
    return (*kept, OLDER_TEXT)


def _from(first: pa.DataType, family: Sequence[pa.DataType]) -> tuple[pa.DataType, ...]:
    """The types of a family, from one of them on if it is among them."""
    if first not in family:
        return tuple(family)
    later = family[list(family).index(first) :]
    if not pa.types.is_timestamp(first):
        return tuple(later)
    return (first, *(other for other in TIMES if _is_wider_stamp(first, other)))


def _is_wider_stamp(first: pa.DataType, other: pa.DataType) -> bool:
    """True if the words of one type of timestamps can be tried as the other."""
    is_stamp = pa.types.is_timestamp(other) and other != first
    return bool(is_stamp and (first.tz is None or other.tz is not None))


def _is_time(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(dtype) or pa.types.is_date(dtype))


_FIRST_TYPES: Mapping[ColumnType, Callable[[pa.DataType], bool]] = {
    ColumnType.TIME: _is_time,
    ColumnType.LENIENT_NUMERIC: lambda guessed: guessed in NUMBERS,
    ColumnType.LENIENT_TRUTH: pa.types.is_boolean,
}
"""The guesses that are tried first for a contract; for others, any guess is."""


def convert(
    words: pa.ChunkedArray, dtype: pa.DataType, dialect: CsvDialect, zone: str
) -> pa.ChunkedArray | None:
    """The values that the words write, or None if one of them is no value of the type.

    Where a type has a zone, words without one are times in `zone`.
    """
    if dtype == TEXT:
        return words
    if dtype == OLDER_TEXT:
        return _without(words, OLDER_NULL_WORDS).cast(OLDER_TEXT)
    known = _known(words, dialect)
    if dtype == VALUE_TEXT:
        return known.dictionary_encode()
    if pa.types.is_null(dtype):
        return pa.chunked_array([pa.nulls(len(known))]) if known.null_count == len(known) else None
    try:
        if pa.types.is_timestamp(dtype) and dtype.tz is not None:
            return _moments(known, dtype, zone)
        return _spelt(known, dtype, dialect).cast(dtype)
    except pa.ArrowInvalid:
        return None


def find_misfit(
    words: pa.ChunkedArray, types: Sequence[pa.DataType], dialect: CsvDialect
) -> Misfit:
    """The first word that is no value of the type that fits the most words before it."""
    known = _known(words, dialect)
    reach = {dtype: _count_fitting(_spelt(known, dtype, dialect), dtype) for dtype in types}
    best = max(types, key=lambda dtype: reach[dtype])
    return Misfit(str(words[reach[best]].as_py()), _wanted(best))


def are_mostly_other(
    words: pa.ChunkedArray, types: Sequence[pa.DataType], dialect: CsvDialect
) -> bool:
    """True if more than half of the words are no value of any of the types; a missing value is no word."""
    known = _known(words, dialect).drop_null()
    fitting = [_spelt(known, dtype, dialect) for dtype in types]
    others = sum(_is_other(fitting, types, place) for place in range(len(known)))
    return 2 * others > len(known)


def _is_other(spelt: Sequence[pa.ChunkedArray], types: Sequence[pa.DataType], place: int) -> bool:
    """True if the word at a place is no value of any type."""
    pairs = zip(spelt, types, strict=True)
    return not any(_fits(words.slice(place, 1), dtype) for words, dtype in pairs)


def _count_fitting(words: pa.ChunkedArray, dtype: pa.DataType) -> int:
    """The number of words before the first one that does not fit, by bisection."""
    low, high = 0, len(words)
    while low < high:
        middle = (low + high) // 2
        if _fits(words.slice(low, middle - low + 1), dtype):
            low = middle + 1
        else:
            high = middle
    return low


def _fits(words: pa.ChunkedArray, dtype: pa.DataType) -> bool:
    try:
        words.cast(dtype)
    except pa.ArrowInvalid:
        return False
    return True


def _wanted(dtype: pa.DataType) -> str:
    return "dates or times" if _is_time(dtype) else "numbers"


def _known(words: pa.ChunkedArray, dialect: CsvDialect) -> pa.ChunkedArray:
    """The words without the spaces around them, null where they stand for a missing value."""
    trimmed = pc.utf8_trim_whitespace(words)
    return _without(trimmed, pa.array(dialect.null_words, words.type))


def _without(words: pa.ChunkedArray, missing: pa.Array) -> pa.ChunkedArray:
    """The words, null where they are among those for a missing value."""
    is_missing = pc.is_in(words, value_set=missing)
    return pc.if_else(is_missing, pa.scalar(None, words.type), words)


def _spelt(words: pa.ChunkedArray, dtype: pa.DataType, dialect: CsvDialect) -> pa.ChunkedArray:
    """The words as Arrow spells values of the type."""
    if pa.types.is_timestamp(dtype) and dtype.tz is not None:
        return _in_utc(words)
    if dialect.decimal == "." or not pa.types.is_floating(dtype):
        return words
    return pc.replace_substring(words, dialect.decimal, ".")


def _moments(words: pa.ChunkedArray, dtype: pa.DataType, zone: str) -> pa.ChunkedArray:
    """The times as moments, those without a zone read in one."""
    if zone == UTC_ZONE:
        return _in_utc(words).cast(dtype)
    times, has_zone = _with_midnights(words), _has_zone(words)
    nothing = pa.scalar(None, times.type)
    local = pc.if_else(has_zone, nothing, times).cast(pa.timestamp(dtype.unit))
    moments = pc.if_else(has_zone, times, nothing).cast(dtype)
    return pc.coalesce(moments, place_in_zone(local, zone))


def _in_utc(words: pa.ChunkedArray) -> pa.ChunkedArray:
    """The times with a zone: one without a zone is UTC, and a date is its midnight."""
    times = _with_midnights(words)
    return pc.if_else(_has_zone(words), times, pc.binary_join_element_wise(times, "Z", ""))


def _with_midnights(words: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.replace_substring_regex(words, r"^(\d{4}-\d{2}-\d{2})$", r"\1T00:00:00")


def _has_zone(words: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.match_substring_regex(words, r"\d:\d\d.*(?:[Zz]|[+-]\d\d(?::?\d\d)?)$")
