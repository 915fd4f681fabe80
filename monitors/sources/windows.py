"""One window of data, read once: only the rows, row groups, files and columns that are needed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa

from monitors.sources.csv_types import read_widened
from monitors.sources.policy import SourcePolicy
from monitors.sources.pruning import narrow


def read_window(
    uri: str,
    policy: SourcePolicy,
    columns: Sequence[str] | None = None,
    timestamp_column: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> pa.Table:
    """The rows with `start <= timestamp < end`, in file order.

    Args:
        columns: Names to read, in the order wanted; names that the data does not have are absent from the result.
            None reads all. The timestamp column is returned only if it is among them.
        timestamp_column: A timestamp (without a zone it is UTC) or a date (its midnight in UTC). It may be a
            partition key, and then folders outside the window are not opened.
        start: Inclusive and aware; None is unbounded.
        end: Exclusive and aware; None is unbounded. Rows with a null timestamp are in no bounded window.

    Raises:
        SourceError: A subclass that says what is wrong; `is_transient` says whether a retry may help.
        ValueError: If a bound is naive, the bounds are reversed, or a bound is given without a timestamp column.
    """
    narrowed = narrow(uri, policy, columns, timestamp_column, start, end)
    table, _ = read_widened(narrowed, policy.max_window_bytes)
    return table
