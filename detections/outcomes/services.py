"""From outcomes to alerts: a drift that a detector sees becomes a run, a detection, an alert and events at once."""

from datetime import datetime, timedelta
from math import asin, sqrt

import pyarrow as pa
import structlog
from django.conf import settings

from alerts.episodes import raise_alert, resolve_alert, unresolved_alert
from alerts.models import Alert
from algorithms.method_results import FeatureDetail, MethodResult
from algorithms.verdicts import Severity, Signal, Verdict, severity_of
from detections.ledger.runs import record_change
from detections.models import Detection, DetectionRun, OutcomeStream
from detections.outcomes.detectors import ConceptSignal
from detections.outcomes.history import time_of_outcome
from detections.outcomes.ingest import Accepted, learn_usual, lock_stream, take_batch
from detections.outcomes.outcome_tables import BadOutcomes
from detections.outcomes.source_data import SOURCE_STREAM, NewOutcomes
from detections.results import RunResult
from detections.runs.completion import record_detections
from monitors.models import Baseline, Monitor
from monitors.selectors import get_current_baseline

log = structlog.get_logger(__name__)

DEFAULT_STREAM = "default"
ERRORS = "prediction error"
SCALE = 0.2
"""Cohen's small effect; severity is a warning at 1.5 and critical at 2.5 times this."""
MOST_SIGNALS = 20
INSTANT = timedelta(microseconds=1)


def accept_outcomes(*, monitor: Monitor, stream: str, batch_id: str, rows: pa.Table) -> Accepted:
    """Take a batch in and do what its drifts ask for, in the caller's transaction.

    Raises:
        BadOutcomes: If the batch can't be used; the transaction must be rolled back.
    """
    if stream == SOURCE_STREAM:
        raise BadOutcomes(f"The stream {SOURCE_STREAM!r} takes the rows of the monitor's own data.")
    accepted = take_batch(lock_stream(monitor.id, stream), monitor, batch_id, rows)
    _settle_signals(monitor, accepted)
    return accepted


def accept_new_rows(run: DetectionRun, stream: OutcomeStream, new: NewOutcomes) -> None:
    """Take in the rows of a run's data that no run has taken in before; the stream is locked."""
    rows = new.after(stream.read_until)
    if new.reference is not None and stream.read_until is None:
        learn_usual(stream, run.monitor, new.reference)
    stream.read_until = max(filter(None, (stream.read_until, new.until)))
    accepted = take_batch(stream, run.monitor, f"run:{run.id}", rows, is_sent=False)
    _settle_signals(run.monitor, accepted)


def _settle_signals(monitor: Monitor, accepted: Accepted) -> None:
    """Record the drifts of a batch; of very many, which only strange settings bring, the newest."""
    if not accepted.signals:
        return
    if (left := len(accepted.signals) - MOST_SIGNALS) > 0:
        log.warning("signals_left_out", monitor_id=str(monitor.id), left_out=left)
    Monitor.objects.select_for_update(no_key=True).only("id").get(
        id=monitor.id
    )  # as runs do; see `complete_run`
    baseline = get_current_baseline(monitor.id)
    for signal in accepted.signals[-MOST_SIGNALS:]:
        _settle_signal(monitor, baseline, accepted, signal)


def _settle_signal(
    monitor: Monitor, baseline: Baseline | None, accepted: Accepted, signal: ConceptSignal
) -> None:
    """Record a drift of a model's errors, and tell of it if it matters; the monitor is locked.

    A rise opens or worsens the monitor's concept alert and asks for retraining. A fall is recorded; when the errors are
    as rare again as before the alert's first rise, it ends the episode.
    """
    stream, detected = accepted.batch.stream, accepted.time_of(signal)
    changed = time_of_outcome(stream, signal.changed_at) or detected
    outcome = _outcome(stream, signal, changed)
    window = min(changed, detected), max(changed, detected) + INSTANT
    run = record_change(monitor=monitor, baseline=baseline, outcome=outcome, window=window)
    record_detections(run, outcome)
    if outcome.verdict is Verdict.DRIFT:
        if signal.after > signal.before:
            raise_alert(run, outcome.methods, Alert.Kind.CONCEPT)
        else:
            _end_episode(run, stream, signal)
    log.info(
        "concept_drift", monitor_id=str(monitor.id), method=signal.method, sequence=signal.sequence
    )


def cohens_h(before: float, after: float) -> float:
    """Effect size of a change between two rates: 2 |arcsin √after − arcsin √before|."""
    return 2 * abs(asin(sqrt(min(1.0, max(0.0, after)))) - asin(sqrt(min(1.0, max(0.0, before)))))


def _outcome(stream: OutcomeStream, signal: ConceptSignal, changed: datetime) -> RunResult:
    effect, tolerance = cohens_h(signal.before, signal.after), settings.ENV.effect_tolerance_concept
    is_drift, is_rise = effect >= tolerance, signal.after > signal.before
    verdict = Verdict.DRIFT if is_drift else Verdict.OK
    severity = (severity_of(effect / SCALE) if is_rise else Severity.INFO) if is_drift else None
    detail = FeatureDetail(
        feature=ERRORS,
        kind=None,
        verdict=verdict,
        reason=_sentence(stream, signal, changed),
        signal=Signal.DRIFT,
        severity=severity,
        statistic=signal.after,
        effect_size=effect,
        tolerance=tolerance,
        scale=SCALE,
        n_reference=max(0, signal.changed_at - 1),
        n_current=signal.length,
        explanation={
            "stream": stream.name,
            "change_point": {"sequence": signal.changed_at, "occurred_at": changed.isoformat()},
            "detected_at": signal.sequence,
            "error_rate_before": signal.before,
            "error_rate_after": signal.after,
        },
    )
    method = MethodResult(
        method=signal.method,
        verdict=verdict,
        is_drifted=is_drift,
        severity=severity,
        worst_feature=ERRORS,
        statistic=signal.after,
        threshold=None,
        p_value=None,
        effect_size=effect,
        details=(detail,),
    )
    return RunResult(verdict=verdict, reason=detail.reason, rows=signal.length, methods=(method,))


def _sentence(stream: OutcomeStream, signal: ConceptSignal, changed: datetime) -> str:
    verb = "rose" if signal.after > signal.before else "fell"
    of_stream = (
        "" if stream.name in (DEFAULT_STREAM, SOURCE_STREAM) else f" of stream {stream.name}"
    )
    return (
        f"The error rate{of_stream} {verb} from {signal.before:.1%} to {signal.after:.1%} "
        f"at outcome {signal.changed_at}, {changed:%Y-%m-%d %H:%M} UTC."
    )


def _end_episode(run: DetectionRun, stream: OutcomeStream, signal: ConceptSignal) -> None:
    alert = unresolved_alert(run.monitor_id, Alert.Kind.CONCEPT)
    if alert is None:
        return
    first = Detection.objects.filter(run_id=alert.first_run_id).first()
    if first is None or (told := first.details[0]["explanation"])["stream"] != stream.name:
        return
    before = told["error_rate_before"]
    is_back = (
        signal.after <= before
        or cohens_h(before, signal.after) < settings.ENV.effect_tolerance_concept
    )
    if is_back:
        resolve_alert(alert, run)
