"""Reads outcomes from the monitor's own data: each run takes in the rows that no run has taken in yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from algorithms.baseline import COLUMN_ERRORS
from algorithms.errors import UnusableColumn
from algorithms.performance import read_classes
from algorithms.value_types import ValueType, value_type_of
from detections.models import DetectionRun, OutcomeStream
from detections.outcomes.outcome_columns import CLASSES, INSTANT, are_exact
from detections.outcomes.outcome_tables import normalized, rows_between, with_times
from detections.outcomes.prediction_errors import errors_of
from detections.outcomes.refusals import BadOutcomes
from monitors.models import Monitor
from monitors.monitor_windows import current_window, reference_window
from monitors.prediction_tables import drop_unknown, read_prediction_table
from monitors.sources import SourcePolicy, WindowSpec

SOURCE_STREAM = "data"
COLUMNS = ["occurred_at", "prediction", "label"]
MOST_WINDOWS = 8
"""The most that one run takes in, in lengths of its window: it must fit into memory, and the next run goes on."""


@dataclass(frozen=True, slots=True, eq=False)
class NewOutcomes:
    """Rows with a prediction and a label, in order of time.

    Attributes:
        rows: Normalized.
        until: The data have been read up to here.
        reference: Of the monitor's reference, if errors are averaged and it is not known yet how means differ.
    """

    rows: pa.Table
    until: datetime
    reference: pa.Table | None = None

    def after(self, moment: datetime | None) -> pa.Table:
        """The rows from this moment on; all of them for None."""
        if moment is None:
            return self.rows
        return self.rows.filter(
            pc.greater_equal(self.rows["occurred_at"], pa.scalar(moment, INSTANT))
        )


def read_until(monitor: Monitor) -> datetime | None:
    """Up to where a monitor's data have been taken in; None before the first time."""
    stream = OutcomeStream.objects.filter(monitor=monitor, name=SOURCE_STREAM).first()
    return stream.read_until if stream else None


def read_new_outcomes(
    monitor: Monitor,
    policy: SourcePolicy,
    run: DetectionRun,
    since: datetime | None,
    predictions: pa.Table | None,
    types: Mapping[str, str] | None = None,
) -> NewOutcomes | None:
    """The rows that have both a prediction and a label, from `since` to the end of the run's window.

    The first time, when `since` is None, they begin at the end of the reference, or with the window.

    Rows without a label when their window is read are not read again: the monitor's lag must cover the delay of labels.

    Args:
        predictions: The prediction table of the run's window if it was read; enough if nothing before it is wanted.
        types: The way to read predictions and labels from CSV, as the baseline has it.

    Returns:
        None when the stream is already past that window.

    Raises:
        SourceError: If the data cannot be read.
        BadOutcomes: If their columns hold no predictions and labels.
    """
    start = since or monitor.reference_end or run.window_start
    until = _end_of_rows(run, start)
    if start >= until:
        return None
    if predictions is None or start < run.window_start:
        predictions = _read(monitor, current_window(monitor, policy, (start, until)), types)
    rows = rows_between(_whole(monitor, predictions), start, until)
    errors_of(rows, monitor.error_scale)  # whether it can be done, while the run can still say so
    reference = _reference_outcomes(monitor, policy, types) if since is None else None
    return NewOutcomes(rows, until, reference)


def _end_of_rows(run: DetectionRun, start: datetime) -> datetime:
    most = start + MOST_WINDOWS * (run.window_end - run.window_start)
    return min(run.window_end, run.scheduled_for, most)


def _reference_outcomes(
    monitor: Monitor, policy: SourcePolicy, types: Mapping[str, str] | None
) -> pa.Table | None:
    """The outcomes of the reference, if errors are averaged.

    Without labels it teaches nothing, and the stream's beginning will.
    """
    if monitor.error_batch == 1:
        return None
    with suppress(BadOutcomes):
        return _whole(monitor, _read(monitor, reference_window(monitor, policy), types))
    return None


def _read(monitor: Monitor, window: WindowSpec, types: Mapping[str, str] | None) -> pa.Table:
    try:
        return read_prediction_table(monitor, window, (), types)
    except UnusableColumn as error:
        raise BadOutcomes(str(error)) from error


def _whole(monitor: Monitor, predictions: pa.Table) -> pa.Table:
    """The rows that have a prediction and a label, normalized, in order of time; without `error_scale`, classes."""
    _check_columns(predictions.column_names)
    known = drop_unknown(predictions.select(COLUMNS), "label")
    if monitor.error_scale is None:
        known = _with_comparable_classes(known)
    return with_times(normalized(known)).sort_by("occurred_at")


def _with_comparable_classes(known: pa.Table) -> pa.Table:
    """Predictions and labels as the names of their classes, where their own types would not compare them by value."""
    if not _needs_names(known["prediction"], known["label"]):
        return known
    try:
        classes = read_classes(prediction=known["prediction"], label=known["label"])
    except COLUMN_ERRORS as error:
        raise BadOutcomes(str(error)) from error
    names = pa.array(classes.names, pa.string())
    named = {name: names.take(pa.array(classes.codes[name])) for name in CLASSES}
    return pa.table({"occurred_at": known["occurred_at"]} | named)


def _needs_names(*columns: pa.ChunkedArray) -> bool:
    """True if one column is text and the other is not, or whole numbers are beyond those that floats keep apart."""
    has_text = {value_type_of(column.type) is ValueType.TEXT for column in columns}
    return len(has_text) > 1 or any(map(_is_beyond_floats, columns))


def _is_beyond_floats(column: pa.ChunkedArray) -> bool:
    if value_type_of(column.type) not in (ValueType.INTEGER, ValueType.DECIMAL):
        return False
    return not are_exact(pc.min_max(column).as_py().values())


def _check_columns(names: Sequence[str]) -> None:
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise BadOutcomes(f"The data have no column for the {missing[0]}.")
