"""The texts of notifications: plain and short, as text and as HTML, from the same lines."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.html import format_html, format_html_join

from alerts.channels.channel_kind import Message, Topic
from alerts.channels.subjects import subject_of
from alerts.models import Alert, AlertEvent, Channel, Notification
from detections.slice_words import record_in_words
from drift_detector.public_pages import address_of_alert

MOST_FEATURES = 3
MOST_LINES = 50
Kind, EventKind = Notification.Kind, AlertEvent.Kind

HEADLINES = {
    Topic.RAISED: "New alert",
    Topic.WORSENED: "Alert is worse",
    Topic.REPEATED: "Alert is still open, and has no attention",
    Topic.ESCALATED: "Alert has no attention",
    Topic.RESOLVED: "Alert is resolved",
    Topic.ACKNOWLEDGED: "Alert is acknowledged",
    Topic.CHANGED: "Alert has changed",
    Topic.DIGEST: "Digest of alerts",
    Topic.SUMMARY: "Summary of alerts: the channel has reached its number of notifications in an hour",
}
TOPICS = {
    Kind.REPEAT: Topic.REPEATED,
    Kind.ESCALATION: Topic.ESCALATED,
    Kind.RESOLVED: Topic.RESOLVED,
    Kind.DIGEST: Topic.DIGEST,
    Kind.SUMMARY: Topic.SUMMARY,
}


@dataclass(frozen=True, slots=True)
class Contents:
    """The subject of a notification.

    Attributes:
        alert: The alert; None for a digest and a summary.
        events: The events that it covers, in their order.
        alerts: The alerts of the events, by their ids.
    """

    alert: Alert | None
    events: Sequence[AlertEvent]
    alerts: Mapping[UUID, Alert]


def message_of(notification: Notification, channel: Channel, contents: Contents) -> Message:
    """The message of a notification, as it is now."""
    topic = topic_of(notification.kind, contents.events)
    if contents.alert is None:
        return _message_of_many(notification, channel, topic, contents)
    return _message_of_one(notification, channel, topic, contents, contents.alert)


def topic_of(kind: str, events: Sequence[AlertEvent]) -> Topic:
    """The topic of a notification, by its kind and its events."""
    if kind in TOPICS:
        return TOPICS[Kind(kind)]
    kinds = [event.kind for event in events]
    if kind == Kind.UPDATE:
        is_seen = kinds[-1:] == [EventKind.ACKNOWLEDGED]
        return Topic.ACKNOWLEDGED if is_seen else Topic.CHANGED
    is_worse = EventKind.WORSENED in kinds and EventKind.OPENED not in kinds
    return Topic.WORSENED if is_worse else Topic.RAISED


def _message_of_one(
    notification: Notification, channel: Channel, topic: Topic, contents: Contents, alert: Alert
) -> Message:
    url = address_of_alert(alert.id)
    lines = [(label, value) for label, value in _lines(alert, contents.events) if value]
    headline = f"{HEADLINES[topic]}: {alert.summary}"
    return Message(
        id=notification.message_id,
        topic=topic,
        severity=notification.severity,
        subject=subject_of(channel.subject, _fields(notification, topic, alert)),
        text=_as_text(headline, lines, url),
        html=_as_html(headline, lines, url),
        data=_data(alert, contents.events, url),
        alert_id=alert.id,
        url=url,
    )


def _message_of_many(
    notification: Notification, channel: Channel, topic: Topic, contents: Contents
) -> Message:
    lines = [_line(event, contents.alerts) for event in contents.events[:MOST_LINES]]
    if more := len(contents.events) - MOST_LINES:
        lines += [("", f"and {more} more")] if more > 0 else []
    number = len({event.alert_id for event in contents.events})
    headline = f"{HEADLINES[topic]}: {number} alert{'s' if number != 1 else ''}"
    url: str = settings.ENV.public_url
    return Message(
        id=notification.message_id,
        topic=topic,
        severity=notification.severity,
        subject=f"[{notification.severity}] {headline}",
        text=_as_text(headline, lines, url),
        html=_as_html(headline, lines, url),
        data=_data_of_many(contents),
        url=url,
    )


def _fields(notification: Notification, topic: Topic, alert: Alert) -> dict[str, str]:
    monitor = alert.monitor.name
    is_over = topic is Topic.RESOLVED
    return {
        "severity": "resolved" if is_over else notification.severity,
        "monitor": monitor,
        "kind": alert.kind,
        "what": alert.summary.removeprefix(f"{monitor}: "),
        "summary": alert.summary,
    }


def _lines(alert: Alert, events: Sequence[AlertEvent]) -> Iterable[tuple[str, str]]:
    yield "Severity", alert.severity
    yield "Kind", alert.kind
    yield "Since", _time(alert.opened_at or alert.created_at)
    yield "Last window", _window(alert)
    yield "Drifted runs", str(alert.occurrences) if alert.window_end else ""
    worst = worst_features(alert)
    yield "Worst features", ", ".join(_named(each) for each in worst)
    yield "Faults", "; ".join(_with_fault(each) for each in worst if each.get("fault"))
    yield "Resolved", _time(alert.resolved_at)
    yield "Reason", next((event.reason for event in reversed(events) if event.reason), "")


def worst_features(alert: Alert) -> list[dict[str, Any]]:
    """The drifted features with the largest effects, each once."""
    ranked = sorted(alert.drifted_features, key=_effect, reverse=True)
    by_name: dict[str, dict[str, Any]] = {}
    for entry in ranked:
        by_name.setdefault(record_in_words(entry), entry)
    return [entry for name, entry in by_name.items() if name][:MOST_FEATURES]


def _effect(entry: Mapping[str, Any]) -> float:
    size = entry.get("effect_size")
    return float(size) if isinstance(size, int | float) else 0.0


def _named(entry: Mapping[str, Any]) -> str:
    size = _effect(entry)
    measured = f" ({entry.get('method')} {size:.2g})" if size else ""
    return f"{record_in_words(entry)}{measured}"


def _with_fault(entry: Mapping[str, Any]) -> str:
    return f"{entry['feature']} {entry['fault']['text']}"


def _line(event: AlertEvent, alerts: Mapping[UUID, Alert]) -> tuple[str, str]:
    alert = alerts[event.alert_id]
    url = address_of_alert(alert.id)
    what = f"{event.kind}, {event.severity}: {alert.summary}"
    return _time(event.created_at), f"{what} {url}".strip()


def _window(alert: Alert) -> str:
    return f"until {_time(alert.window_end)}" if alert.window_end else ""


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""


def _as_text(headline: str, lines: Iterable[tuple[str, str]], url: str) -> str:
    rows = [f"{label}: {value}" if label else value for label, value in lines]
    return "\n".join([headline, "", *rows, *(["", url] if url else [])]) + "\n"


def _as_html(headline: str, lines: Iterable[tuple[str, str]], url: str) -> str:
    rows = format_html_join("", "<tr><td>{}</td><td>{}</td></tr>", lines)
    link = format_html('<p><a href="{}">{}</a></p>', url, url) if url else ""
    return format_html("<p><b>{}</b></p><table>{}</table>{}", headline, rows, link)


def _data(alert: Alert, events: Sequence[AlertEvent], url: str) -> dict[str, Any]:
    return _data_of_alert(alert, url) | {"events": [_data_of_event(event) for event in events]}


def _data_of_alert(alert: Alert, url: str) -> dict[str, Any]:
    data = {
        "alert_id": str(alert.id),
        "monitor_id": str(alert.monitor.id),
        "monitor": alert.monitor.name,
        "model_id": str(alert.monitor.model_id),
        "kind": alert.kind,
        "status": alert.status,
        "phase": alert.phase,
        "severity": alert.severity,
        "peak_severity": alert.peak_severity,
        "summary": alert.summary,
        "occurrences": alert.occurrences,
        "features": worst_features(alert),
        "window_start": _iso(alert.window_start),
        "window_end": _iso(alert.window_end),
        "opened_at": _iso(alert.opened_at),
        "resolved_at": _iso(alert.resolved_at),
    }
    return data | ({"url": url} if url else {})


def _data_of_event(event: AlertEvent) -> dict[str, Any]:
    return {
        "number": event.number,
        "kind": event.kind,
        "at": _iso(event.created_at),
        "severity": event.severity,
        "actor": event.actor,
        "reason": event.reason,
        "note": event.note,
    }


def _data_of_many(contents: Contents) -> dict[str, Any]:
    of_alerts = [
        _data_of_alert(alert, address_of_alert(alert.id)) for alert in contents.alerts.values()
    ]
    events = [
        _data_of_event(event) | {"alert_id": str(event.alert_id)} for event in contents.events
    ]
    return {"alerts": of_alerts, "events": events}


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
