"""Names the files of a folder that are no part of a dataset."""

from collections.abc import Sequence
from typing import Protocol

LONGEST_NAME = 200
MOST_NAMED = 5
"""The most skipped files that a sentence names."""


class Skipped(Protocol):
    """A file of a folder that is no part of the dataset."""

    @property
    def name(self) -> str:
        """Its path below the user's folder or pattern."""

    @property
    def reason(self) -> str:
        """The reason, as the end of a sentence."""


def list_files(skipped: Sequence[Skipped]) -> str:
    """The first few skipped files, each with its reason, and the number of the others."""
    named = [f"‘{shorten_name(file.name)}’ ({file.reason})" for file in skipped[:MOST_NAMED]]
    more = len(skipped) - len(named)
    return ", ".join(named) + (f" and {more:,} more" if more else "")


def shorten_name(name: str) -> str:
    """The name of a file, cut if it is very long."""
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"
