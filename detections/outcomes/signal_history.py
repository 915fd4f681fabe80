"""Keeps the history of detectors' signals: when a warning began and ended, and each drift."""

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa
from django.db import connection

from detections.models import OutcomeStream, SignalChange
from detections.outcomes.detectors import Advance, ConceptSignal
from detections.outcomes.history import time_of_outcome
from detections.outcomes.signal_changes import MOST_CHANGES, Transition

MOST_TIMES = 20
"""Drifts of a batch whose beginning is looked up; only unusual settings bring more."""
DROP_OLD = """
    DELETE FROM drf_signal_changes WHERE id IN (
        SELECT id FROM drf_signal_changes
        WHERE tenant_id = %s AND stream_id = %s AND method = %s
        ORDER BY sequence DESC, created_at DESC OFFSET %s)
"""


def record_transitions(
    stream: OutcomeStream,
    first_sequence: int,
    occurred_at: pa.ChunkedArray,
    advance: Advance,
) -> None:
    """Store the changes of a batch with their times; the stream is locked.

    Args:
        stream: Locked; its batch is stored.
        first_sequence: Of the batch's first outcome.
        occurred_at: When its outcomes occurred.
        advance: What the detectors said.
    """
    transitions = advance.transitions
    if not transitions:
        return
    known = {(each.method.value, each.row): each for each in advance.drifts}
    rows = [
        _change(stream, first_sequence + each.row, occurred_at[each.row].as_py(), each)
        for each in transitions
    ]
    described = [
        _described(row, known.get((each.method, each.row)))
        for row, each in zip(rows, transitions, strict=True)
    ]
    _find_times(stream, described)
    SignalChange.objects.bulk_create(described)
    for method in {each.method for each in transitions}:
        _drop_old(stream, method)


def _change(
    stream: OutcomeStream, sequence: int, occurred_at: datetime, transition: Transition
) -> SignalChange:
    return SignalChange(
        tenant_id=stream.tenant_id,
        stream=stream,
        method=transition.method,
        signal=transition.signal.value,
        sequence=sequence,
        occurred_at=occurred_at,
    )


def _described(change: SignalChange, drift: ConceptSignal | None) -> SignalChange:
    """The change with what is known of its drift."""
    if drift is not None:
        change.changed_sequence = max(0, drift.changed_at)
        change.before, change.after = drift.before, drift.after
    return change


def _find_times(stream: OutcomeStream, changes: Sequence[SignalChange]) -> None:
    """Set when the latest drifts began, as far as the times of those outcomes were kept."""
    drifts = [each for each in changes if each.changed_sequence is not None]
    for each in sorted(drifts, key=lambda change: change.sequence)[-MOST_TIMES:]:
        each.changed_at = time_of_outcome(stream, each.changed_sequence or 0)


def _drop_old(stream: OutcomeStream, method: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(DROP_OLD, [stream.tenant_id, stream.id, method, MOST_CHANGES])
