"""The registry of file formats: a file's extension decides its format."""

from collections.abc import Sequence

from monitors.sources.formats.arrow_format import ARROW
from monitors.sources.formats.csv_format import CSV
from monitors.sources.formats.file_format import FileFormat
from monitors.sources.formats.parquet_format import PARQUET
from monitors.sources.listing import SourceFile
from monitors.sources.source_errors import UnreadableSource

FORMATS = (PARQUET, CSV, ARROW)


def detect_format(files: Sequence[SourceFile]) -> FileFormat:
    """The one format of all files.

    Args:
        files: At least one.

    Raises:
        UnreadableSource: If an extension is unknown, or the files are of several formats.
    """
    first = _format_of(files[0])
    for file in files:
        found = _format_of(file)
        if found is not first:
            raise UnreadableSource(
                f"‘{files[0].name}’ is {first.name} but ‘{file.name}’ is {found.name}: "
                "one dataset has one format."
            )
    return first


def _format_of(file: SourceFile) -> FileFormat:
    name = file.name.lower()
    found = (known for known in FORMATS if name.endswith(known.extensions))
    file_format = next(found, None)
    if file_format is None:
        raise UnreadableSource(
            f"The format of ‘{file.name}’ is unknown: its extension is none of {_all_extensions()}."
        )
    return file_format


def _all_extensions() -> str:
    return ", ".join(extension for known in FORMATS for extension in known.extensions)
