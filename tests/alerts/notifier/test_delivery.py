"""From an alert's event to what a receiver gets; each test reads what arrived."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pydantic import SecretStr

from alerts.episodes.phases import Move
from alerts.models import Alert, Channel, MaintenanceWindow, Notification
from alerts.routing.services import new_silence, new_window, save_silence, save_window
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tests.alerts.notifier.conftest import (
    change,
    comment,
    deliver,
    make_channel,
    make_route,
    open_alert,
    states,
)
from tests.drift_detector.outbound.receivers import Receiver, receiving

HOUR = timedelta(hours=1)


def topics(receiver: Receiver) -> list[str]:
    return [body(each)["type"] for each in receiver.requests]


def body(request: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.body)
    return found


def test_alert__raised_acknowledged_worsened_resolved__arrives_in_this_order(
    in_tenant: Tenant, monitor: Monitor, channel: Channel, receiver: Receiver
) -> None:
    make_route(channel)
    alert = open_alert(monitor)
    deliver(in_tenant.id)
    change(alert, Move.ACKNOWLEDGED)
    deliver(in_tenant.id)
    change(alert, Move.WORSENED, severity="critical")
    deliver(in_tenant.id)
    change(alert, Move.RESOLVED)
    deliver(in_tenant.id)
    assert topics(receiver) == [
        "alert.raised",
        "alert.acknowledged",
        "alert.worsened",
        "alert.resolved",
    ]
    assert [body(each)["data"]["severity"] for each in receiver.requests][2] == "critical"


def test_message__of_an_alert__says_what_how_large_since_when_and_where(
    in_tenant: Tenant, monitor: Monitor, channel: Channel, receiver: Receiver, public_url: str
) -> None:
    make_route(channel)
    alert = open_alert(monitor, "critical", "statistical", "a", "b", "c", "d")
    deliver(in_tenant.id)
    data = body(receiver.requests[0])["data"]
    assert [each["feature"] for each in data["features"]] == ["d", "c", "b"]
    assert data["url"] == f"{public_url}/admin/alerts/{alert.id}/"
    assert (data["monitor"], data["severity"], data["kind"]) == (
        "Flights",
        "critical",
        "statistical",
    )
    assert data["opened_at"] == alert.opened_at.isoformat()  # type: ignore[union-attr]
    assert [each["kind"] for each in data["events"]] == ["opened"]


def test_alert__that_matches_no_route__is_routed_to_no_one(
    in_tenant: Tenant, monitor: Monitor, channel: Channel, receiver: Receiver
) -> None:
    make_route(channel, matchers={"severity": "critical"})
    make_route(channel, matchers={"features": ["other"]})
    make_route(channel, matchers={"kinds": ["health"]})
    make_route(channel, matchers={"monitors": [str(monitor.id)]}, enabled=False)
    alert = open_alert(monitor)
    assert deliver(in_tenant.id) == 0
    assert alert.events.get().routed_at is not None


@pytest.mark.parametrize("name", ["kinds", "severity", "monitors", "models", "features"])
def test_alert__that_matches_a_route__is_sent(
    in_tenant: Tenant, monitor: Monitor, channel: Channel, receiver: Receiver, name: str
) -> None:
    values: dict[str, Any] = {
        "kinds": ["statistical"], "severity": "info", "monitors": [str(monitor.id)],
        "models": [str(monitor.model_id)], "features": ["delay", "other"],
    }  # fmt: skip
    make_route(channel, matchers={name: values[name]})
    open_alert(monitor)
    assert deliver(in_tenant.id) == 1


def test_routes__first_that_does_not_continue__ends_the_search(
    in_tenant: Tenant, monitor: Monitor, receiver: Receiver
) -> None:
    one, two, three = (make_channel(receiver.url, name) for name in ("one", "two", "three"))
    make_route(three, position=3)
    make_route(two, position=2, continues=False)
    make_route(one, position=1)
    open_alert(monitor)
    deliver(in_tenant.id)
    sent = Notification.objects.values_list("channel__name", flat=True)
    assert set(sent) == {"one", "two"}


def test_routes__two_that_name_a_channel__tell_it_once(
    in_tenant: Tenant, monitor: Monitor, channel: Channel, receiver: Receiver
) -> None:
    make_route(channel)
    make_route(channel)
    open_alert(monitor)
    assert deliver(in_tenant.id) == 1


def test_group_wait__what_follows_at_once__joins_one_notification(
    in_tenant: Tenant, monitor: Monitor, channel: Channel, receiver: Receiver
) -> None:
    make_route(channel, group_wait=timedelta(minutes=1))
    alert = open_alert(monitor)
    change(alert, Move.WORSENED, severity="critical")
    assert deliver(in_tenant.id) == 0
    Notification.objects.update(due_at=timezone.now())
    assert deliver(in_tenant.id) == 1
    [request] = receiver.requests
    assert body(request)["type"] == "alert.raised"
    assert [each["kind"] for each in body(request)["data"]["events"]] == ["opened", "worsened"]


def test_group_interval__next_notification__waits_for_it(
    in_tenant: Tenant, monitor: Monitor, channel: Channel, receiver: Receiver
) -> None:
    make_route(channel, group_interval=HOUR)
    alert = open_alert(monitor)
    deliver(in_tenant.id)
    change(alert, Move.WORSENED, severity="critical")
    assert deliver(in_tenant.id) == 0
    waiting = Notification.objects.get(status="pending")
    sent = Notification.objects.get(status="sent")
    assert waiting.due_at == sent.sent_at + HOUR  # type: ignore[operator]


def test_silence__that_matches__hides_and_leaves_its_id(
    in_tenant: Tenant, monitor: Monitor, channel: Channel, receiver: Receiver
) -> None:
    make_route(channel)
    until = timezone.now() + HOUR
    fields = {"matchers": {"features": ["delay"]}, "ends_at": until, "reason": "Migration."}
    silence = save_silence(new_silence(by="user:ana"), fields=fields)
    open_alert(monitor)
    open_alert(make_monitor_named("Other"), "warning", "statistical", "distance")
    assert deliver(in_tenant.id) == 1
    hidden = Notification.objects.get(status="suppressed")
    assert (hidden.suppressed_by, hidden.reason) == (silence.id, "Silenced by user:ana: Migration.")
    assert body(receiver.requests[0])["data"]["monitor"] == "Other"


def make_monitor_named(name: str) -> Monitor:
    from tests.factories import make_monitor

    return make_monitor(name=name)


def test_silence__begun_while_a_notification_waits__hides_it(
    in_tenant: Tenant, monitor: Monitor, channel: Channel, receiver: Receiver
) -> None:
    make_route(channel, group_wait=timedelta(minutes=1))
    open_alert(monitor)
    deliver(in_tenant.id)
    fields = {"ends_at": timezone.now() + HOUR, "reason": "Migration."}
    silence = save_silence(new_silence(by="user:ana"), fields=fields)
    Notification.objects.update(due_at=timezone.now())
    deliver(in_tenant.id)
    assert (states(), receiver.requests) == ([("alert", "suppressed")], [])
    assert Notification.objects.get().suppressed_by == silence.id


def test_silence__of_an_alert_that_people_know__does_not_hide_its_end(
    in_tenant: Tenant, monitor: Monitor, channel: Channel, receiver: Receiver
) -> None:
    make_route(channel)
    alert = open_alert(monitor)
    deliver(in_tenant.id)
    fields = {"ends_at": timezone.now() + HOUR, "reason": "Migration."}
    save_silence(new_silence(by="user:ana"), fields=fields)
    change(alert, Move.RESOLVED)
    deliver(in_tenant.id)
    assert topics(receiver) == ["alert.raised", "alert.resolved"]


def test_silence__alert_that_no_one_heard_of__ends_without_a_word(
    in_tenant: Tenant, monitor: Monitor, channel: Channel, receiver: Receiver
) -> None:
    make_route(channel)
    fields = {"ends_at": timezone.now() + HOUR, "reason": "Migration."}
    save_silence(new_silence(by="user:ana"), fields=fields)
    alert = open_alert(monitor)
    deliver(in_tenant.id)
    change(alert, Move.RESOLVED)
    deliver(in_tenant.id)
    assert receiver.requests == []


def test_maintenance__that_is_open__hides(
    in_tenant: Tenant, monitor: Monitor, channel: Channel, receiver: Receiver
) -> None:
    make_route(channel)
    fields = {"name": "Always", "cron": "* * * * *", "duration": timedelta(minutes=5)}
    window = save_window(new_window(by="key:test"), fields=fields)
    open_alert(monitor)
    assert deliver(in_tenant.id) == 0
    assert Notification.objects.get().suppressed_by == window.id
    MaintenanceWindow.objects.update(enabled=False)
    open_alert(monitor, "warning", "concept")
    assert deliver(in_tenant.id) == 1


def test_repeat__as_long_as_no_one_looks__comes_again(
    in_tenant: Tenant, monitor: Monitor, channel: Channel, receiver: Receiver
) -> None:
    make_route(channel, repeat_interval=HOUR)
    alert = open_alert(monitor)
    deliver(in_tenant.id)
    waiting = Notification.objects.get(status="pending")
    assert waiting.due_at > timezone.now() + HOUR - timedelta(minutes=1)
    for _ in range(2):
        Notification.objects.filter(status="pending").update(due_at=timezone.now())
        assert deliver(in_tenant.id) == 1
    change(alert, Move.ACKNOWLEDGED)
    deliver(in_tenant.id)
    assert topics(receiver) == [
        "alert.raised",
        "alert.repeated",
        "alert.repeated",
        "alert.acknowledged",
    ]
    assert Notification.objects.get(status="suppressed").reason == "The alert was acknowledged."


def test_repeat__acknowledged_without_an_event__is_dropped_when_it_is_due(
    in_tenant: Tenant, monitor: Monitor, channel: Channel, receiver: Receiver
) -> None:
    make_route(channel, repeat_interval=HOUR)
    open_alert(monitor)
    deliver(in_tenant.id)
    Alert.objects.update(attention="snoozed", snoozed_until=timezone.now() + HOUR)
    Notification.objects.filter(status="pending").update(due_at=timezone.now())
    deliver(in_tenant.id)
    assert states() == [("alert", "sent"), ("repeat", "suppressed")]


def test_escalation__alert_without_attention__goes_to_the_next_step(
    in_tenant: Tenant, monitor: Monitor, receiver: Receiver
) -> None:
    first, second = make_channel(receiver.url, "first"), make_channel(receiver.url, "second")
    make_route(first, later={30: second})
    alert = open_alert(monitor)
    deliver(in_tenant.id)
    assert topics(receiver) == ["alert.raised"]
    Notification.objects.filter(status="pending").update(due_at=timezone.now())
    deliver(in_tenant.id)
    change(alert, Move.RESOLVED)
    deliver(in_tenant.id)
    assert topics(receiver) == [
        "alert.raised",
        "alert.escalated",
        "alert.resolved",
        "alert.resolved",
    ]


def test_escalation__acknowledged_in_time__does_not_come(
    in_tenant: Tenant, monitor: Monitor, receiver: Receiver
) -> None:
    first, second = make_channel(receiver.url, "first"), make_channel(receiver.url, "second")
    make_route(first, later={30: second})
    alert = open_alert(monitor)
    deliver(in_tenant.id)
    change(alert, Move.ACKNOWLEDGED)
    deliver(in_tenant.id)
    change(alert, Move.RESOLVED)
    deliver(in_tenant.id)
    names = Notification.objects.filter(status="sent").values_list("channel__name", flat=True)
    assert set(names) == {"first"}


def test_digest__alerts_of_a_day__are_one_notification(
    in_tenant: Tenant, monitor: Monitor, channel: Channel, receiver: Receiver
) -> None:
    make_route(channel, digest="daily")
    alert = open_alert(monitor)
    open_alert(monitor, "critical", "concept")
    change(alert, Move.RESOLVED)
    assert deliver(in_tenant.id) == 0
    Notification.objects.update(due_at=timezone.now())
    assert deliver(in_tenant.id) == 1
    [request] = receiver.requests
    assert body(request)["type"] == "digest"
    assert [each["kind"] for each in body(request)["data"]["events"]] == [
        "opened",
        "opened",
        "resolved",
    ]


def test_cap__beyond_it__the_rest_is_one_summary(
    in_tenant: Tenant, monitor: Monitor, receiver: Receiver
) -> None:
    make_route(make_channel(receiver.url, most_per_hour=2))
    kinds = ("statistical", "concept", "performance", "health")
    alerts = [open_alert(monitor, "warning", kind) for kind in kinds]
    deliver(in_tenant.id)
    assert topics(receiver) == ["alert.raised", "alert.raised"]
    summary = Notification.objects.get(kind="summary")
    held = Notification.objects.filter(status="summarised")
    assert {each.suppressed_by for each in held} == {summary.id}
    Notification.objects.filter(status="sent").update(sent_at=timezone.now() - HOUR)
    Notification.objects.filter(id=summary.id).update(due_at=timezone.now())
    deliver(in_tenant.id)
    assert topics(receiver)[2:] == ["summary"]
    shown = {each["alert_id"] for each in body(receiver.requests[2])["data"]["alerts"]}
    assert shown == {str(each.id) for each in alerts[2:]}


def test_failure__is_tried_again_later_and_then_given_up(
    in_tenant: Tenant,
    monitor: Monitor,
    channel: Channel,
    receiver: Receiver,
    override: Callable[..., None],
) -> None:
    override(notifier={"max_attempts": 3, "retry_seconds": 60})
    receiver.answer = (500, b"broken")
    make_route(channel)
    open_alert(monitor)
    rests = []
    for _ in range(3):
        before = timezone.now()
        assert deliver(in_tenant.id) == 1
        row = Notification.objects.get()
        rests.append(round((row.due_at - before).total_seconds()))
        Notification.objects.update(due_at=timezone.now())
    assert rests[:2] == [60, 120]
    assert (row.status, row.reason, row.attempt) == ("given_up", "500 broken", 3)
    assert [each["said"] for each in row.tries] == ["500 broken"] * 3
    assert deliver(in_tenant.id) == 0
    ids = {each.headers["webhook-id"] for each in receiver.requests}
    assert ids == {row.message_id}


def test_failure__gone__is_given_up_at_once(
    in_tenant: Tenant, monitor: Monitor, channel: Channel, receiver: Receiver
) -> None:
    receiver.answer = (410, b"")
    make_route(channel)
    open_alert(monitor)
    deliver(in_tenant.id)
    assert states() == [("alert", "given_up")]


def test_order__later_notification_of_an_alert__waits_for_the_earlier(
    in_tenant: Tenant, monitor: Monitor, channel: Channel, receiver: Receiver
) -> None:
    make_route(channel)
    receiver.answer = (500, b"")
    alert = open_alert(monitor)
    deliver(in_tenant.id)
    receiver.answer = (200, b"")
    change(alert, Move.RESOLVED)
    other = open_alert(monitor, "warning", "concept")
    deliver(in_tenant.id)
    last = body(receiver.requests[-1])["data"]
    assert (len(receiver.requests), last["alert_id"]) == (2, str(other.id))
    Notification.objects.filter(status="pending", attempt=1).update(due_at=timezone.now())
    deliver(in_tenant.id)
    assert topics(receiver) == ["alert.raised", "alert.raised", "alert.raised", "alert.resolved"]


def test_channel__that_is_switched_off__hears_nothing(
    in_tenant: Tenant, monitor: Monitor, channel: Channel, receiver: Receiver
) -> None:
    make_route(channel)
    alert = open_alert(monitor)
    change(alert, Move.WORSENED, severity="critical")
    Channel.objects.update(enabled=False)
    assert (deliver(in_tenant.id), states()) == (0, [])


def test_key__that_is_lost__is_a_reason_in_the_log(
    in_tenant: Tenant,
    monitor: Monitor,
    channel: Channel,
    receiver: Receiver,
    override: Callable[..., None],
) -> None:
    make_route(channel)
    open_alert(monitor)
    override(encryption={"key": SecretStr("another key, " * 4)})
    deliver(in_tenant.id)
    row = Notification.objects.get()
    assert (row.status, row.reason) == ("pending", "The message cannot be written (NoKey).")


def test_address__that_has_become_internal__is_refused_when_it_is_sent(
    in_tenant: Tenant,
    monitor: Monitor,
    channel: Channel,
    receiver: Receiver,
    override: Callable[..., None],
) -> None:
    make_route(channel)
    open_alert(monitor)
    override(notifier={"allowed_hosts": []})
    deliver(in_tenant.id)
    assert (receiver.requests, Notification.objects.get().reason) == (
        [],
        "The address must begin with https://.",
    )


def test_comment__of_a_person__goes_to_programs_that_know_the_alert(
    in_tenant: Tenant, monitor: Monitor, channel: Channel, receiver: Receiver
) -> None:
    make_route(channel)
    alert = open_alert(monitor)
    deliver(in_tenant.id)
    comment(alert, "Snow <on> Monday.")
    deliver(in_tenant.id)
    assert topics(receiver) == ["alert.raised", "alert.changed"]
    assert body(receiver.requests[1])["data"]["events"][0]["note"] == "Snow <on> Monday."


def test_two_channels__one_that_is_gone__the_other_hears(
    in_tenant: Tenant, monitor: Monitor, receiver: Receiver
) -> None:
    with receiving() as gone:
        address = gone.url
    make_route(make_channel(address, "gone"), make_channel(receiver.url, "here"))
    open_alert(monitor)
    deliver(in_tenant.id)
    found = dict(Notification.objects.values_list("channel__name", "status"))
    assert found == {"gone": "pending", "here": "sent"}
