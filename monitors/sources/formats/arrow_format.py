"""Arrow IPC files, which Feather version 2 files are too."""

import pyarrow.dataset as pads

from monitors.sources.csv_dialect import CsvDialect
from monitors.sources.formats.file_format import FileFormat
from monitors.sources.signatures import ARROW_MAGIC


def _arrow_format(_: CsvDialect) -> pads.FileFormat:
    return pads.IpcFileFormat()


def _footer_rows(fragment: pads.Fragment) -> int:
    return int(fragment.count_rows())


ARROW = FileFormat(
    name="arrow",
    extensions=(".arrow", ".feather", ".ipc"),
    arrow_format=_arrow_format,
    needs_validation=True,
    magic=ARROW_MAGIC,
    footer_rows=_footer_rows,
)
