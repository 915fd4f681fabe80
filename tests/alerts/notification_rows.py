"""A row of each resource about notifications, for tests that ask every path."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from alerts.channels.channel_registry import CHANNEL_KINDS
from alerts.channels.services import CheckedAddress, create_channel
from alerts.models import Alert, Channel, Notification, Step
from alerts.routing.services import (
    new_route,
    new_silence,
    new_window,
    save_route,
    save_silence,
    save_window,
)
from alerts.routing.views import CHANNEL_ID

NO_ONE_LISTENS = "http://127.0.0.1:1/hook"


def notification_rows(
    alert: Alert | None = None, *, channel_id: str = CHANNEL_ID
) -> dict[str, Any]:
    """A row by the noun of its path, in the current tenant; no message ever leaves the machine."""
    channel, used = a_channel("Kept"), a_channel("Used")
    Channel.objects.filter(id=used.id).update(id=UUID(channel_id))
    steps = [Step(timedelta(0), [UUID(channel_id)])]
    fields = {"name": "All", "group_wait": timedelta(0), "group_interval": timedelta(0)}
    route = save_route(new_route(by="key:test"), steps=steps, fields=fields)
    until = {"ends_at": timezone.now() + timedelta(days=1), "reason": "Migration."}
    silence = save_silence(new_silence(by="key:test"), fields=until)
    at_night = {"name": "Nights", "cron": "0 2 * * *", "duration": timedelta(hours=1)}
    window = save_window(new_window(by="key:test"), fields=at_night)
    notification = Notification.objects.create(
        tenant_id=channel.tenant_id,
        channel=channel,
        alert=alert,
        kind="alert",
        severity="warning",
        due_at=timezone.now(),
    )
    return {
        "channels": channel,
        "routes": route,
        "silences": silence,
        "maintenance-windows": window,
        "notifications": notification,
    }


def a_channel(name: str) -> Channel:
    address = CheckedAddress(CHANNEL_KINDS["webhook"], NO_ONE_LISTENS)
    return create_channel(address=address, name=name, by="key:test")[0]
