"""Accepts outcomes: a batch that was sent, or the new rows of a run's data."""

import pyarrow as pa
import structlog

from detections.models import DetectionRun, OutcomeStream
from detections.outcomes.ingest import Accepted, learn_usual, lock_stream, take_batch
from detections.outcomes.refusals import BadOutcomes
from detections.outcomes.signals import record_signal
from detections.outcomes.source_data import SOURCE_STREAM, NewOutcomes
from drift_detector.tenancy.models import Quota
from drift_detector.tenancy.quotas import take
from monitors.models import Monitor
from monitors.selectors import get_current_baseline

log = structlog.get_logger(__name__)

MOST_SIGNALS = 20


def accept_outcomes(*, monitor: Monitor, stream: str, batch_id: str, rows: pa.Table) -> Accepted:
    """Accept a batch and record the drifts that detectors see in it, in the caller's transaction.

    Raises:
        IdReused: If the batch's id has been used for other outcomes.
        BadOutcomes: If the batch can't be used; the transaction must be rolled back.
        OverQuota: If the tenant may not send as many outcomes today; it must be rolled back, too.
    """
    if stream == SOURCE_STREAM:
        raise BadOutcomes(
            f"stream must not be {SOURCE_STREAM!r}: that stream takes the rows of the monitor's data."
        )
    accepted = take_batch(lock_stream(monitor.id, stream), monitor, batch_id, rows)
    _record_signals(monitor, accepted)
    if not accepted.is_repeat:  # last, as all batches of the tenant lock the row that is counted in
        take(Quota.OUTCOME_ROWS, rows.num_rows, closed_by=(Quota.STORAGE,))
    return accepted


def accept_new_rows(run: DetectionRun, stream: OutcomeStream, new: NewOutcomes) -> None:
    """Accept the rows of a run's data that no earlier run has accepted; the stream is locked."""
    rows = new.after(stream.read_until)
    if new.reference is not None and stream.read_until is None:
        learn_usual(stream, run.monitor, new.reference)
    stream.read_until = max(filter(None, (stream.read_until, new.until)))
    accepted = take_batch(stream, run.monitor, f"run:{run.id}", rows, is_sent=False)
    _record_signals(run.monitor, accepted, raises_alerts=run.raises_alerts)


def _record_signals(monitor: Monitor, accepted: Accepted, *, raises_alerts: bool = True) -> None:
    """Record the newest drifts of a batch; only unusual settings bring more than `MOST_SIGNALS`."""
    if not accepted.signals:
        return
    _log_left_out(monitor, len(accepted.signals) - MOST_SIGNALS)
    # The same lock, in the same order, as in `complete_run`.
    Monitor.objects.select_for_update(no_key=True).only("id").get(id=monitor.id)
    baseline = get_current_baseline(monitor.id)
    for signal in accepted.signals[-MOST_SIGNALS:]:
        record_signal(monitor, baseline, accepted, signal, raises_alerts=raises_alerts)


def _log_left_out(monitor: Monitor, left_out: int) -> None:
    if left_out > 0:
        log.warning("signals_left_out", monitor_id=str(monitor.id), left_out=left_out)
