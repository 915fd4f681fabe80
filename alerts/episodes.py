"""Episodes of drift: an alert is opened, gets worse, and is resolved."""

from uuid import UUID, uuid5

import structlog
from django.utils import timezone

from alerts.drift_entries import Told, has_been_over, is_all_over, tell, tell_together
from alerts.models import Alert
from alerts.retraining import require_retraining
from algorithms.method_results import MethodResult
from algorithms.verdicts import Severity
from detections.models import DetectionRun
from detections.runs.completion import drift_summary, severity_of_run
from drift_detector.events.services import EventType, emit

log = structlog.get_logger(__name__)

Status = Alert.Status


def raise_alert(run: DetectionRun, methods: tuple[MethodResult, ...], kind: Alert.Kind) -> None:
    """Tell people of a drifted run and ask for retraining, in the caller's transaction; the monitor is locked."""
    alert = unresolved_alert(run.monitor_id, kind)
    if alert is None:
        alert = _open_alert(run, methods, kind)
    else:
        _add_occurrence(alert, run, methods)
    if alert.status != Status.RESOLVED:
        require_retraining(run=run, alert=alert, summary=drift_summary(run, methods))


def unresolved_alert(monitor_id: UUID, kind: Alert.Kind) -> Alert | None:
    """The monitor's episode of this kind, locked, or an acknowledgement that comes now would be overwritten."""
    unresolved = Alert.objects.select_for_update().exclude(status=Status.RESOLVED)
    return unresolved.filter(monitor_id=monitor_id, kind=kind).first()


def resolve_alert(alert: Alert, run: DetectionRun) -> None:
    """End an episode."""
    alert.status, alert.resolved_at = Status.RESOLVED, timezone.now()
    alert.save(update_fields=["status", "resolved_at", "updated_at"])
    log.info("alert_resolved", alert_id=str(alert.id), run_id=str(run.id))


def _open_alert(run: DetectionRun, methods: tuple[MethodResult, ...], kind: Alert.Kind) -> Alert:
    """Runs may end out of order: drift that a newer run has already found to be over is told, but not left open."""
    is_over, told = (
        kind == Alert.Kind.STATISTICAL and has_been_over(run, methods),
        tell(run, methods),
    )
    alert = Alert.objects.create(
        tenant_id=run.tenant_id,
        monitor_id=run.monitor_id,
        kind=kind,
        status=Status.RESOLVED if is_over else Status.OPEN,
        resolved_at=timezone.now() if is_over else None,
        first_run=run,
        last_run=run,
        severity=severity_of_run(methods),
        summary=_sentence(run, told),
        drifted_features=told,
        window_start=run.window_start,
        window_end=run.window_end,
    )
    _tell(alert, run, methods)
    return alert


def _add_occurrence(alert: Alert, run: DetectionRun, methods: tuple[MethodResult, ...]) -> None:
    """People are told again only when it got worse; then the alert waits to be acknowledged again."""
    severity = severity_of_run(methods)
    is_worse = list(Severity).index(severity) > list(Severity).index(Severity(alert.severity))
    alert.occurrences += 1
    alert.window_start = min(alert.window_start, run.window_start)
    if (told := tell_together(alert, run, methods)) != alert.drifted_features:
        alert.summary, alert.drifted_features = _sentence(run, told), told
    if run.window_end > alert.window_end:
        alert.last_run, alert.window_end = run, run.window_end
    if is_worse:
        alert.severity, alert.status = severity, Status.OPEN
        alert.acknowledged_at, alert.acknowledged_by, alert.note = None, "", ""
    alert.save()
    if is_worse:
        _tell(alert, run, methods)


def end_if_over(run: DetectionRun, methods: tuple[MethodResult, ...]) -> None:
    """A run that is ok ends the episode, unless its window is older than the drift or it did not judge what drifted.

    Rows that were sent with a request say nothing about the monitor's data.
    """
    alert = unresolved_alert(run.monitor_id, Alert.Kind.STATISTICAL)
    if alert is None or DetectionRun.objects.filter(id=run.id, inline_data__isnull=False).exists():
        return
    if is_all_over(alert, run, methods):
        resolve_alert(alert, run)


def _tell(alert: Alert, run: DetectionRun, methods: tuple[MethodResult, ...]) -> None:
    data = drift_summary(run, methods) | {"alert_id": str(alert.id), "summary": alert.summary}
    emit(
        EventType.ALERT_RAISED, cause=uuid5(alert.id, alert.severity), key=run.monitor_id, data=data
    )
    log.info("alert_raised", alert_id=str(alert.id), severity=alert.severity, summary=alert.summary)


def _sentence(run: DetectionRun, told: list[Told]) -> str:
    if run.trigger == DetectionRun.Trigger.OUTCOMES:
        return f"{run.monitor.name}: {run.reason}"
    names = list(dict.fromkeys(each["feature"] for each in told))
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{run.monitor.name}: drift in {shown}"
