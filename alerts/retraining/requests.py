"""Asks for retraining: on the evidence that a rule names, and once until the request has ended."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from alerts.episodes.events import Circumstances, remark
from alerts.models import Alert, AlertEvent, AlertRun, RetrainingRequest
from alerts.models.retraining_states import OPEN_STATES, State
from alerts.retraining.evidence import DriftedFeature, Evidence, Facts, Loss, Rule, weigh
from alerts.retraining.rules import rule_for
from algorithms.method_results import PerformanceMethod
from algorithms.verdicts import Severity, Verdict
from detections.models import Detection, DetectionRun
from drift_detector.events.services import EventType, emit
from drift_detector.public_pages import address_of
from drift_detector.tenancy.scope import lock_local
from monitors.models import Baseline, Monitor

log = structlog.get_logger(__name__)

LOSS_KINDS: Mapping[str, str] = {
    PerformanceMethod.PERFORMANCE.value: "measured",
    PerformanceMethod.ESTIMATED.value: "estimated",
}
BY_DETECTOR = "detected"
OF_LOSSES = (Detection.Type.PERFORMANCE, Detection.Type.CONCEPT)


def require_retraining(*, run: DetectionRun, alert: Alert, summary: dict[str, Any]) -> bool:
    """Ask for retraining and publish it, in the caller's transaction, if the rule's evidence is there.

    The caller has locked the monitor. A run that raises no alert asks for nothing, nor does one while
    the service or the monitor is switched off, while a request for the model is open or its cooldown
    runs, or after an ineffective one that no person and no deployment has released.

    Returns:
        True if a request was made.
    """
    monitor = run.monitor
    if not _may_ask(run, monitor):
        return False
    rule = rule_for(monitor.model_id)
    evidence = weigh(rule, _facts_of(run, alert))
    if not evidence:
        return False
    lock_model(monitor.model_id)
    if not _is_rested(monitor.model_id, rule):
        return False
    request = _make_request(run, alert, rule, evidence)
    _publish(request, run, alert, summary)
    return True


def lock_model(model_id: UUID) -> None:
    """Let one transaction at a time decide about a model; monitors are locked before it."""
    lock_local(f"retraining of {model_id}")


def _may_ask(run: DetectionRun, monitor: Monitor) -> bool:
    if not settings.ENV.retraining_trigger_enabled or not run.raises_alerts:
        return False
    return Monitor.objects.filter(id=monitor.id, retraining_enabled=True).exists()


def _is_rested(model_id: UUID, rule: Rule) -> bool:
    """True if no request of the model is open, resting or blocked by an ineffective one."""
    last = RetrainingRequest.objects.filter(model_id=model_id).order_by("-created_at").first()
    if last is None:
        return True
    if last.status in OPEN_STATES or is_blocking(last):
        return False
    return last.created_at + _cooldown(rule) <= timezone.now()


def is_blocking(request: RetrainingRequest) -> bool:
    """True if an ineffective request keeps its model from further ones."""
    return request.status == State.INEFFECTIVE and request.released_at is None


def _cooldown(rule: Rule) -> timedelta:
    if rule.cooldown is not None:
        return rule.cooldown
    return timedelta(seconds=settings.ENV.retraining_cooldown_seconds)


def _facts_of(run: DetectionRun, alert: Alert) -> Facts:
    losses: list[Loss] = []
    drifted: list[DriftedFeature] = []
    for detection in Detection.objects.filter(run_id=run.id, is_drifted=True, counts=True):
        if detection.detection_type in OF_LOSSES:
            losses += _losses_of(detection)
        else:
            drifted += _features_of(detection)
    return Facts(windows=_drifted_windows(run, alert), losses=losses, drifted=drifted)


def _losses_of(detection: Detection) -> list[Loss]:
    kind = LOSS_KINDS.get(detection.method, BY_DETECTOR)
    return [
        Loss(
            kind=kind,
            metric=each["feature"],
            value=each.get("statistic"),
            limit=each.get("threshold") if kind != BY_DETECTOR else None,
        )
        for each in _drifted_details(detection)
    ]


def _features_of(detection: Detection) -> list[DriftedFeature]:
    return [
        DriftedFeature(
            feature=each["feature"],
            method=detection.method,
            severity=Severity(each.get("severity") or detection.severity or Severity.INFO),
        )
        for each in _drifted_details(detection)
    ]


def _drifted_details(detection: Detection) -> list[dict[str, Any]]:
    return [each for each in detection.details if each.get("verdict") == Verdict.DRIFT]


def _drifted_windows(run: DetectionRun, alert: Alert) -> int:
    """The drifted windows of an episode; a window that was judged twice counts once."""
    rows = AlertRun.objects.filter(alert_id=alert.id, verdict=Verdict.DRIFT)
    windows = set(rows.values_list("window_start", "window_end"))
    if not windows:  # an alert from before its runs were kept
        return alert.occurrences
    return len(windows | {(run.window_start, run.window_end)})


def suggest_range(
    first: datetime, last: datetime, shortest: timedelta | None
) -> tuple[datetime, datetime]:
    """The training range: from the first drifted window to the newest, longer if the rule says so."""
    if shortest is None:
        return first, last
    return min(first, last - shortest), last


def _make_request(
    run: DetectionRun, alert: Alert, rule: Rule, evidence: Sequence[Evidence]
) -> RetrainingRequest:
    first = min(alert.window_start or run.window_start, run.window_start)
    last = max(alert.window_end or run.window_end, run.window_end)
    start, end = suggest_range(first, last, rule.shortest_range)
    now = timezone.now()
    request = RetrainingRequest.objects.create(
        tenant_id=run.tenant_id,
        model_id=run.monitor.model_id,
        monitor_id=run.monitor_id,
        alert=alert,
        run=run,
        reason="; ".join(each.words for each in evidence),
        evidence=[each.as_json() for each in evidence],
        features=_feature_names(alert),
        window_start=first,
        window_end=last,
        suggested_from=start,
        suggested_to=end,
        baseline_version=_baseline_version(run),
        windows_needed=rule.verify_windows,
        expires_at=now + rule.deploy_within,
    )
    Monitor.objects.filter(id=run.monitor_id).update(retraining_required_at=now)
    return request


def _feature_names(alert: Alert) -> list[str]:
    return list(dict.fromkeys(each["feature"] for each in alert.drifted_features))


def _baseline_version(run: DetectionRun) -> int:
    versions = Baseline.objects.filter(id__in=[run.baseline_id]).values_list("version", flat=True)
    return versions.first() or 0


def _publish(
    request: RetrainingRequest, run: DetectionRun, alert: Alert, summary: dict[str, Any]
) -> None:
    data = summary | {"alert_id": str(alert.id), "reason": alert.summary} | describe(request)
    emit(EventType.RETRAINING_REQUIRED, cause=run.id, key=run.monitor_id, data=data)
    remark(
        alert,
        AlertEvent.Kind.RETRAINING,
        Circumstances(
            run=run,
            reason=f"Retraining was asked for: {request.reason}.",
            details={"request_id": str(request.id)},
        ),
    )
    log.info("retraining_required", model_id=str(request.model_id), retraining_id=str(request.id))


def describe(request: RetrainingRequest) -> dict[str, Any]:
    """The fields of the event that say what to train on, and where to read on."""
    return {
        "request_id": str(request.id),
        "features": request.features,
        "window": _range(request.window_start, request.window_end),
        "suggested_training_range": _range(request.suggested_from, request.suggested_to),
        "baseline_version": request.baseline_version,
        "evidence": request.evidence,
    } | address_of(f"/api/v1/retraining-requests/{request.id}")


def _range(start: datetime, end: datetime) -> dict[str, str]:
    return {"start": start.isoformat(), "end": end.isoformat()}
