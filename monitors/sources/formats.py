"""The file formats that can be read, decided by extension."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import pyarrow.csv as pacsv
import pyarrow.dataset as pads

from monitors.sources.listing import SourceFile
from monitors.sources.source_errors import UnreadableSource


class FileFormat(StrEnum):
    """What a dataset is stored as."""

    PARQUET = "parquet"
    CSV = "csv"
    ARROW = "arrow"


EXTENSIONS = {
    ".parquet": FileFormat.PARQUET,
    ".csv": FileFormat.CSV,
    ".csv.gz": FileFormat.CSV,
    ".arrow": FileFormat.ARROW,
    ".feather": FileFormat.ARROW,
    ".ipc": FileFormat.ARROW,
}


def detect_format(files: Sequence[SourceFile]) -> FileFormat:
    """The one format of all files.

    Raises:
        UnreadableSource: If an extension is unknown, or the files are of several formats.
    """
    first = _format_of(files[0])
    for file in files:
        if _format_of(file) is not first:
            raise UnreadableSource(
                f"‘{files[0].name}’ is {first} but ‘{file.name}’ is {_format_of(file)}: one dataset has one format."
            )
    return first


def _format_of(file: SourceFile) -> FileFormat:
    for extension, file_format in EXTENSIONS.items():
        if file.name.lower().endswith(extension):
            return file_format
    known = ", ".join(EXTENSIONS)
    raise UnreadableSource(
        f"The format of ‘{file.name}’ is unknown: its extension is none of {known}."
    )


def arrow_format(file_format: FileFormat) -> pads.FileFormat:
    """The pyarrow format; in CSV, an empty or `NA` text is a null and a quoted value may hold a line break."""
    if file_format is FileFormat.PARQUET:
        return pads.ParquetFileFormat()
    if file_format is FileFormat.ARROW:
        return pads.IpcFileFormat()
    return pads.CsvFileFormat(
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(strings_can_be_null=True),
    )
