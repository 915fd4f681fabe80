"""Reads the predictions of a run's window, from the monitor's data or from the outcomes that were sent."""

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa
from django.conf import settings
from django.db.models import QuerySet, Sum

from algorithms.errors import UnusableColumn
from detections.evaluation.context import RunContext
from detections.ledger.runs import Claim
from detections.models import OutcomeBatch
from detections.outcomes.outcome_tables import rows_between
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from monitors.monitor_windows import current_window
from monitors.prediction_tables import (
    WindowPredictions,
    drop_unknown,
    read_window_predictions,
)
from monitors.sources import table_from_bytes

BYTES_PER_OUTCOME = 64


class NoOutcomes(UnusableColumn):
    """No outcomes of the window were sent."""


def read_predictions(
    claim: Claim, context: RunContext, features: Sequence[str]
) -> WindowPredictions:
    """The window's predictions, with their labels as far as they are known, and features that losses need.

    Raises:
        NoOutcomes: If the window has no sent outcomes.
        SourceError: If the monitor's data cannot be read.
        UnusableColumn: If the window holds too many outcomes, or a column cannot be used.
    """
    monitor, bounds = context.monitor, (context.run.window_start, context.run.window_end)
    if monitor.prediction_column:
        window = current_window(monitor, context.policy, bounds)
        types = context.baseline.prediction_types
        return read_window_predictions(monitor, window, features, types)
    with tenant_scope(claim.tenant_id):
        contents = _sent_contents(monitor, *bounds)
    return _sent_predictions(contents, *bounds)


def _sent_contents(monitor: Monitor, start: datetime, end: datetime) -> list[bytes]:
    """The batches that were sent to the monitor's streams and hold outcomes of the window.

    Raises:
        UnusableColumn: If they are too many to be measured at once.
    """
    batches = OutcomeBatch.objects.filter(
        stream__monitor=monitor,
        occurred_until__gte=start,
        occurred_from__lt=end,
        content__isnull=False,
    )
    _check_size(batches)
    return [bytes(content or b"") for content in batches.values_list("content", flat=True)]


def _check_size(batches: QuerySet[OutcomeBatch]) -> None:
    outcomes = batches.aggregate(outcomes=Sum("outcomes"))["outcomes"] or 0
    if outcomes > (most := settings.ENV.data.max_window_bytes // BYTES_PER_OUTCOME):
        raise UnusableColumn(
            f"The window holds {outcomes:,} outcomes; at most {most:,} are measured at once."
        )


def _sent_predictions(contents: list[bytes], start: datetime, end: datetime) -> WindowPredictions:
    """The outcomes of a window, of batches that hold some of it."""
    tables = [table_from_bytes(content) for content in contents]
    whole = [table for table in tables if "prediction" in table.column_names]
    if not whole:
        raise NoOutcomes("No outcomes were sent for this window.")
    rows = rows_between(_joined(whole), start, end)
    empty = [name for name in ("score", "label") if pa.types.is_null(rows.schema.field(name).type)]
    table = drop_unknown(rows.drop_columns([*empty, "occurred_at", "error"]), "prediction")
    return WindowPredictions(table, rows.num_rows)


def _joined(tables: list[pa.Table]) -> pa.Table:
    """The outcomes of all batches, which must be of one type."""
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowTypeError as error:
        raise UnusableColumn(
            "The window's predictions and labels are text in some batches and numbers in others."
        ) from error
