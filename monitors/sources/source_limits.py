"""Limits of what a dataset may have, asked before the work that they bound."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow.fs as pafs

from monitors.sources.source_errors import SourceTooLarge

MIB = 1 << 20
MOST_TIMES = 100
"""Data of any size may unpack to so many times what is stored: honest ones do to a tenth of it."""
TEXT_PART = 4
"""Compressed text may unpack to this part of the limit: it is parsed ten times slower than numbers are decoded."""
MOST_LEVELS = 64
"""Folders within folders that a walk follows; a walk calls itself for each."""
_TAIL_BYTES = {b"PAR1": 8, b"ARROW1": 10}
"""The length of the footer lies before the magic bytes of Parquet, and of Arrow."""


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """The most that a dataset may have.

    Attributes:
        columns: Columns of one file.
        row_groups: Row groups, or record batches of Arrow, of all files of a window.
        files: Files of a dataset.
        entries: Files and folders that a walk through a folder looks at.
        footer_bytes: Bytes of one file's footer, which holds its schema.
        inflated_bytes: Bytes to which the files of a window are unpacked, if they are many times the files.
    """

    columns: int = 10_000
    row_groups: int = 20_000
    files: int = 20_000
    entries: int = 100_000
    footer_bytes: int = 64 * MIB
    inflated_bytes: int = 4096 * MIB

    @property
    def inflated_text_bytes(self) -> int:
        """The same for compressed text."""
        return self.inflated_bytes // TEXT_PART


DEFAULT_LIMITS = SourceLimits()


def refuse_more(what: str, count: int, limit: int, way_out: str) -> None:
    """Refuse a number above the limit, with both and a way out.

    Args:
        what: The thing counted, as the end of a sentence: "files in ‘x’".
        count: The number that was found, or the number at which the count ended.
        limit: The most that is allowed.
        way_out: The advice, as a sentence.

    Raises:
        SourceTooLarge: If the number is above the limit.
    """
    if count > limit:
        sentence = f"There are {count:,} {what}; the limit is {limit:,}. {way_out}"
        raise SourceTooLarge(sentence.strip())


def at_most[Item](
    items: Iterable[Item], limit: int, what: str, way_out: str, *, already: int = 0
) -> Iterator[Item]:
    """The items as they come, as long as they are not too many, with those that came before.

    Raises:
        SourceTooLarge: At the first item beyond the limit.
    """
    for number, item in enumerate(items, start=already + 1):
        if number > limit:
            raise SourceTooLarge(
                f"There are more than {limit:,} {what}, which is the limit. {way_out}"
            )
        yield item


def refuse_inflated(unpacked: int, stored: int, limit: int) -> None:
    """Refuse data that unpack to more than the limit, and to many times what is stored.

    Raises:
        SourceTooLarge: If they do.
    """
    if unpacked > limit and unpacked > MOST_TIMES * stored:
        raise SourceTooLarge(
            f"The window unpacks to more than {limit / MIB:,.0f} MiB, and to more than "
            f"{MOST_TIMES} times its files; only one of the two is allowed. "
            "Choose a shorter window or fewer columns."
        )


def refuse_long_footer(
    filesystem: pafs.FileSystem, path: str, name: str, size: int, limit: int
) -> None:
    """Refuse a file of Parquet or Arrow by the length that its end gives to its footer.

    A file that is smaller than the limit is not opened.

    Raises:
        SourceTooLarge: If the footer is longer than the limit.
    """
    if size <= limit:
        return
    with filesystem.open_input_file(path) as file:
        tail = bytes(file.read_at(10, size - 10))
    length = _footer_length(tail)
    if length > limit:
        raise SourceTooLarge(
            f"The footer of ‘{name}’ has {length / MIB:.1f} MiB; the limit is {limit / MIB:.1f} "
            "MiB. Write fewer columns or larger row groups."
        )


def _footer_length(tail: bytes) -> int:
    for magic, size in _TAIL_BYTES.items():
        if tail.endswith(magic):
            return int.from_bytes(tail[-size:][:4], "little", signed=False)
    return 0
