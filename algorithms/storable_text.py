"""Knows the texts that a database and a file can keep."""

import re

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """True if PostgreSQL and UTF-8 can keep a text: it has no NUL and no lone surrogate."""
    return not _UNSTORABLE.search(text)
