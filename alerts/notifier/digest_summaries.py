"""Bounds the notifications of a channel in an hour: the rest joins a summary."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Min

from alerts.channels.channel_registry import CHANNEL_KINDS
from alerts.models import Channel, Notification
from algorithms.verdicts import rank

HOUR = timedelta(hours=1)
Kind, Status = Notification.Kind, Notification.Status


def room_at(channel: Channel, now: datetime) -> datetime | None:
    """The time at which the channel has room for a notification again; None if it has room now."""
    most = channel.most_per_hour or settings.ENV.notifier.max_per_hour
    sent = Notification.objects.filter(
        channel_id=channel.id, status=Status.SENT, sent_at__gt=now - HOUR
    )
    if sent.count() < most:
        return None
    oldest = sent.aggregate(oldest=Min("sent_at"))["oldest"]
    return (oldest or now) + HOUR


def is_exempt(notification: Notification, channel: Channel) -> bool:
    """True for the end of an incident, which would stay open on the other side."""
    kind = CHANNEL_KINDS.get(channel.kind)
    return kind is not None and kind.has_incidents and notification.kind == Kind.RESOLVED


def waiting_summary(channel: Channel) -> Notification | None:
    """The summary of a channel that waits for its first try, locked."""
    waiting = Notification.objects.select_for_update().filter(
        channel_id=channel.id, kind=Kind.SUMMARY, status=Status.PENDING, attempt=0
    )
    return waiting.first()


def summarise(
    notification: Notification, summary: Notification | None, due: datetime
) -> Notification:
    """Let a summary stand for a notification; the summary is made if there is none yet.

    Args:
        notification: The one that has no room.
        summary: The summary that waits.
        due: When a new summary is due.
    """
    if summary is None:
        return Notification.objects.create(
            tenant_id=notification.tenant_id,
            channel_id=notification.channel_id,
            route_id=notification.route_id,
            kind=Kind.SUMMARY,
            severity=notification.severity,
            events=notification.events,
            due_at=due,
        )
    new = [event for event in notification.events if event not in summary.events]
    summary.events = [*summary.events, *new]
    summary.severity = max(summary.severity, notification.severity, key=rank)
    summary.save(update_fields=["events", "severity"])
    return summary
