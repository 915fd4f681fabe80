"""Silences and maintenance windows: what hides the notifications of an alert at a moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from alerts.models import MaintenanceWindow, Silence
from alerts.routing.hours import is_open
from alerts.routing.matchers import Subject, matches


@dataclass(frozen=True, slots=True)
class Hidden:
    """The silence or the window that hides a notification, in words."""

    by: UUID
    reason: str


def hiding(subject: Subject, moments: Iterable[datetime]) -> Hidden | None:
    """The silence or window of the current tenant that hides an alert at one of the moments.

    Args:
        subject: The alert.
        moments: When it happened, and when it would be sent.
    """
    times = list(moments)
    return _silence(subject, times) or _window(subject, times)


def _silence(subject: Subject, times: list[datetime]) -> Hidden | None:
    possible = Silence.objects.filter(starts_at__lte=max(times), ends_at__gt=min(times))
    for silence in possible.order_by("created_at"):
        covers = any(silence.starts_at <= at < silence.ends_at for at in times)
        if covers and matches(silence.matchers, subject):
            return Hidden(silence.id, f"Silenced by {silence.author}: {silence.reason}")
    return None


def _window(subject: Subject, times: list[datetime]) -> Hidden | None:
    for window in MaintenanceWindow.objects.filter(enabled=True):
        if not matches(window.matchers, subject):
            continue
        if any(is_open(window.cron, window.timezone, window.duration, at) for at in times):
            return Hidden(window.id, f"Maintenance: {window.name}")
    return None
