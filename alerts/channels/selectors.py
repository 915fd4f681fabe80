"""Reads channels."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from alerts.models import Channel, Notification


def list_channels() -> QuerySet[Channel]:
    return Channel.objects.all()


@dataclass(frozen=True, slots=True)
class ChannelStanding:
    """The latest that a channel was given to send.

    Attributes:
        last_sent: The newest that the channel has taken; None without one.
        newest: The newest of all, each with its route.
    """

    last_sent: Notification | None
    newest: Sequence[Notification]

    @property
    def failure(self) -> str:
        """The reason why the newest one that was tried was not taken; empty if it was."""
        tried = [each for each in self.newest if each.tries]
        last = tried[0].tries[-1] if tried else {"is_ok": True}
        return "" if last["is_ok"] else str(last["said"])


def get_standing(channel: Channel, *, most: int) -> ChannelStanding:
    """The standing of a channel by its newest notifications."""
    found = Notification.objects.filter(channel=channel)
    sent = found.filter(sent_at__isnull=False).order_by("-sent_at").first()
    newest = found.select_related("route", "alert").order_by("-created_at", "-id")[:most]
    return ChannelStanding(sent, list(newest))
