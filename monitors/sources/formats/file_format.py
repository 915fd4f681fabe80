"""The description that each file format gives of itself."""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow.dataset as pads

from monitors.sources.csv_dialect import CsvDialect


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """A file format that a dataset can have, and the abilities that decide the way it is read.

    Attributes:
        name: The word for it in messages and descriptions.
        extensions: Ends of file names in lower case, each with its dot.
        arrow_format: Makes the pyarrow format that opens a file, of a dialect if it is text.
        reading_format: Makes the pyarrow format that reads the values, if it is another one.
        has_row_groups: The files have the row groups, statistics and columns of Parquet.
        types_are_guessed: The files hold text, so a type may prove too narrow further down.
        needs_validation: A damaged file can crash a kernel, so every batch is validated first.
        magic: The bytes that a whole file begins and ends with; empty if there are none.
        footer_rows: Counts the rows of a file by its footer; None if it has none.
    """

    name: str
    extensions: tuple[str, ...]
    arrow_format: Callable[[CsvDialect], pads.FileFormat]
    reading_format: Callable[[CsvDialect], pads.FileFormat] | None = None
    has_row_groups: bool = False
    types_are_guessed: bool = False
    needs_validation: bool = False
    magic: bytes = b""
    footer_rows: Callable[[pads.Fragment], int] | None = None
