"""The registry of file formats: a file's extension decides its format."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from monitors.sources.formats.arrow_format import ARROW
from monitors.sources.formats.csv_format import CSV
from monitors.sources.formats.file_format import FileFormat
from monitors.sources.formats.parquet_format import PARQUET
from monitors.sources.listing import SourceFile
from monitors.sources.source_errors import UnreadableSource

FORMATS = (PARQUET, CSV, ARROW)
EMPTY = "the file is empty"


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file of a folder that is no part of the dataset.

    Attributes:
        name: Its path below the user's folder or pattern.
        reason: The reason, as the end of a sentence.
    """

    name: str
    reason: str


def leave_out_foreign(
    files: Sequence[SourceFile],
) -> tuple[list[SourceFile], tuple[SkippedFile, ...]]:
    """The files that can be data, and those that a folder holds besides.

    Raises:
        UnreadableSource: If none can be data.
    """
    reasons = {file.name: _reason_to_skip(file) for file in files}
    skipped = tuple(_skipped(name, reason) for name, reason in reasons.items() if reason)
    kept = [file for file in files if not reasons[file.name]]
    if not kept:
        _refuse_unreadable(files)
    return kept, skipped


def _skipped(name: str, reason: str) -> SkippedFile:
    # A name that is not UTF-8 arrives with lone surrogates, which JSON cannot hold.
    return SkippedFile(name.encode(errors="replace").decode(), reason)


def _reason_to_skip(file: SourceFile) -> str:
    if _find_format(file) is None:
        return "its extension is of no known format"
    return "" if file.size else EMPTY


def _refuse_unreadable(files: Sequence[SourceFile]) -> NoReturn:
    known = [file for file in files if _find_format(file) is not None]
    if not known:
        raise _unknown_format(files[0])
    raise UnreadableSource(f"‘{known[0].name}’ cannot be read: {EMPTY}.")


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
    file_format = _find_format(file)
    if file_format is None:
        raise _unknown_format(file)
    return file_format


def _find_format(file: SourceFile) -> FileFormat | None:
    name = file.name.lower()
    return next((known for known in FORMATS if name.endswith(known.extensions)), None)


def _unknown_format(file: SourceFile) -> UnreadableSource:
    return UnreadableSource(
        f"The format of ‘{file.name}’ is unknown: its extension is none of {_all_extensions()}."
    )


def _all_extensions() -> str:
    return ", ".join(extension for known in FORMATS for extension in known.extensions)
