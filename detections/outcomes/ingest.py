"""Takes a batch of outcomes in: once, in order, with all that follows from it in one transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from algorithms.arrays import FloatArray
from algorithms.concept_drift.averaging import Averaging
from algorithms.concept_drift.detector import UnusableObservation
from detections.models import OutcomeBatch, OutcomeStream
from detections.outcomes.batch_content import hash_of_rows
from detections.outcomes.detectors import Advance, ConceptSignal, advance_detectors
from detections.outcomes.error_bins import add_errors
from detections.outcomes.history import some_times
from detections.outcomes.joining import join_halves
from detections.outcomes.outcome_tables import with_times
from detections.outcomes.prediction_errors import check_given_errors, errors_of
from detections.outcomes.refusals import BadOutcomes, IdReused
from detections.outcomes.signal_history import record_transitions
from drift_detector.tenancy.scope import current_tenant_id
from monitors.models import Monitor
from monitors.sources import table_to_bytes

DEFAULT_STREAM = "default"
KEPT = ["occurred_at", "prediction", "label", "score", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The effect of a batch.

    Attributes:
        batch: As it is stored.
        waiting: Halves of it that wait for the other.
        is_repeat: It had been accepted before, and nothing was done now.
        signals: Drifts that the detectors saw in it.
        occurred_at: Shape (outcomes,), when its outcomes occurred; None for a repeat.
    """

    batch: OutcomeBatch
    waiting: int = 0
    is_repeat: bool = False
    signals: tuple[ConceptSignal, ...] = ()
    occurred_at: pa.ChunkedArray | None = None

    @property
    def first_sequence(self) -> int | None:
        """The number of its first outcome; None if it completed none."""
        return self.batch.first_sequence if self.batch.outcomes else None

    @property
    def last_sequence(self) -> int | None:
        """The number of its last outcome."""
        return self.batch.first_sequence + self.batch.outcomes - 1 if self.batch.outcomes else None

    def time_of(self, signal: ConceptSignal) -> datetime:
        """The time of the outcome that made a signal certain."""
        assert self.occurred_at is not None
        moment: datetime = self.occurred_at[signal.row].as_py()
        return moment


def lock_stream(monitor_id: UUID, name: str) -> OutcomeStream:
    """A monitor's stream, made if there is none, and locked until the transaction ends."""
    streams = OutcomeStream.objects.select_for_update().filter(monitor_id=monitor_id, name=name)
    if (stream := streams.first()) is not None:
        return stream
    _make_stream(monitor_id, name)
    return streams.get()


def _make_stream(monitor_id: UUID, name: str) -> None:
    fresh = OutcomeStream(tenant_id=current_tenant_id(), monitor_id=monitor_id, name=name)
    OutcomeStream.objects.bulk_create([fresh], ignore_conflicts=True)


def learn_usual(stream: OutcomeStream, monitor: Monitor, reference: pa.Table) -> None:
    """Let a stream that has just begun learn from the reference's outcomes how much means of errors differ."""
    averaging = Averaging.resumed(monitor.error_batch, stream.averaging)
    averaging.learn(errors_of(reference, monitor.error_scale))
    stream.averaging = averaging.as_json()


def take_batch(
    stream: OutcomeStream, monitor: Monitor, batch_id: str, rows: pa.Table, *, is_sent: bool = True
) -> Accepted:
    """Append a batch to a stream that the caller has locked, in the caller's transaction.

    Args:
        stream: Locked.
        monitor: Whose detectors are shown the errors.
        batch_id: A second batch of this id on the stream is the first one sent again, if its rows are the same.
        rows: As `detections.outcomes.outcome_tables` makes them.
        is_sent: Outcomes that were sent are stored; of those read from the monitor's own data, some times.

    Raises:
        IdReused: If the id has been used for other rows.
        BadOutcomes: If one can't be used; the transaction must be rolled back.
    """
    content_hash = hash_of_rows(rows) if is_sent else ""
    earlier = _earlier_batch(stream, batch_id, content_hash)
    if earlier is not None:
        return Accepted(batch=earlier, is_repeat=True)
    check_given_errors(rows, monitor.error_scale)
    whole, waiting = join_halves(stream, with_times(rows))
    errors = errors_of(whole, monitor.error_scale)
    advance = _advance(stream, monitor, errors)
    batch = _new_batch(stream, whole, is_sent=is_sent)
    batch.batch_id, batch.content_hash, batch.rows = batch_id, content_hash, rows.num_rows
    _append(stream, batch)
    times = whole["occurred_at"]
    add_errors(stream, times, errors)
    record_transitions(stream, batch.first_sequence, times, advance)
    return Accepted(batch=batch, waiting=waiting, signals=advance.drifts, occurred_at=times)


def _earlier_batch(stream: OutcomeStream, batch_id: str, content_hash: str) -> OutcomeBatch | None:
    """The batch of this id that the stream has; None without one."""
    batches = OutcomeBatch.objects.defer("content").filter(stream=stream, batch_id=batch_id)
    earlier = batches.first()
    if earlier is None:
        return None
    if earlier.content_hash not in ("", content_hash):
        raise IdReused(
            f"batch_id {batch_id!r} has been used for other outcomes; other outcomes need another batch_id."
        )
    earlier.stream = stream
    return earlier


def _new_batch(stream: OutcomeStream, whole: pa.Table, *, is_sent: bool) -> OutcomeBatch:
    """The batch that appends these whole outcomes to its stream."""
    return OutcomeBatch(
        tenant_id=current_tenant_id(),
        stream=stream,
        first_sequence=stream.sequence + 1,
        outcomes=whole.num_rows,
        **_contents(whole, is_sent=is_sent),
    )


def _advance(stream: OutcomeStream, monitor: Monitor, errors: FloatArray) -> Advance:
    try:
        return advance_detectors(stream, monitor, errors)
    except UnusableObservation as error:
        raise BadOutcomes(str(error)) from error


def _contents(whole: pa.Table, *, is_sent: bool) -> dict[str, Any]:
    """The fields of a batch that describe its outcomes; none without outcomes."""
    if not whole.num_rows:
        return {}
    bounds = pc.min_max(whole["occurred_at"])
    kept = whole.select(KEPT) if is_sent else some_times(whole)
    return {
        "occurred_from": bounds["min"].as_py(),
        "occurred_until": bounds["max"].as_py(),
        "content": table_to_bytes(kept),
    }


def _append(stream: OutcomeStream, batch: OutcomeBatch) -> None:
    batch.save(force_insert=True)
    stream.sequence += batch.outcomes
    stream.save(update_fields=["sequence", "averaging", "read_until"])
