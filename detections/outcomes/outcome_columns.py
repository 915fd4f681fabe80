"""Brings each column of outcomes into its one type, and refuses a value that it cannot have by its row."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from algorithms.columns import is_number
from algorithms.decimals import LARGEST_EXACT
from detections.outcomes.refusals import BadOutcomes, bad_cell

INSTANT = pa.timestamp("us", "UTC")
COARSE_UNITS = {"s": 1_000_000, "ms": 1000}
"""Microseconds of the units that are longer."""
LONGEST_ID = 200
MOST_TEXT_BYTES = 64 * 2**20
CLASSES = ("prediction", "label")
MICROSECONDS = 1_000_000
FIRST_MICROSECOND = int(datetime(1, 1, 2, tzinfo=UTC).timestamp()) * MICROSECONDS
LAST_MICROSECOND = int(datetime(9999, 12, 30, tzinfo=UTC).timestamp()) * MICROSECONDS
"""Times beyond these two do not exist in every zone."""
A_TIME = "be a time in ISO 8601 with its time zone, such as 2026-01-31T12:00:00Z"
A_ZONE = f"{A_TIME}: this one has no time zone"
A_YEAR = "be neither before the year 1 nor after 9999"
AN_EXACT_NUMBER = (
    "be text if it is a class, or have a decimal point if it is a measure, as whole numbers beyond 2**53 "
    "are not kept exactly"
)


def read_column(name: str, column: pa.Array) -> pa.Array:
    """A column of outcomes in its type: numbers as float64, times as instants, classes and ids as text.

    Raises:
        BadOutcomes: If a value is none that the column can have.
    """
    if pa.types.is_null(column.type):
        return column
    try:
        if name == "occurred_at":
            return _instants(column)
        if name == "prediction_id":
            return _identifiers(column)
        return _numbers_or_text(name, _plain_numbers(column))
    except pa.ArrowException as error:
        raise BadOutcomes(f"{name} cannot be read: {error}") from error


def _plain_numbers(column: pa.Array) -> pa.Array:
    """The column with numbers instead of a dictionary of numbers, or of booleans."""
    if pa.types.is_dictionary(column.type) and is_number(column.type.value_type):
        return column.dictionary_decode()
    return column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column


def _numbers_or_text(name: str, column: pa.Array) -> pa.Array:
    if is_number(column.type):
        return _numbers(name, column)
    if name in CLASSES:
        return _text(name, column, "be text or a number")
    raise _bad_type(name, column, "be a number")


def _numbers(name: str, column: pa.Array) -> pa.Array:
    if name in CLASSES:
        _check_exact(name, column)
    numbers = column.cast(pa.float64(), safe=False)
    _check(name, column, pc.is_finite(numbers), "be a finite number")
    if name == "score":
        _check(name, column, is_between(numbers, 0, 1), "be a number from 0 to 1")
    return numbers


def is_between(numbers: pa.Array, least: float, most: float) -> pa.Array:
    """True where a number is neither less nor more than two others, null where it is null."""
    return pc.and_(pc.greater_equal(numbers, least), pc.less_equal(numbers, most))


def _check_exact(name: str, column: pa.Array) -> None:
    """Refuse whole numbers and decimals that floats would round into one another."""
    if pa.types.is_floating(column.type):
        return
    if not are_exact(pc.min_max(column).as_py().values()):
        is_exact = [are_exact([value]) for value in column.to_pylist()]
        _check(name, column, pa.array(is_exact), AN_EXACT_NUMBER)


def are_exact(numbers: Iterable[Any]) -> bool:
    """True if floats keep these numbers, and all whole ones nearer to 0, apart."""
    return all(number is None or abs(number) <= LARGEST_EXACT for number in numbers)


def _check(name: str, column: pa.Array, is_right: pa.Array, need: str) -> None:
    """Refuse the first value that is not right; nulls are."""
    row = pc.index(is_right, False).as_py()
    if row >= 0:
        raise bad_cell(name, row, _value(column, row), need)


def _bad_type(name: str, column: pa.Array, need: str) -> BadOutcomes:
    """The refusal of a column of a wrong type, by its first value where that can be shown."""
    row = pc.index(column.is_valid(), True).as_py()
    if row < 0 or not (is_number(column.type) or _is_text(column.type)):
        return BadOutcomes(f"{name} must {need}, not {column.type}.")
    return bad_cell(name, row, _value(column, row), need)


def _value(column: pa.Array, row: int) -> Any:
    """A value of Python, or the count of its units where Python has no such time."""
    try:
        return column[row].as_py()
    except (ValueError, OverflowError):
        return column[row].value


def _instants(column: pa.Array) -> pa.Array:
    if _is_text(column.type):
        times = _times_of_text(_text("occurred_at", column, A_TIME))
    elif pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        times = _times(column)
    else:
        raise _bad_type("occurred_at", column, A_TIME)
    _check("occurred_at", column, _is_in_calendar(times), A_YEAR)
    return times


def _is_in_calendar(times: pa.Array) -> pa.Array:
    return is_between(times.cast(pa.int64()), FIRST_MICROSECOND, LAST_MICROSECOND)


def _times(column: pa.Array) -> pa.Array:
    """Timestamps as instants, those without a zone as UTC, and dates as their midnights."""
    if pa.types.is_date(column.type):
        column = column.cast(pa.date32()).cast(pa.timestamp("s"))
    if microseconds := COARSE_UNITS.get(column.type.unit):
        _check_reach(column, LAST_MICROSECOND // microseconds)
    times = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    return times.cast(INSTANT)


def _check_reach(column: pa.Array, most: int) -> None:
    """Refuse times of a coarse unit that have more microseconds than 64 bits hold."""
    _check("occurred_at", column, is_between(column.cast(pa.int64()), -most, most), A_YEAR)


def _times_of_text(texts: pa.Array) -> pa.Array:
    """Times of ISO 8601; those of nanoseconds are cut to microseconds."""
    for unit in ("us", "ns"):
        if (times := _cast(texts, pa.timestamp(unit, "UTC"))) is not None:
            return times.cast(INSTANT, safe=False)
    row = _first_unreadable(texts)
    has_no_zone = _cast(texts.slice(row, 1), pa.timestamp("us")) is not None
    raise bad_cell("occurred_at", row, texts[row].as_py(), A_ZONE if has_no_zone else A_TIME)


def _cast(texts: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """The texts as times; None if one cannot be read as such."""
    try:
        return pc.cast(texts, kind)
    except pa.ArrowException:
        return None


def _first_unreadable(texts: pa.Array) -> int:
    """The row of the first text that is no time, found by halves; there must be one."""
    start, end = 0, len(texts)
    while end - start > 1:
        middle = (start + end) // 2
        if _cast(texts.slice(start, middle - start), INSTANT) is None:
            end = middle
        else:
            start = middle
    return start


def _identifiers(column: pa.Array) -> pa.Array:
    column = column.cast(pa.string()) if pa.types.is_integer(column.type) else column
    identifiers = _text("prediction_id", column, "be text or a whole number")
    is_short = pc.less_equal(pc.utf8_length(identifiers), LONGEST_ID)
    _check("prediction_id", identifiers, is_short, f"have at most {LONGEST_ID} characters")
    return identifiers


def _text(name: str, column: pa.Array, need: str) -> pa.Array:
    if pa.types.is_dictionary(column.type) and _is_text(column.type.value_type):
        _check_unpacked_size(name, column)
        column = column.dictionary_decode()
    if not _is_text(column.type):
        raise _bad_type(name, column, need)
    texts = column.cast(pa.string())
    has_nul = pc.match_substring(texts, "\0")
    _check(name, texts, pc.invert(has_nul), "have no NUL character")
    return texts


def _check_unpacked_size(name: str, column: pa.DictionaryArray) -> None:
    """Refuse a dictionary that is large once unpacked: a few bytes of indices may mean gigabytes."""
    lengths = pc.binary_length(column.dictionary).take(column.indices)
    if (pc.sum(lengths.cast(pa.int64())).as_py() or 0) > MOST_TEXT_BYTES:
        raise BadOutcomes(
            f"{name} takes more than {MOST_TEXT_BYTES} bytes, its dictionary unpacked."
        )


def _is_text(kind: pa.DataType) -> bool:
    """Views are not among them: many may show one long text, and a few bytes then mean gigabytes."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
