"""Records a drift that a detector saw: a run, a detection and, through listeners, an alert."""

from datetime import datetime, timedelta
from math import asin, sqrt
from typing import Any

import structlog
from django.conf import settings

from algorithms.method_results import FeatureDetail, MethodResult
from algorithms.verdicts import Severity, Signal, Verdict, severity_of
from detections import listeners
from detections.findings import ErrorRateChange
from detections.ledger.runs import record_change
from detections.models import OutcomeStream
from detections.outcomes.detectors import ConceptSignal
from detections.outcomes.history import time_of_outcome
from detections.outcomes.ingest import DEFAULT_STREAM, Accepted
from detections.outcomes.source_data import SOURCE_STREAM
from detections.results import RunResult
from detections.runs.run_recording import record_detections
from monitors.models import Baseline, Monitor

log = structlog.get_logger(__name__)

UNNAMED_STREAMS = (DEFAULT_STREAM, SOURCE_STREAM)
ERRORS = "prediction error"
SCALE = 0.2
"""Cohen's small effect (1988); severity is a warning at 1.5 and critical at 2.5 times this."""
INSTANT = timedelta(microseconds=1)


def record_signal(
    monitor: Monitor,
    baseline: Baseline | None,
    accepted: Accepted,
    signal: ConceptSignal,
    *,
    raises_alerts: bool,
) -> None:
    """Record one drift of a stream's error rate, in the caller's transaction; the monitor is locked."""
    stream, detected = accepted.batch.stream, accepted.time_of(signal)
    changed = time_of_outcome(stream, signal.changed_at) or detected
    result = _result(stream, signal, changed)
    window = min(changed, detected), max(changed, detected) + INSTANT
    run = record_change(
        monitor=monitor,
        baseline=baseline,
        result=result,
        window=window,
        raises_alerts=raises_alerts,
    )
    change = ErrorRateChange(stream=stream.name, reference=signal.before, current=signal.after)
    listeners.notify_listeners(run, record_detections(run, result, change))
    _log(monitor, signal)


def _log(monitor: Monitor, signal: ConceptSignal) -> None:
    monitor_id, method = str(monitor.id), signal.method
    log.info("concept_drift", monitor_id=monitor_id, method=method, sequence=signal.sequence)


def is_large_change(reference: float, current: float) -> bool:
    """True if the effect size of a change between two error rates reaches the tolerance."""
    return cohens_h(reference, current) >= settings.ENV.effect_tolerance_concept


def cohens_h(reference: float, current: float) -> float:
    """Effect size of a change between two rates: 2 |arcsin √current − arcsin √reference| (Cohen, 1988)."""
    return 2 * abs(_angle(current) - _angle(reference))


def _angle(rate: float) -> float:
    return asin(sqrt(min(1.0, max(0.0, rate))))


def _result(stream: OutcomeStream, signal: ConceptSignal, changed: datetime) -> RunResult:
    detail = _detail(stream, signal, changed)
    method = MethodResult(
        method=signal.method,
        verdict=detail.verdict,
        is_drifted=detail.verdict is Verdict.DRIFT,
        severity=detail.severity,
        worst_feature=ERRORS,
        statistic=signal.after,
        threshold=None,
        p_value=None,
        effect_size=detail.effect_size,
        details=(detail,),
    )
    return RunResult(
        verdict=detail.verdict, reason=detail.reason, rows=signal.length, methods=(method,)
    )


def _detail(stream: OutcomeStream, signal: ConceptSignal, changed: datetime) -> FeatureDetail:
    is_drift = is_large_change(signal.before, signal.after)
    effect = cohens_h(signal.before, signal.after)
    return FeatureDetail(
        feature=ERRORS,
        kind=None,
        verdict=Verdict.DRIFT if is_drift else Verdict.OK,
        reason=_sentence(stream, signal, changed),
        signal=Signal.DRIFT,
        severity=_severity(signal, effect) if is_drift else None,
        statistic=signal.after,
        effect_size=effect,
        tolerance=settings.ENV.effect_tolerance_concept,
        scale=SCALE,
        n_reference=max(0, signal.changed_at - 1),
        n_current=signal.length,
        explanation=_explanation(stream, signal, changed),
    )


def _explanation(stream: OutcomeStream, signal: ConceptSignal, changed: datetime) -> dict[str, Any]:
    return {
        "stream": stream.name,
        "change_point": {"sequence": signal.changed_at, "occurred_at": changed.isoformat()},
        "detected_at": signal.sequence,
        "error_rate_before": signal.before,
        "error_rate_after": signal.after,
    }


def _severity(signal: ConceptSignal, effect: float) -> Severity:
    """A fall of the error rate is good news, so it is never more than `info`."""
    return severity_of(effect / SCALE) if signal.after > signal.before else Severity.INFO


def _sentence(stream: OutcomeStream, signal: ConceptSignal, changed: datetime) -> str:
    verb = "rose" if signal.after > signal.before else "fell"
    of_stream = "" if stream.name in UNNAMED_STREAMS else f" of stream {stream.name}"
    rates = f"from {signal.before:.1%} to {signal.after:.1%}"
    place = f"outcome {signal.changed_at}, {changed:%Y-%m-%d %H:%M} UTC"
    return f"The error rate{of_stream} {verb} {rates} at {place}."
