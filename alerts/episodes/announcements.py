"""Publishes what happens to alerts, as events of the outbox."""

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from django.conf import settings

from alerts.models import Alert, AlertEvent
from detections.findings import RunFinding
from detections.models import DetectionRun
from drift_detector.events.services import EventType, emit
from drift_detector.public_pages import page_of_alert

log = structlog.get_logger(__name__)

Kind = AlertEvent.Kind


def announce(
    alert: Alert,
    event: AlertEvent,
    *,
    run: DetectionRun | None = None,
    finding: RunFinding | None = None,
) -> None:
    """Publish a transition, in the caller's transaction; the monitor is locked.

    Args:
        alert: As it is after the transition.
        event: The row of the transition.
        run: The run that caused it; None for what is not about a window.
        finding: The run's result.
    """
    if event.kind in (Kind.OPENED, Kind.WORSENED):
        announce_raised(alert, event, run=run, finding=finding)
    elif event.kind in ANNOUNCEMENTS:
        ANNOUNCEMENTS[event.kind](alert, event)


def announce_raised(
    alert: Alert,
    event: AlertEvent,
    *,
    run: DetectionRun | None = None,
    finding: RunFinding | None = None,
) -> None:
    """Publish `drift.alert_raised`; without a run and its window, in version 2 of its schema."""
    if run is None or finding is None:
        data = _facts(alert) | {"opened_at": _time(alert.opened_at)}
        emit(EventType.ALERT_RAISED, cause=event.id, key=alert.monitor_id, data=data, version=2)
    else:
        # Of all that the run found, what this alert is about.
        ours = {"severity": alert.severity, "drifted_features": alert.drifted_features}
        data = finding.summary | _words(alert) | ours
        emit(EventType.ALERT_RAISED, cause=event.id, key=alert.monitor_id, data=data)
    log.info("alert_raised", alert_id=str(alert.id), severity=alert.severity, summary=alert.summary)


def announce_resolved(alert: Alert, event: AlertEvent) -> None:
    """Publish `drift.alert_resolved`, if a setting names its topic."""
    topic = settings.ENV.events.alert_resolved_topic
    data = _facts(alert) | {"resolved_at": _time(alert.resolved_at), "resolved_by": event.actor}
    _emit_to(topic, EventType.ALERT_RESOLVED, event, alert, data)


def announce_acknowledged(alert: Alert, event: AlertEvent) -> None:
    """Publish `drift.alert_acknowledged`, if a setting names its topic; the monitor must be locked."""
    topic = settings.ENV.events.alert_acknowledged_topic
    said = {
        "acknowledged_at": _time(alert.acknowledged_at or event.created_at),
        "acknowledged_by": event.actor,
        "reason": alert.acknowledged_reason,
        "note": event.note,
    }
    _emit_to(topic, EventType.ALERT_ACKNOWLEDGED, event, alert, _facts(alert) | said)


ANNOUNCEMENTS: Mapping[str, Callable[[Alert, AlertEvent], None]] = {
    Kind.RESOLVED: announce_resolved,
    Kind.ACKNOWLEDGED: announce_acknowledged,
}


def _emit_to(
    topic: str, event_type: EventType, event: AlertEvent, alert: Alert, data: Mapping[str, Any]
) -> None:
    """Publish an event whose topic is named; one for a missing topic would hold up the later ones."""
    if topic:
        emit(event_type, cause=event.id, key=alert.monitor_id, data=data, topic=topic)


def _words(alert: Alert) -> dict[str, Any]:
    """The part of every event that is about its alert, not about the run that caused it."""
    words = {"alert_id": str(alert.id), "kind": alert.kind, "summary": alert.summary}
    return words | {"cause": alert.cause} | page_of_alert(alert.id)


def _facts(alert: Alert) -> dict[str, Any]:
    """The data of an event about an alert that may have no run and no window."""
    monitor = alert.monitor
    return _words(alert) | {
        "monitor_id": str(alert.monitor_id),
        "monitor_name": monitor.name,
        "model_id": str(monitor.model_id),
        "severity": alert.severity,
        "run_id": str(alert.last_run_id) if alert.last_run_id else None,
        "window_start": _time(alert.window_start),
        "window_end": _time(alert.window_end),
        "drifted_features": alert.drifted_features,
    }


def _time(moment: Any) -> str | None:
    return moment.isoformat() if moment is not None else None
