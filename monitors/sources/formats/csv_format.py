"""CSV as text in any encoding, plain or compressed with gzip."""

import pyarrow.csv as pacsv
import pyarrow.dataset as pads

from monitors.sources.csv_dialect import TABBED, CsvDialect
from monitors.sources.formats.file_format import FileFormat


def _guessing_format(dialect: CsvDialect) -> pads.FileFormat:
    """The words for a missing number are null, so that they do not hide the type of the numbers."""
    options = pacsv.ConvertOptions(
        null_values=dialect.null_words, strings_can_be_null=True, decimal_point=dialect.decimal
    )
    return _format(dialect, options)


def _reading_format(dialect: CsvDialect) -> pads.FileFormat:
    """Only a field with nothing in it is null: a word or a quoted field may be a category."""
    options = pacsv.ConvertOptions(
        null_values=["", *dialect.null_values],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        decimal_point=dialect.decimal,
    )
    return _format(dialect, options)


def _format(dialect: CsvDialect, options: pacsv.ConvertOptions) -> pads.FileFormat:
    """A quoted value may hold a line break."""
    parsing = pacsv.ParseOptions(
        delimiter=dialect.separator, quote_char=dialect.quote or False, newlines_in_values=True
    )
    reading = pacsv.ReadOptions(encoding=dialect.encoding)
    if dialect.header:  # pyarrow refuses a header that has a name twice
        reading.column_names = dialect.unique_header
        reading.skip_rows_after_names = 1
    return pads.CsvFileFormat(
        parse_options=parsing,
        read_options=reading,
        convert_options=options,
    )


CSV = FileFormat(
    name="csv",
    extensions=(".csv", ".csv.gz", *TABBED),
    arrow_format=_guessing_format,
    reading_format=_reading_format,
    types_are_guessed=True,
)
