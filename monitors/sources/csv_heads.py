"""Look at the beginning of a CSV file: its encoding, and whether it is CSV of this dialect at all."""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs

from monitors.sources.csv_dialect import DELIMITERS, CsvDialect
from monitors.sources.signatures import GZIP_MAGIC, say_what_it_is
from monitors.sources.source_errors import UnreadableSource

HEAD_BYTES = 1 << 14
LONGEST_HEADER = 1 << 24
GROWTH = 16
"""A header that is longer than the first bytes is read again, so many times longer."""
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte-order marks; UTF-32 before UTF-16, whose mark it begins with."""
WIDE_ENCODINGS = ("utf-16", "utf-32")
TEXT_MARKS = (b"<", b"{")
"""Beginnings of other formats that a header can have too."""


@dataclass(frozen=True, slots=True)
class CsvHead:
    """The beginning of a CSV file: the file's own dialect, and the number of its columns."""

    dialect: CsvDialect
    columns: int


def look_at_head(filesystem: pafs.FileSystem, path: str, name: str, dialect: CsvDialect) -> CsvHead:
    """The dialect of one CSV file: its encoding by its byte-order mark, and names that it has twice.

    Raises:
        UnreadableSource: If the file is not CSV of this dialect, with what it is instead.
        OSError: If it cannot be opened.
    """
    head = _read_head(filesystem, path, name, HEAD_BYTES)
    encoding = next((found for mark, found in MARKS if head.startswith(mark)), dialect.encoding)
    _refuse_other_format(name, head)
    _refuse_bytes_of_wide_letters(name, head, encoding)
    text = _decode(name, head, encoding)
    while HEAD_BYTES <= len(head) < LONGEST_HEADER and _is_cut(text, dialect):
        longer = _read_head(filesystem, path, name, len(head) * GROWTH)
        if len(longer) == len(head):
            break
        head, text = longer, _decode(name, longer, encoding)
    _refuse_other_delimiter(name, text, dialect)
    header = _header(text, dialect.separator, dialect.quote)
    has_twice = len(set(header)) < len(header)
    own = replace(dialect, encoding=encoding, header=tuple(header) if has_twice else ())
    return CsvHead(own, len(header))


def _is_cut(text: str, dialect: CsvDialect) -> bool:
    """True if the first row that is not empty may go on after the text."""
    rows = _rows(text, dialect.separator, dialect.quote)
    try:
        return next(filter(None, rows), None) is None or next(rows, None) is None
    except csv.Error:
        return False


def _read_head(filesystem: pafs.FileSystem, path: str, name: str, size: int) -> bytes:
    is_compressed = name.lower().endswith(".gz")
    try:
        with filesystem.open_input_stream(
            path, compression="gzip" if is_compressed else None
        ) as file:
            return bytes(file.read(size))
    except pa.ArrowException as error:
        raise _not_compressed(name) from error
    except OSError as error:
        if is_compressed and "inflate" in str(error):
            raise _not_compressed(name) from error
        raise


def _not_compressed(name: str) -> UnreadableSource:
    return UnreadableSource(f"‘{name}’ cannot be read: it is not compressed with gzip.")


def _refuse_other_format(name: str, head: bytes) -> None:
    words = say_what_it_is(head)
    if words and not head.startswith(TEXT_MARKS):
        hint = "; its name must end in .csv.gz" if head.startswith(GZIP_MAGIC) else ""
        raise UnreadableSource(f"‘{name}’ cannot be read: it is {words}{hint}.")


def _refuse_bytes_of_wide_letters(name: str, head: bytes, encoding: str) -> None:
    """Refuse UTF-16 and UTF-32 without a byte-order mark, of which half the bytes are zero."""
    is_wide = codecs.lookup(encoding).name.startswith(WIDE_ENCODINGS)
    if not is_wide and head.count(0) > len(head) // 4:
        raise UnreadableSource(
            f"‘{name}’ cannot be read: it seems to be UTF-16 without a byte-order mark; "
            "name its encoding, such as utf-16-le."
        )
    if is_wide and 0 not in head:
        raise _not_text(name, encoding, b"")


def _decode(name: str, head: bytes, encoding: str) -> str:
    """The text of the first bytes, without a letter that they cut."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError as error:
        raise _not_text(name, encoding, head[: error.start]) from error
    return text.removeprefix("\ufeff")


def _not_text(name: str, encoding: str, before: bytes) -> UnreadableSource:
    """The error about bytes that are no text of the encoding, after those of it."""
    row = before.count(b"\n") + 1
    return UnreadableSource(
        f"‘{name}’ cannot be read: row {row} is not {encoding.upper()} text; "
        "name its encoding, such as latin-1."
    )


def _refuse_other_delimiter(name: str, text: str, dialect: CsvDialect) -> None:
    if len(_header(text, dialect.separator, dialect.quote)) != 1:
        return
    for delimiter, words in DELIMITERS.items():
        if len(_header(text, delimiter, dialect.quote)) > 1:
            expected = DELIMITERS.get(dialect.separator, f"‘{dialect.separator}’")
            raise UnreadableSource(
                f"‘{name}’ cannot be read: its values are separated by {words}, not by {expected}. "
                f"Set the delimiter to {delimiter!r}."
            )


def _header(text: str, delimiter: str, quote: str) -> list[str]:
    """The names in the first row that is not empty."""
    try:
        return next(filter(None, _rows(text, delimiter, quote)), [])
    except csv.Error:
        return []


def _rows(text: str, delimiter: str, quote: str) -> Iterator[list[str]]:
    quotes: dict[str, Any] = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, **quotes)
