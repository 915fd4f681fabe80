"""File formats: one module describes each, and one line of the registry adds it."""

from monitors.sources.formats.file_format import FileFormat
from monitors.sources.formats.registry import FORMATS, detect_format

__all__ = ["FORMATS", "FileFormat", "detect_format"]
