"""From outcomes to alerts: a drift that a detector sees becomes a run, a detection, an alert and events at once."""

from datetime import datetime, timedelta
from math import asin, sqrt

import pyarrow as pa
import structlog
from django.conf import settings
from django.utils import timezone

from alerts.episodes import raise_alert, resolve_alert, unresolved_alert
from alerts.models import Alert
from algorithms.outcomes import FeatureDetail, MethodOutcome
from algorithms.verdicts import Severity, Signal, Verdict, severity_of
from detections.models import Detection, DetectionRun, OutcomeStream
from detections.outcomes import Outcome
from detections.services import record_detections
from detections.streams.accepting import Accepted, learn_usual, lock_stream, take_batch
from detections.streams.detectors import ConceptSignal
from detections.streams.history import time_of_outcome
from detections.streams.rows import BadOutcomes
from detections.streams.sources import SOURCE_STREAM, NewOutcomes
from monitors.models import Monitor
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
    if (left := len(accepted.signals) - MOST_SIGNALS) > 0:
        log.warning("signals_left_out", monitor_id=str(monitor.id), left_out=left)
    for signal in accepted.signals[-MOST_SIGNALS:]:
        settle_signal(monitor, accepted, signal)


def settle_signal(monitor: Monitor, accepted: Accepted, signal: ConceptSignal) -> DetectionRun:
    """Record a drift of a model's errors, and tell of it if it matters, in the caller's transaction.

    A rise opens or worsens the monitor's concept alert and asks for retraining. A fall is recorded; when the errors are
    as rare again as before the alert's first rise, it ends the episode.
    """
    Monitor.objects.select_for_update().only("id").get(id=monitor.id)  # as runs do; see `settle_run`
    detected = accepted.time_of(signal)
    changed = time_of_outcome(accepted.stream, signal.changed_at) or detected
    outcome = _outcome(accepted.stream, signal, changed)
    run = _record_run(monitor, outcome, min(changed, detected), max(changed, detected) + INSTANT)
    record_detections(run, outcome)
    if outcome.verdict is Verdict.DRIFT:
        if signal.after > signal.before:
            raise_alert(run, outcome.methods, Alert.Kind.CONCEPT)
        else:
            _end_episode(run, accepted.stream, signal)
    log.info("concept_drift", monitor_id=str(monitor.id), method=signal.method, sequence=signal.sequence)
    return run


def cohens_h(before: float, after: float) -> float:
    """Effect size of a change between two rates: 2 |arcsin √after − arcsin √before|."""
    return 2 * abs(asin(sqrt(min(1.0, max(0.0, after)))) - asin(sqrt(min(1.0, max(0.0, before)))))


def _outcome(stream: OutcomeStream, signal: ConceptSignal, changed: datetime) -> Outcome:
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
    method = MethodOutcome(
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
    return Outcome(verdict=verdict, reason=detail.reason, rows=signal.length, methods=(method,))


def _sentence(stream: OutcomeStream, signal: ConceptSignal, changed: datetime) -> str:
    verb = "rose" if signal.after > signal.before else "fell"
    of_stream = "" if stream.name in (DEFAULT_STREAM, SOURCE_STREAM) else f" of stream {stream.name}"
    return (
        f"The error rate{of_stream} {verb} from {signal.before:.1%} to {signal.after:.1%} "
        f"at outcome {signal.changed_at}, {changed:%Y-%m-%d %H:%M} UTC."
    )


def _record_run(monitor: Monitor, outcome: Outcome, start: datetime, end: datetime) -> DetectionRun:
    baseline = get_current_baseline(monitor.id)
    while True:
        now = timezone.now()
        run = DetectionRun(
            tenant_id=monitor.tenant_id,
            monitor=monitor,
            baseline=baseline,
            trigger=DetectionRun.Trigger.OUTCOMES,
            scheduled_for=now,
            window_start=start,
            window_end=end,
            status=DetectionRun.Status.SUCCEEDED,
            verdict=outcome.verdict,
            reason=outcome.reason,
            rows=outcome.rows,
            started_at=now,
            finished_at=now,
        )
        DetectionRun.objects.bulk_create([run], ignore_conflicts=True)
        if DetectionRun.objects.filter(id=run.id).exists():  # else another run has this very microsecond
            return run


def _end_episode(run: DetectionRun, stream: OutcomeStream, signal: ConceptSignal) -> None:
    alert = unresolved_alert(run.monitor_id, Alert.Kind.CONCEPT)
    if alert is None:
        return
    first = Detection.objects.filter(run_id=alert.first_run_id).first()
    if first is None or (told := first.details[0]["explanation"])["stream"] != stream.name:
        return
    before = told["error_rate_before"]
    is_back = signal.after <= before or cohens_h(before, signal.after) < settings.ENV.effect_tolerance_concept
    if is_back:
        resolve_alert(alert, run)
