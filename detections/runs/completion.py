"""Recording what a run found."""

from collections.abc import Sequence
from typing import Any

import structlog

from algorithms.concept_drift.methods import ConceptMethod
from algorithms.method_results import FeatureDetail, MethodResult
from algorithms.plan import Method
from algorithms.verdicts import Severity, Verdict, worst_severity
from detections.ledger import runs as ledger
from detections.ledger.follow_ups import plan_follow_up
from detections.ledger.runs import Claim
from detections.models import Detection, DetectionRun
from detections.results import RunResult
from drift_detector.events.services import EventType, emit
from monitors.models import Baseline

log = structlog.get_logger(__name__)

# Of a drift with hundreds of features, events and alerts name the largest; the detections have all.
MOST_FEATURES_TOLD = 20
LOUDEST = [
    Detection.Type.CONCEPT.value,
    Detection.Type.PERFORMANCE.value,
    Detection.Type.STATISTICAL.value,
]


def record_outcome(claim: Claim, outcome: RunResult) -> DetectionRun | None:
    """Write a run's end, its detections, the event of its drift and its follow-up, in the caller's transaction.

    Returns:
        The finished run; None when another worker owns it by now, and then nothing is written.
    """
    status = DetectionRun.Status.FAILED if outcome.is_failed else DetectionRun.Status.SUCCEEDED
    is_ours = ledger.finish_run(
        claim,
        status=status,
        verdict=outcome.verdict,
        reason=outcome.reason,
        rows=outcome.rows,
        baseline_id=outcome.baseline_id,
    )
    if not is_ours:
        log.warning("run_refused", run_id=str(claim.run_id), attempt=claim.attempt)
        return None
    run = DetectionRun.objects.select_related("monitor").defer("inline_data").get(id=claim.run_id)
    record_detections(run, outcome)
    plan_follow_up(run)
    log.info(
        "run_finished",
        run_id=str(run.id),
        verdict=outcome.verdict,
        rows=outcome.rows,
        attempt=claim.attempt,
    )
    return run


def record_detections(run: DetectionRun, outcome: RunResult) -> None:
    """Write what a run found, and the event if that is drift, in the caller's transaction."""
    Detection.objects.bulk_create([_detection(run, answer) for answer in outcome.methods])
    if outcome.verdict is Verdict.DRIFT:
        emit(EventType.DETECTED, cause=run.id, key=run.monitor_id, data=_event(run, outcome))


def drift_summary(run: DetectionRun, methods: Sequence[MethodResult]) -> dict[str, Any]:
    """What every event about a drifted run tells of it."""
    return {
        "monitor_id": str(run.monitor_id),
        "monitor_name": run.monitor.name,
        "model_id": str(run.monitor.model_id),
        "run_id": str(run.id),
        "window_start": run.window_start.isoformat(),
        "window_end": run.window_end.isoformat(),
        "severity": severity_of_run(methods).value,
        "drifted_features": drifted_features(methods),
    }


def severity_of_run(methods: Sequence[MethodResult]) -> Severity:
    """The highest severity among the methods."""
    return worst_severity(method.severity for method in methods) or Severity.INFO


def drifted_features(methods: Sequence[MethodResult]) -> list[dict[str, Any]]:
    """The drifted features, each with the method that sees it most clearly, largest effect for its tolerance first."""
    drifted = [
        (method, detail)
        for method in methods
        for detail in method.details
        if detail.verdict is Verdict.DRIFT
    ]
    told: dict[str, dict[str, Any]] = {}
    for method, detail in sorted(drifted, key=lambda each: -each[1].ratio):
        told.setdefault(detail.feature, _told(method, detail))
    return list(told.values())[:MOST_FEATURES_TOLD]


def _told(answer: MethodResult, detail: FeatureDetail) -> dict[str, Any]:
    names = ("feature", "statistic", "p_value", "effect_size")
    record = detail.as_json()
    return {"method": answer.method.value, "reference": answer.reference.value} | {
        name: record[name] for name in names
    }


def _event(run: DetectionRun, outcome: RunResult) -> dict[str, Any]:
    drifted = list(
        dict.fromkeys(answer.method.value for answer in outcome.methods if answer.is_drifted)
    )
    baselines = Baseline.objects.filter(id__in=[run.baseline_id] if run.baseline_id else [])
    return drift_summary(run, outcome.methods) | {
        "detection_type": min(
            (_type(answer) for answer in outcome.methods if answer.is_drifted), key=LOUDEST.index
        ),
        "methods": drifted,
        "baseline_version": baselines.values_list("version", flat=True).first() or 0,
        "rows": outcome.rows or 0,
    }


def _type(answer: MethodResult) -> str:
    if isinstance(answer.method, Method):
        return Detection.Type.STATISTICAL.value
    return (
        Detection.Type.CONCEPT
        if isinstance(answer.method, ConceptMethod)
        else Detection.Type.PERFORMANCE
    ).value


def _detection(run: DetectionRun, answer: MethodResult) -> Detection:
    return Detection(
        tenant_id=run.tenant_id,
        run=run,
        monitor_id=run.monitor_id,
        detection_type=_type(answer),
        method=answer.method,
        reference=answer.reference,
        verdict=answer.verdict,
        is_drifted=answer.is_drifted,
        severity=answer.severity or "",
        worst_feature=answer.worst_feature or "",
        statistic=answer.statistic,
        p_value=answer.p_value,
        effect_size=answer.effect_size,
        threshold=answer.threshold,
        window_start=run.window_start,
        window_end=run.window_end,
        details=[detail.as_json() for detail in answer.details],
    )
