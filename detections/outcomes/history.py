"""Finds an outcome again by its number."""

from datetime import datetime

import numpy as np
import pyarrow as pa

from detections.models import OutcomeBatch, OutcomeStream
from monitors.sources import table_from_bytes

TIMES_KEPT = 1000


def some_times(outcomes: pa.Table) -> pa.Table:
    """The first row of a batch and some others up to a limit, with the times at which they occurred."""
    rows = np.arange(0, outcomes.num_rows, max(1, -(-outcomes.num_rows // TIMES_KEPT)))
    return pa.table({"row": rows, "occurred_at": outcomes["occurred_at"].take(pa.array(rows))})


def time_of_outcome(stream: OutcomeStream, sequence: int) -> datetime | None:
    """The time of an outcome, or of the nearest one before it whose time was kept; None if its batch is gone."""
    batches = OutcomeBatch.objects.filter(
        stream=stream, first_sequence__lte=sequence, outcomes__gt=0
    )
    batch = batches.order_by("-first_sequence").first()
    if batch is None or batch.content is None or sequence >= batch.first_sequence + batch.outcomes:
        return None
    kept, row = table_from_bytes(bytes(batch.content)), sequence - batch.first_sequence
    if "row" in kept.column_names:
        row = int(np.searchsorted(kept["row"].to_numpy(), row, side="right")) - 1
    moment: datetime = kept["occurred_at"][row].as_py()
    return moment
