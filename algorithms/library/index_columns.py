"""Recognise the index of a data frame, which pandas writes among the columns of a file."""

import json
import re
from collections.abc import Iterator

import pyarrow as pa

_NAMELESS_INDEX = re.compile(r"__index_level_\d+__|Unnamed: 0(\.\d+)*")
"""The index without a name, in Parquet and after a way through CSV."""


def find_index_columns(schema: pa.Schema, *, is_text: bool) -> Iterator[str]:
    """The columns of a file's schema that are the index of a data frame.

    Args:
        schema: The schema as the file stores it, with its metadata.
        is_text: True for CSV, where pandas writes an index without a name as a first column
            without a name.
    """
    names = set(schema.names)
    yield from (name for name in _named_in_metadata(schema) if name in names)
    yield from filter(_NAMELESS_INDEX.fullmatch, schema.names)
    if is_text and schema.names[:1] == [""]:
        yield ""


def _named_in_metadata(schema: pa.Schema) -> list[str]:
    """The names in the metadata of pandas; an index of row numbers is described without a name."""
    try:
        described = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
        return [name for name in described.get("index_columns", []) if isinstance(name, str)]
    except (ValueError, AttributeError, TypeError):
        return []
