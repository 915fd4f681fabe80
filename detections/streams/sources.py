"""Outcomes that lie in the monitor's own data: each run takes in the rows that no run has taken in yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from detections.models import DetectionRun, OutcomeStream
from detections.streams.rows import INSTANT, normalized
from monitors.models import Monitor
from monitors.sources import SourcePolicy, read_window

SOURCE_STREAM = "data"


@dataclass(frozen=True, slots=True, eq=False)
class NewOutcomes:
    """Rows with a prediction and a label, in order of time.

    Attributes:
        rows: Normalized.
        until: The data have been read up to here.
    """

    rows: pa.Table
    until: datetime

    def after(self, moment: datetime | None) -> pa.Table:
        """The rows from this moment on; all of them for None."""
        if moment is None:
            return self.rows
        return self.rows.filter(pc.greater_equal(self.rows["occurred_at"], pa.scalar(moment, INSTANT)))


def outcomes_wanted_from(monitor: Monitor, run: DetectionRun) -> datetime:
    """Up to where the stream has been read; before the first time, the end of the reference or the window's start."""
    stream = OutcomeStream.objects.filter(monitor=monitor, name=SOURCE_STREAM).first()
    return (stream and stream.read_until) or monitor.reference_end or run.window_start


def read_new_outcomes(monitor: Monitor, policy: SourcePolicy, run: DetectionRun, since: datetime) -> NewOutcomes | None:
    """The rows from `since` to the end of the run's window that have both a prediction and a label.

    What has no label when its window is read is not seen again: the monitor's lag is to be longer than labels take.

    Returns:
        None when the stream is already past that window.

    Raises:
        SourceError: If the data cannot be read.
        BadOutcomes: If their columns hold no predictions and labels.
    """
    until = min(run.window_end, run.scheduled_for)
    if since >= until:
        return None
    columns = [monitor.timestamp_column, monitor.prediction_column, monitor.label_column]
    table = read_window(monitor.current_data_uri, policy, columns, monitor.timestamp_column, since, until)
    rows = normalized(table.select(columns).rename_columns(["occurred_at", "prediction", "label"]))
    whole = pc.and_(pc.is_valid(rows["prediction"]), pc.is_valid(rows["label"]))
    return NewOutcomes(rows.filter(whole).sort_by("occurred_at"), until)
