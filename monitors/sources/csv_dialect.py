"""The dialect of CSV files: how values are divided, quoted, written and encoded."""

import codecs
from collections import Counter
from dataclasses import dataclass, replace
from typing import Self

import pyarrow.csv as pacsv

NULL_WORDS = (*pacsv.ConvertOptions().null_values, "None", "<NA>")
"""Words that stand for a missing number or time; an empty field is one."""
COMMA, TAB = ",", "\t"
DELIMITERS = {COMMA: "commas", ";": "semicolons", TAB: "tabs", "|": "pipes"}
TABBED = (".tsv", ".tsv.gz")
"""Names of files whose values are separated by tabs."""
DOUBLED = "\x1f"
"""Stands between a name that a header has twice and its position."""
DECIMALS = (".", ",")
QUOTES = ('"', "'", "")


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """The way in which CSV files are written.

    Attributes:
        delimiter: One character between two values; None for a tab in files named `.tsv`, and a
            comma in others.
        decimal: The decimal point of numbers, `.` or `,`.
        encoding: The name of the encoding; a file that begins with a byte-order mark is read as
            the mark says.
        quote: The character around values that hold the delimiter; empty if there is none.
        null_values: Words that stand for a missing value in every column, besides the usual ones of
            numbers and times.
        header: The names of a file's columns, if it has one of them twice; else empty.

    Raises:
        ValueError: If an attribute cannot be one of a dialect.
    """

    delimiter: str | None = None
    decimal: str = "."
    encoding: str = "utf-8"
    quote: str = '"'
    null_values: tuple[str, ...] = ()
    header: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        delimiter = self.separator
        _require(_is_mark(delimiter), "delimiter must be one ASCII character")
        _require(
            not self.quote or _is_mark(self.quote), "quote must be one ASCII character or empty"
        )
        _require(self.decimal in DECIMALS, "decimal must be a point or a comma")
        _require(delimiter != self.decimal, "delimiter must differ from decimal")
        _require(delimiter != self.quote, "delimiter must differ from quote")
        _require(
            _is_encoding(self.encoding), f"encoding must be a known one, not {self.encoding!r}"
        )

    @property
    def separator(self) -> str:
        """The delimiter, by default a comma."""
        return COMMA if self.delimiter is None else self.delimiter

    def of_file(self, name: str) -> Self:
        """The dialect of a file, whose name can say the delimiter."""
        is_tabbed = self.delimiter is None and name.lower().endswith(TABBED)
        return replace(self, delimiter=TAB) if is_tabbed else self

    @property
    def unique_header(self) -> list[str]:
        """The header with another name for each column whose name comes again."""
        counts = Counter(self.header)
        return [
            f"{name}{DOUBLED}{position}" if counts[name] > 1 else name
            for position, name in enumerate(self.header)
        ]

    @property
    def null_words(self) -> tuple[str, ...]:
        """Words that stand for a missing number or time."""
        return tuple(dict.fromkeys((*NULL_WORDS, *self.null_values)))


def _is_mark(text: str) -> bool:
    return len(text) == 1 and text.isascii() and text not in "\r\n\0"


def _is_encoding(name: str) -> bool:
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        return False
    return bool(getattr(codec, "_is_text_encoding", True))


def _require(condition: bool, rule: str) -> None:
    if not condition:
        raise ValueError(rule)


DEFAULT_DIALECT = CsvDialect()
