"""CSV in UTF-8, plain or compressed with gzip."""

import pyarrow.csv as pacsv
import pyarrow.dataset as pads

from monitors.sources.formats.file_format import FileFormat


def _arrow_format() -> pads.FileFormat:
    """An empty or `NA` text is a null, and a quoted value may hold a line break."""
    return pads.CsvFileFormat(
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(strings_can_be_null=True),
    )


CSV = FileFormat(
    name="csv",
    extensions=(".csv", ".csv.gz"),
    arrow_format=_arrow_format,
    types_are_guessed=True,
)
