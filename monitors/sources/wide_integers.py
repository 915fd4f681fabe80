"""Find whole numbers that would lose digits beside the floats of another file."""

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.dataset as pads

LARGEST_EXACT = 2**53
"""Whole numbers up to here are float64, exactly."""

type StoredFile = tuple[str, pa.Schema, pads.Fragment]


def find_lossy(files: Sequence[StoredFile], schema: pa.Schema) -> dict[str, str]:
    """The columns whose whole numbers no float can hold, each with a sentence that says so.

    Args:
        files: The name, the stored schema and the fragment of each Parquet file.
        schema: The columns with the type that should hold every file's values.
    """
    floats = [field.name for field in schema if pa.types.is_floating(field.type)]
    found = {name: _sentence(name, files) for name in floats}
    return {name: sentence for name, sentence in found.items() if sentence}


def _sentence(column: str, files: Sequence[StoredFile]) -> str:
    types = [(name, schema.field(column).type) for name, schema, _ in _having(column, files)]
    integers = {name for name, dtype in types if pa.types.is_integer(dtype)}
    others = [(name, dtype) for name, dtype in types if name not in integers]
    if not integers or not others:
        return ""
    for name, _, fragment in files:
        if name in integers and _is_beyond(column, fragment):
            other, dtype = others[0]
            return (
                f"The column ‘{column}’ holds whole numbers beyond 2^53 in ‘{name}’ "
                f"but is {dtype} in ‘{other}’, which cannot hold them."
            )
    return ""


def _having(column: str, files: Iterable[StoredFile]) -> list[StoredFile]:
    return [each for each in files if column in each[1].names]


def _is_beyond(column: str, fragment: pads.Fragment) -> bool:
    """True if the statistics of a row group reach further; a file without statistics is trusted."""
    bounds = [group.statistics.get(column, {}) for group in fragment.row_groups if group.statistics]
    ends = [bound[end] for bound in bounds for end in ("min", "max") if end in bound]
    return any(abs(int(end)) > LARGEST_EXACT for end in ends)
