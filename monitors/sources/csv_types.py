"""Read CSV files again with wider types, when a value further down does not fit the first block."""

import re
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.dataset as pads

from monitors.sources.datasets import explain_file, file_schema
from monitors.sources.pruning import NarrowedDataset
from monitors.sources.scans import Scan
from monitors.sources.source_errors import PYARROW_ERRORS, SourceError, to_source_error

_CONVERSION = re.compile(
    r"In CSV column #(\d+):.*CSV conversion error to (?!.*invalid UTF8)", re.DOTALL
)
_NEXT_WIDER = {
    pa.null(): pa.int64(),
    pa.int64(): pa.float64(),
    pa.date32(): pa.timestamp("s"),
}


def scan_of(narrowed: NarrowedDataset, max_bytes: int) -> Scan:
    """The scan that reads a window."""
    return Scan(
        narrowed.dataset,
        narrowed.fragments,
        narrowed.schema,
        narrowed.columns,
        narrowed.timeframe,
        max_bytes,
    )


def read_widened(narrowed: NarrowedDataset, max_bytes: int) -> tuple[pa.Table, pa.Schema]:
    """The whole window, and the schema whose types held every value.

    Raises:
        SourceError: A subclass that says what is wrong, and with which file.
    """
    while True:
        scan = scan_of(narrowed, max_bytes)
        try:
            return scan.read(), scan.schema
        except PYARROW_ERRORS as error:
            narrowed = replace(narrowed, schema=_widen_or_raise(scan, error))


def find_types(narrowed: NarrowedDataset) -> pa.Schema:
    """The schema whose types hold every value, found by reading everything and keeping nothing.

    A division of CSV files needs it: the types of a part may depend on a value in another part.

    Raises:
        SourceError: A subclass that says what is wrong, and with which file.
    """
    while True:
        before = narrowed.schema
        for fragment in narrowed.fragments:
            schema = _find_file_types(replace(narrowed, fragments=(fragment,)))
            narrowed = replace(narrowed, schema=schema)
        # A wider type may hold less than a narrower one: seconds reach further than nanoseconds.
        if narrowed.schema.equals(before):
            return narrowed.schema


def _find_file_types(narrowed: NarrowedDataset) -> pa.Schema:
    while True:
        scan = scan_of(narrowed, max_bytes=0)
        try:
            scan.check()
        except PYARROW_ERRORS as error:
            narrowed = replace(narrowed, schema=_widen_or_raise(scan, error))
        else:
            return narrowed.schema


def _widen_or_raise(scan: Scan, error: Exception) -> pa.Schema:
    """The schema for the next try, after a CSV value did not fit the type of the first block."""
    fragment, error = scan.find_culprit(error)
    schema = _widened_for(scan, fragment, str(error))
    if schema is None:
        raise _explained(scan, fragment, error) from error
    return schema


def _explained(scan: Scan, fragment: pads.Fragment | None, error: Exception) -> SourceError:
    if fragment is None:
        return to_source_error(error, scan.dataset.uri)
    return explain_file(scan.dataset, fragment, error)


def _widened_for(scan: Scan, fragment: pads.Fragment | None, message: str) -> pa.Schema | None:
    """A wider schema for the file that failed; None if a wider type does not help."""
    if fragment is None or not scan.dataset.format.types_are_guessed:
        return None
    return widened(scan.schema, file_schema(scan.dataset, fragment).names, message)


def widened(schema: pa.Schema, file_columns: Sequence[str], message: str) -> pa.Schema | None:
    """The schema with one column a step wider: the column that a conversion error names.

    Args:
        schema: The schema of the scan.
        file_columns: The header of the file that failed; the message counts its columns.
        message: pyarrow's error.

    Returns:
        None if the message is another error, or no wider type exists.
    """
    found = _CONVERSION.search(message)
    if found is None:
        return None
    position = schema.get_field_index(file_columns[int(found[1])])
    field = schema.field(position)
    wider = _wider(field.type)
    return None if wider is None else schema.set(position, field.with_type(wider))


def _wider(dtype: pa.DataType) -> pa.DataType | None:
    if pa.types.is_string(dtype):
        return None
    if pa.types.is_timestamp(dtype) and dtype.unit == "s":
        return pa.timestamp("ns", tz=dtype.tz)
    return _NEXT_WIDER.get(dtype, pa.string())
