"""Records the method results of a run as detections, and the event of its drift."""

from typing import Any

from algorithms.concept_drift.detector_registry import ConceptMethod
from algorithms.method_results import MethodResult
from algorithms.methods import Method
from algorithms.verdicts import Verdict
from detections.findings import ErrorRateChange, RunFinding, build_finding
from detections.models import Detection, DetectionRun
from detections.results import RunResult
from drift_detector.events.services import EventType, emit
from drift_detector.public_pages import page_of_run
from monitors.models import Baseline

# Of several types in one run, the event names the first of these.
TYPES_IN_ORDER = [
    Detection.Type.CONCEPT.value,
    Detection.Type.PERFORMANCE.value,
    Detection.Type.STATISTICAL.value,
    Detection.Type.SCHEMA.value,
]


def record_detections(
    run: DetectionRun, result: RunResult, change: ErrorRateChange | None = None
) -> RunFinding:
    """Write the detections of a run, in the caller's transaction.

    If it drifted and may raise alerts, `drift.detected` is published, too.
    """
    Detection.objects.bulk_create([_detection(run, method) for method in result.methods])
    finding = build_finding(run, result, change)
    if result.verdict is Verdict.DRIFT and run.raises_alerts:
        data = _event(run, result, finding)
        emit(EventType.DETECTED, cause=run.id, key=run.monitor_id, data=data)
    return finding


def _event(run: DetectionRun, result: RunResult, finding: RunFinding) -> dict[str, Any]:
    drifted = [method for method in finding.methods if method.is_drifted]
    return (
        finding.summary
        | page_of_run(run.id)
        | {
            "detection_type": min(map(detection_type, drifted), key=TYPES_IN_ORDER.index),
            "methods": list(dict.fromkeys(method.method.value for method in drifted)),
            "baseline_version": _baseline_version(run),
            "rows": result.rows or 0,
        }
    )


def _baseline_version(run: DetectionRun) -> int:
    if run.baseline_id is None:
        return 0
    versions = Baseline.objects.filter(id=run.baseline_id).values_list("version", flat=True)
    return versions.first() or 0


def detection_type(method: MethodResult) -> str:
    """The type of a detection: statistical, concept, performance or schema."""
    if method.method == Method.SCHEMA:
        return Detection.Type.SCHEMA.value
    if isinstance(method.method, Method):
        return Detection.Type.STATISTICAL.value
    if isinstance(method.method, ConceptMethod):
        return Detection.Type.CONCEPT.value
    return Detection.Type.PERFORMANCE.value


def _detection(run: DetectionRun, method: MethodResult) -> Detection:
    return Detection(
        tenant_id=run.tenant_id,
        run=run,
        monitor_id=run.monitor_id,
        detection_type=detection_type(method),
        method=method.method,
        reference=method.reference,
        counts=method.counts,
        verdict=method.verdict,
        is_drifted=method.is_drifted,
        severity=method.severity or "",
        worst_feature=method.worst_feature or "",
        statistic=method.statistic,
        p_value=method.p_value,
        effect_size=method.effect_size,
        threshold=method.threshold,
        window_start=run.window_start,
        window_end=run.window_end,
        details=[detail.as_json() for detail in method.details],
        slices=[detail.as_json() for detail in method.slices],
    )
