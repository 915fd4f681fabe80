"""Alerts that people are to hear of, and channels that lead to receivers on loopback."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import LazySettings

from alerts.channels.services import check_address, create_channel
from alerts.episodes.events import Circumstances, move, remark
from alerts.episodes.phases import Move
from alerts.models import Alert, AlertEvent, Channel, Notification, Route, Step
from alerts.notifier.due import claim_next
from alerts.notifier.router import route_events
from alerts.notifier.sender import send
from alerts.routing.services import new_route, save_route
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tests.data import TIMESTAMPS
from tests.drift_detector.outbound.receivers import Receiver, receiving
from tests.factories import make_monitor

AT_ONCE = {"group_wait": timedelta(0), "group_interval": timedelta(0)}
NOTIFIES = Circumstances(notifies=True)
type MakeRoute = Callable[..., Route]


@pytest.fixture
def receiver(override: Callable[..., None]) -> Iterator[Receiver]:
    override(notifier={"allowed_hosts": ["127.0.0.1"], "send_seconds": 5, "retry_seconds": 1})
    with receiving() as found:
        yield found


@pytest.fixture
def monitor(in_tenant: Tenant) -> Monitor:
    return make_monitor(name="Flights")


@pytest.fixture
def channel(in_tenant: Tenant, receiver: Receiver) -> Channel:
    return make_channel(receiver.url)


def make_channel(
    address: str, name: str = "Pipeline", kind: str = "webhook", **fields: Any
) -> Channel:
    checked = check_address(kind, address)
    return create_channel(address=checked, name=name, by="key:test", **fields)[0]


def make_route(*channels: Channel, later: dict[int, Channel] | None = None, **fields: Any) -> Route:
    """A route to channels at once, and to others after a number of minutes."""
    steps = [Step(timedelta(0), [each.id for each in channels])]
    steps += [Step(timedelta(minutes=after), [each.id]) for after, each in (later or {}).items()]
    name = fields.pop("name", f"Route {Route.objects.count()}")
    route = new_route(by="key:test")
    return save_route(route, steps=steps, fields={"name": name, **AT_ONCE, **fields})


def open_alert(
    monitor: Monitor, severity: str = "warning", kind: str = "statistical", *features: str
) -> Alert:
    """An alert that was just opened."""
    names = features or ("delay",)
    alert = Alert(
        tenant_id=monitor.tenant_id,
        monitor=monitor,
        kind=kind,
        severity=severity,
        peak_severity=severity,
        summary=f"{monitor.name}: drift in {', '.join(names)}",
        drifted_features=[
            {"feature": name, "method": "ks", "effect_size": 0.1 * number}
            for number, name in enumerate(names, 1)
        ],
        window_start=TIMESTAMPS[2],
        window_end=TIMESTAMPS[3],
    )
    move(alert, Move.OPENED, NOTIFIES)
    alert.save()
    return alert


def change(alert: Alert, to: Move, **fields: Any) -> AlertEvent:
    """Let an alert move on, as runs and people do."""
    alert = Alert.objects.get(id=alert.id)
    for name, value in fields.items():
        setattr(alert, name, value)
    if to is Move.ACKNOWLEDGED:
        alert.acknowledged_at, alert.acknowledged_by = alert.opened_at, "ana"
    event = move(alert, to, NOTIFIES)
    alert.save()
    return event


def comment(alert: Alert, note: str) -> None:
    circumstances = Circumstances(actor="user:ana", note=note, notifies=True)
    remark(Alert.objects.get(id=alert.id), AlertEvent.Kind.COMMENTED, circumstances)


def deliver(tenant_id: UUID) -> int:
    """Route what waits, and send what is due, in this thread; the number of tries."""
    while route_events(tenant_id):
        pass
    tries = 0
    for channel in Channel.objects.all():
        while lease := claim_next(tenant_id, channel.id, worker="notifier"):
            send(lease)
            tries += 1
    return tries


def states() -> list[tuple[str, str]]:
    """Kind and status of all notifications, oldest first."""
    return list(Notification.objects.order_by("created_at").values_list("kind", "status"))


@pytest.fixture
def public_url(settings: LazySettings) -> str:
    url = "https://drift.example.com"
    settings.ENV = settings.ENV.model_copy(update={"public_url": url})
    return url
