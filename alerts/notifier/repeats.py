"""Repeats an alert that has no attention: the next repeat waits as a notification of its own."""

from datetime import datetime

from django.db.models import Q

from alerts.models import Notification, Route
from alerts.notifier.plans import due_after

Kind = Notification.Kind
Status = Notification.Status
REPEATED = frozenset({Kind.ALERT, Kind.REPEAT, Kind.ESCALATION})


def write_repeat(notification: Notification, route: Route | None, now: datetime) -> None:
    """Let a notification that was sent or hidden be repeated, if its route says so.

    Of an alert and a channel, one repeat waits at a time. Whether it is needed is looked at when it is due.
    """
    if route is None or route.repeat_interval is None or notification.kind not in REPEATED:
        return
    due = due_after(route, now + route.repeat_interval, notification.severity)
    waiting = Notification.objects.filter(
        Q(alert_id=notification.alert_id),
        channel_id=notification.channel_id,
        kind=Kind.REPEAT,
        status=Status.PENDING,
        attempt=0,
    ).exclude(id=notification.id)
    if not waiting.update(due_at=due):
        _insert(notification, due)


def _insert(notification: Notification, due: datetime) -> None:
    Notification.objects.create(
        tenant_id=notification.tenant_id,
        channel_id=notification.channel_id,
        route_id=notification.route_id,
        alert_id=notification.alert_id,
        kind=Kind.REPEAT,
        severity=notification.severity,
        events=notification.events[-1:],
        due_at=due,
    )
