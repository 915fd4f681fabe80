"""Apache Parquet: columns in row groups, with statistics in a footer."""

import pyarrow.dataset as pads

from monitors.sources.csv_dialect import CsvDialect
from monitors.sources.formats.file_format import FileFormat
from monitors.sources.signatures import PARQUET_MAGIC

INT96_UNIT = "us"
"""INT96 counts nanoseconds, whose int64 ends in 2262; microseconds hold the years 1 to 9999."""


def _arrow_format(_: CsvDialect) -> pads.FileFormat:
    options = pads.ParquetReadOptions(coerce_int96_timestamp_unit=INT96_UNIT)
    return pads.ParquetFileFormat(read_options=options)


def _footer_rows(fragment: pads.Fragment) -> int:
    """The rows of the row groups that the fragment keeps."""
    return sum(int(group.num_rows) for group in fragment.row_groups)


PARQUET = FileFormat(
    name="parquet",
    extensions=(".parquet", ".parq", ".pq"),
    arrow_format=_arrow_format,
    has_row_groups=True,
    magic=PARQUET_MAGIC,
    footer_rows=_footer_rows,
)
