"""Arrow IPC files, which Feather version 2 files are too."""

import pyarrow as pa
import pyarrow.dataset as pads

from monitors.sources.csv_dialect import CsvDialect
from monitors.sources.formats.file_format import FileFormat
from monitors.sources.signatures import ARROW_MAGIC


def _arrow_format(_: CsvDialect) -> pads.FileFormat:
    return pads.IpcFileFormat()


def _footer_rows(fragment: pads.Fragment) -> int:
    schema = fragment.physical_schema
    if len(set(schema.names)) == len(schema.names):
        return int(fragment.count_rows())
    # pyarrow refuses a file that has a column name twice, unless it reads another column alone.
    single = [each for each in schema if schema.names.count(each.name) == 1]
    return int(fragment.scanner(schema=pa.schema(single[:1])).count_rows()) if single else 0


ARROW = FileFormat(
    name="arrow",
    extensions=(".arrow", ".feather", ".ipc"),
    arrow_format=_arrow_format,
    needs_validation=True,
    magic=ARROW_MAGIC,
    footer_rows=_footer_rows,
)
