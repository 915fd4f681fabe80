"""The notifier with its own role, its threads, and channels that hang, break and come back."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from alerts.models import Alert, Notification
from alerts.notifier import router
from alerts.notifier.due import DueChannel
from alerts.notifier.process import (
    FAILURES_OF_OUTAGE,
    ChannelTurns,
    Notifier,
    purge_old_notifications,
)
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_tenant
from tests.alerts.notifier.conftest import make_channel, make_route, open_alert
from tests.conftest import connected_as, role_url
from tests.drift_detector.outbound.receivers import receiving
from tests.factories import make_monitor

KINDS = ("statistical", "concept", "performance", "health")


@contextmanager
def notifying() -> Iterator[Notifier]:
    """A notifier as its own role; channels rest for no time after a failure."""
    with connected_as(role_url("notifier")):
        notifier = Notifier(ChannelTurns(rest_seconds=0.0))
        try:
            yield notifier
        finally:
            notifier.close()


def rounds(notifier: Notifier) -> None:
    """Rounds until nothing is due."""
    while notifier.step():
        notifier.wait()


@pytest.fixture
def setting(committed_tenant: Tenant, override: Callable[..., None]) -> Tenant:
    override(notifier={"allowed_hosts": ["127.0.0.1"], "send_seconds": 60, "retry_seconds": 1})
    return committed_tenant


def some_alerts(tenant: Tenant, *channels: tuple[str, str], number: int = 4) -> None:
    """Alerts of monitors, and a route to channels by name and address."""
    with tenant_scope(tenant.id):
        make_route(*[make_channel(address, name) for name, address in channels])
        monitors = [make_monitor() for _ in range(0, number, len(KINDS))]
        for count in range(number):
            open_alert(monitors[count // len(KINDS)], "warning", KINDS[count % len(KINDS)])


def statuses(tenant: Tenant) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with tenant_scope(tenant.id):
        for name, status in Notification.objects.values_list("channel__name", "status"):
            found.setdefault(name, []).append(status)
    return found


def test_notifier__own_role__routes_and_sends(setting: Tenant) -> None:
    with receiving() as receiver:
        some_alerts(setting, ("here", receiver.url))
        with notifying() as notifier:
            rounds(notifier)
        assert len(receiver.requests) == 4
    assert statuses(setting) == {"here": ["sent"] * 4}


def test_notifier__channel_that_hangs__holds_up_no_other(setting: Tenant) -> None:
    with receiving() as stuck, receiving() as receiver:
        stuck.hangs = True
        some_alerts(setting, ("stuck", stuck.url), ("here", receiver.url))
        with notifying() as notifier:
            notifier.step()
            receiver.wait_for(4)
            stuck.wait_for(1)
            assert len(stuck.requests) == 1
            stuck.released.set()
            notifier.wait()


def test_notifier__many_channels_that_hang__leave_room_for_other_tenants(
    setting: Tenant, override: Callable[..., None], other_committed: Tenant
) -> None:
    override(notifier={"max_sending": 3, "max_sending_per_tenant": 2})
    with receiving() as stuck, receiving() as receiver:
        stuck.hangs = True
        some_alerts(setting, *[(f"stuck {number}", stuck.url) for number in range(5)])
        some_alerts(other_committed, ("here", receiver.url))
        with notifying() as notifier:
            for _ in range(3):
                notifier.step()
            receiver.wait_for(4)
            stuck.wait_for(2)
            assert len(stuck.requests) == 2
            stuck.released.set()
            notifier.wait()


@pytest.fixture
def other_committed(committed_tenant: Tenant) -> Tenant:
    return create_tenant(slug="rival", name="Rival")


def test_notifier__channel_that_is_gone_for_a_while__hears_all_in_the_end(setting: Tenant) -> None:
    with receiving() as receiver:
        receiver.answer = (500, b"")
        some_alerts(setting, ("here", receiver.url))
        with notifying() as notifier:
            for _ in range(4):
                make_due(setting)
                rounds(notifier)
            assert set(statuses(setting)["here"]) == {"pending"}
            receiver.answer = (200, b"")
            for _ in range(4):
                make_due(setting)
                rounds(notifier)
        assert statuses(setting) == {"here": ["sent"] * 4}
        ids = [each.headers["webhook-id"] for each in receiver.requests]
        assert len(set(ids)) == 4 < len(ids)


def test_notifier__channel_that_is_back_after_an_outage__hears_the_rest_at_once(
    setting: Tenant, override: Callable[..., None]
) -> None:
    override(notifier={"retry_seconds": 3600})
    with receiving() as receiver:
        receiver.answer = (500, b"")
        some_alerts(setting, ("here", receiver.url))
        with notifying() as notifier:
            rounds(notifier)
            assert statuses(setting) == {"here": ["pending"] * 4}
            receiver.answer = (200, b"")
            make_due(setting, most=1)
            rounds(notifier)
            rounds(notifier)
    assert statuses(setting) == {"here": ["sent"] * 4}


def test_notifier__fewer_failures_than_an_outage__leave_each_its_rest(
    setting: Tenant, override: Callable[..., None]
) -> None:
    override(notifier={"retry_seconds": 3600})
    with receiving() as receiver:
        receiver.answer = (500, b"")
        some_alerts(setting, ("here", receiver.url), number=FAILURES_OF_OUTAGE - 1)
        with notifying() as notifier:
            rounds(notifier)
            receiver.answer = (200, b"")
            make_due(setting, most=1)
            rounds(notifier)
            rounds(notifier)
    assert sorted(statuses(setting)["here"]) == ["pending", "sent"]


def make_due(tenant: Tenant, most: int = 100) -> None:
    with tenant_scope(tenant.id):
        waiting = Notification.objects.filter(status="pending").values_list("id", flat=True)
        Notification.objects.filter(id__in=list(waiting[:most])).update(due_at=timezone.now())


SENDER = """
import time

import django
django.setup()
from alerts.notifier import router
from alerts.notifier.due import DueChannel
from alerts.notifier.process import Notifier
notifier = Notifier()
while True:
    if not notifier.step():
        time.sleep(0.1)
"""


def test_notifier__killed_while_it_sends__another_sends_with_the_same_id(setting: Tenant) -> None:
    with receiving() as receiver:
        receiver.hangs = True
        some_alerts(setting, ("here", receiver.url), number=1)
        process = subprocess.Popen([sys.executable, "-c", SENDER], env=environment())
        try:
            receiver.wait_for(1)
        finally:
            process.kill()
            process.wait()
        receiver.hangs = False
        with notifying() as notifier:
            rounds(notifier)
            assert statuses(setting) == {"here": ["pending"]}, "the lease of the dead still stands"
            with tenant_scope(setting.id):
                Notification.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
            rounds(notifier)
        assert statuses(setting) == {"here": ["sent"]}
        first, second = receiver.requests
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert json.loads(first.body) == json.loads(second.body)


def environment() -> dict[str, str]:
    return os.environ | {
        "AUMOS_DRIFT_DATABASE__URL": role_url("notifier"),
        "AUMOS_DRIFT_NOTIFIER__ALLOWED_HOSTS": '["127.0.0.1"]',
        "AUMOS_DRIFT_NOTIFIER__SEND_SECONDS": "60",
        "DJANGO_SETTINGS_MODULE": "drift_detector.settings",
    }


def test_notifiers__two__send_each_notification_once(setting: Tenant) -> None:
    with receiving() as receiver:
        some_alerts(setting, ("here", receiver.url), number=12)
        with notifying() as one, notifying() as two:
            for _ in range(8):
                one.step()
                two.step()
                one.wait()
                two.wait()
        ids = [each.headers["webhook-id"] for each in receiver.requests]
        assert len(ids) == len(set(ids)) == 12


def test_notifier__fault_in_one_tenant__leaves_the_others(
    setting: Tenant, other_committed: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = router.route_events

    def fail_for_one(tenant_id: Any) -> int:
        if tenant_id == setting.id:
            raise KeyError
        return really(tenant_id)

    monkeypatch.setattr(router, "route_events", fail_for_one)
    with receiving() as receiver:
        some_alerts(setting, ("here", receiver.url), number=1)
        some_alerts(other_committed, ("there", receiver.url), number=1)
        with notifying() as notifier:
            rounds(notifier)
        assert len(receiver.requests) == 1


def test_purge__ended_and_old__is_removed_and_pending_stays(setting: Tenant) -> None:
    with receiving() as receiver:
        some_alerts(setting, ("here", receiver.url), number=2)
        with notifying() as notifier:
            rounds(notifier)
    with tenant_scope(setting.id):
        Notification.objects.update(created_at=timezone.now() - timedelta(days=91))
        one = Notification.objects.first()
        Notification.objects.filter(id=one.id).update(status="pending", sent_at=None)  # type: ignore[union-attr]
    with connected_as(role_url("notifier")):
        assert purge_old_notifications() == 1
    assert statuses(setting) == {"here": ["pending"]}


def due_channel(tenant: int, channel: int) -> DueChannel:
    return DueChannel(UUID(int=tenant), UUID(int=channel), timezone.now())


def test_turns__channel_that_failed__rests() -> None:
    turns, one, two = ChannelTurns(), due_channel(1, 1), due_channel(1, 2)
    turns.begin(one)
    turns.end(one, is_ok=False)
    assert turns.choose([one, two], most=9, most_per_tenant=9) == [two]


def fail(turns: ChannelTurns, channel: DueChannel, times: int) -> None:
    for _ in range(times):
        turns.begin(channel)
        turns.end(channel, is_ok=False)


def test_turns__turn_that_sent_something_after_an_outage__brings_the_channel_back() -> None:
    turns, one = ChannelTurns(), due_channel(1, 1)
    fail(turns, one, FAILURES_OF_OUTAGE)
    turns.begin(one)
    assert turns.end(one, is_ok=True, has_sent=True)


def test_turns__turn_that_tried_nothing__leaves_the_outage_and_its_rest() -> None:
    turns, one = ChannelTurns(), due_channel(1, 1)
    fail(turns, one, FAILURES_OF_OUTAGE)
    turns.begin(one)
    assert not turns.end(one, is_ok=True)
    assert turns.choose([one], most=9, most_per_tenant=9) == []
    turns.begin(one)
    assert turns.end(one, is_ok=True, has_sent=True)


def test_notifier__reminder_that_is_no_longer_needed__is_no_sign_of_a_channel(
    setting: Tenant, override: Callable[..., None]
) -> None:
    override(notifier={"retry_seconds": 3600})
    with receiving() as receiver:
        receiver.answer = (500, b"")
        some_alerts(setting, ("here", receiver.url))
        seen = acknowledged_alert(setting)
        with notifying() as notifier:
            rounds(notifier)
            remind(setting, seen)
            rounds(notifier)
    assert sorted(statuses(setting)["here"]) == ["pending"] * 3 + ["suppressed"]
    assert len(receiver.requests) == 4


def acknowledged_alert(tenant: Tenant) -> UUID:
    """One of the alerts, which people have seen: it needs no reminder."""
    with tenant_scope(tenant.id):
        alert = Alert.objects.latest("created_at")
        Alert.objects.filter(id=alert.id).update(attention="acknowledged")
    return alert.id


def remind(tenant: Tenant, alert_id: UUID) -> None:
    """The notification of an alert becomes a reminder that is due."""
    with tenant_scope(tenant.id):
        waiting = Notification.objects.filter(status="pending", alert_id=alert_id)
        assert waiting.update(kind="repeat", due_at=timezone.now()) == 1


def test_turns__those_that_waited_longest__come_first() -> None:
    turns, one, two = ChannelTurns(), due_channel(1, 1), due_channel(2, 2)
    turns.begin(one)
    turns.end(one, is_ok=True)
    assert turns.choose([one, two], most=1, most_per_tenant=1) == [two]
