"""Apache Parquet: columns in row groups, with statistics in a footer."""

import pyarrow.dataset as pads

from monitors.sources.formats.file_format import FileFormat


def _footer_rows(fragment: pads.Fragment) -> int:
    """The rows of the row groups that the fragment keeps."""
    return sum(int(group.num_rows) for group in fragment.row_groups)


PARQUET = FileFormat(
    name="parquet",
    extensions=(".parquet",),
    arrow_format=pads.ParquetFileFormat,
    has_row_groups=True,
    footer_rows=_footer_rows,
)
