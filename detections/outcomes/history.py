"""Finds an outcome again by its number."""

from datetime import datetime

import numpy as np
import pyarrow as pa

from detections.models import OutcomeBatch, OutcomeStream
from monitors.sources import table_from_bytes

TIMES_KEPT = 1000


def some_times(outcomes: pa.Table) -> pa.Table:
    """The first row of a batch and some others up to a limit, with the times at which they occurred."""
    count = outcomes.num_rows
    step = max(1, -(-count // TIMES_KEPT))
    rows = np.arange(0, count, step)
    return pa.table({"row": rows, "occurred_at": outcomes["occurred_at"].take(pa.array(rows))})


def time_of_outcome(stream: OutcomeStream, sequence: int) -> datetime | None:
    """The time of an outcome, or of the nearest one before it whose time was kept; None if its batch is gone."""
    batch = _batch_before(stream, sequence)
    if batch is None or batch.content is None or sequence >= batch.first_sequence + batch.outcomes:
        return None
    return _kept_time(bytes(batch.content), sequence - batch.first_sequence)


def _batch_before(stream: OutcomeStream, sequence: int) -> OutcomeBatch | None:
    """The newest batch that begins at an outcome or before it."""
    begun = OutcomeBatch.objects.filter(stream=stream, first_sequence__lte=sequence)
    return begun.filter(outcomes__gt=0).order_by("-first_sequence").first()


def _kept_time(content: bytes, row: int) -> datetime:
    kept = table_from_bytes(content)
    moment: datetime = kept["occurred_at"][_kept_row(kept, row)].as_py()
    return moment


def _kept_row(kept: pa.Table, row: int) -> int:
    """The place of a row among those kept, or of the nearest one before it."""
    if "row" not in kept.column_names:
        return row
    return int(np.searchsorted(kept["row"].to_numpy(), row, side="right")) - 1
