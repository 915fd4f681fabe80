"""Read pyarrow's messages about CSV values."""

import re
from collections.abc import Sequence

_CONVERSION = re.compile(
    r"In CSV column #(\d+):.*CSV conversion error to (?!.*invalid UTF8)", re.DOTALL
)


def misfitting_column(message: str, file_columns: Sequence[str]) -> str | None:
    """The column whose value does not fit its type.

    Args:
        message: pyarrow's error.
        file_columns: The header of the file that failed; the message counts its columns.

    Returns:
        None if the message is about something else.
    """
    found = _CONVERSION.search(message)
    return None if found is None else file_columns[int(found[1])]
