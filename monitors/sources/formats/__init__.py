"""File formats: one module describes each, and one line of the registry adds it."""

from monitors.sources.formats.file_format import FileFormat
from monitors.sources.formats.registry import (
    FORMATS,
    SkippedFile,
    detect_format,
    leave_out_foreign,
)

__all__ = ["FORMATS", "FileFormat", "SkippedFile", "detect_format", "leave_out_foreign"]
