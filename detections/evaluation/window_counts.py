"""Adds the rows and files that were read for a window to the result of its run."""

from dataclasses import replace

from algorithms.library.skipped_files import list_files
from detections.results import Reading, RunResult
from monitors.sources import FileCounts


def with_reading(
    result: RunResult, *, rows: int | None, files: FileCounts | None, size: int = 0
) -> RunResult:
    """The result with the rows and files that were read; its reason names the skipped files.

    The verdict stays: a skipped file has no row that could be read, so all rows that there are
    were judged.

    Args:
        result: Of a window that was read to its end.
        rows: Rows of the window, before any is left out.
        files: None if the rows were sent.
        size: The bytes that were read.
    """
    sentences = [result.reason, _name_skipped(files) if files else ""]
    reason = " ".join(filter(None, sentences))
    return replace(result, reason=reason, reading=Reading(rows=rows, files=files, size=size))


def _name_skipped(files: FileCounts) -> str:
    """The sentence about the files that were skipped; empty without any."""
    if not files.skipped:
        return ""
    count = len(files.skipped)
    were = "was" if count == 1 else "were"
    return f"{count:,} of {files.found:,} files {were} skipped: {list_files(files.skipped)}."
