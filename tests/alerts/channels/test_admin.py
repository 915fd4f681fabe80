"""The admin's pages of channels, routes and silences; no page shows an address or a secret."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from alerts.models import Channel, MaintenanceWindow, Notification, Route, Silence
from drift_detector.encryption import decrypt
from drift_detector.tenancy.models import Membership, Role, Tenant, User
from tests.alerts.channels.messages import ADDRESSES
from tests.alerts.notification_rows import notification_rows
from tests.drift_detector.outbound.receivers import receiving

CHANNELS, ROUTES = "/admin/alerts/channel/", "/admin/alerts/route/"
SILENCES, WINDOWS = "/admin/alerts/silence/", "/admin/alerts/maintenancewindow/"
FORM = {
    "name": "Pipeline",
    "kind": "webhook",
    "new_address": ADDRESSES["webhook"],
    "subject": "",
    "enabled": "on",
}
ROUTE = {
    "name": "All", "position": "1", "enabled": "on", "severity": "warning", "continues": "on",
    "group_wait": "30", "group_interval": "300", "digest": "none", "digest_at": "12:00", "digest_weekday": "0",
    "timezone": "UTC",
}  # fmt: skip


@pytest.fixture
def ana(client: Client, staff: User, in_tenant: Tenant, override: Callable[..., None]) -> Client:
    override(notifier={"allowed_hosts": ["127.0.0.1"]})
    Membership.objects.update(role=Role.ADMIN)
    client.force_login(staff)
    return client


def errors(response: Any) -> str:
    assert response.status_code == 200
    return str(response.context["errors"])


def test_add_channel__by_an_admin__keeps_the_address_and_shows_the_secret_once(ana: Client) -> None:
    response = ana.post(f"{CHANNELS}add/", FORM, follow=True)
    assert b"whsec_" in response.content
    channel = Channel.objects.get()
    assert decrypt(channel.address) == ADDRESSES["webhook"]
    for page in (CHANNELS, f"{CHANNELS}{channel.id}/change/"):
        content = ana.get(page).content.decode()
        assert "https://93.184.215.14/…" in content
        assert not [each for each in ("s3cr3t", "whsec_", channel.address) if each in content]


def test_change_channel__without_an_address__keeps_it(ana: Client) -> None:
    ana.post(f"{CHANNELS}add/", FORM)
    channel = Channel.objects.get()
    ana.post(f"{CHANNELS}{channel.id}/change/", FORM | {"new_address": "", "name": "Renamed"})
    channel.refresh_from_db()
    assert (channel.name, decrypt(channel.address)) == ("Renamed", ADDRESSES["webhook"])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"new_address": "https://10.0.0.1/s3cr3t"}, "internal"),
        ({"new_address": ""}, "needs an address"),
        ({"subject": "{password}"}, "There is no field"),
    ],
)
def test_add_channel__bad_field__is_named(ana: Client, fields: dict[str, str], words: str) -> None:
    response = ana.post(f"{CHANNELS}add/", FORM | fields)
    assert words in errors(response)
    assert b"s3cr3t" not in response.content
    assert not Channel.objects.exists()


def test_add_channel__by_an_operator__is_forbidden(ana: Client) -> None:
    Membership.objects.update(role=Role.OPERATOR)
    assert ana.get(f"{CHANNELS}add/").status_code == 403
    assert ana.get(CHANNELS).status_code == 200


def test_send_test__selected_channel__shows_what_it_said(ana: Client) -> None:
    with receiving() as receiver:
        ana.post(f"{CHANNELS}add/", FORM | {"new_address": receiver.url})
        action = {"action": "send_test", "_selected_action": [str(Channel.objects.get().id)]}
        response = ana.post(CHANNELS, action, follow=True)
        assert len(receiver.requests) == 1
    assert b"Pipeline: 200 thanks" in response.content


def test_route__added_and_changed__keeps_its_channels(ana: Client) -> None:
    ana.post(f"{CHANNELS}add/", FORM)
    channel = Channel.objects.get()
    ana.post(f"{ROUTES}add/", ROUTE | {"channels": [str(channel.id)]})
    route = Route.objects.get()
    assert (list(route.channels), route.matchers) == ([channel.id], {"severity": "warning"})
    assert route.created_by == "user:ana"
    changed = ROUTE | {"channels": [str(channel.id)], "models": "no id"}
    assert "models must be" in errors(ana.post(f"{ROUTES}{route.id}/change/", changed))
    ana.post(f"{ROUTES}{route.id}/change/", changed | {"models": "", "severity": ""})
    assert Route.objects.get().matchers == {}


def test_silence__that_ends_before_it_starts__is_refused(ana: Client) -> None:
    now = timezone.now()
    form = {"reason": "Migration."}
    form |= times("starts_at", now) | times("ends_at", now - timedelta(hours=1))
    assert "later than" in errors(ana.post(f"{SILENCES}add/", form))
    ana.post(f"{SILENCES}add/", form | times("ends_at", now + timedelta(hours=1)))
    assert Silence.objects.get().author == "user:ana"


def times(name: str, moment: Any) -> dict[str, str]:
    return {f"{name}_0": f"{moment:%Y-%m-%d}", f"{name}_1": f"{moment:%H:%M:%S}"}


def test_window__that_never_comes_due__is_refused(ana: Client) -> None:
    form = {
        "name": "Never",
        "cron": "0 0 31 2 *",
        "duration": "3600",
        "timezone": "UTC",
    }
    assert "cron expression" in errors(ana.post(f"{WINDOWS}add/", form))
    ana.post(f"{WINDOWS}add/", form | {"cron": "0 2 * * *"})
    assert MaintenanceWindow.objects.get().name == "Never"


def test_notifications__page__shows_what_the_channel_said(ana: Client) -> None:
    row = notification_rows()["notifications"]
    Notification.objects.update(
        tries=[
            {
                "at": f"{timezone.now():%Y-%m-%dT%H:%M:%S%z}",
                "is_ok": False,
                "said": "500 broken",
                "seconds": 1,
            }
        ]
    )
    page = ana.get(f"/admin/alerts/notification/{row.id}/change/").content
    assert b"500 broken" in page
    assert row.message_id.encode() in page


def test_channel_page__newest_not_taken__says_why(ana: Client) -> None:
    rows = notification_rows()
    tries = [{"at": "2024-01-01T00:00:00+00:00", "is_ok": False, "said": "500 <b>", "seconds": 1}]
    Notification.objects.update(tries=tries, status="given_up")
    page = ana.get(f"{CHANNELS}{rows['channels'].id}/change/").content.decode()
    assert "The last message was not taken: 500 &lt;b&gt;" in page
    assert "given up" in page


def test_channel_page__test_button__sends_one(ana: Client) -> None:
    with receiving() as receiver:
        ana.post(f"{CHANNELS}add/", FORM | {"new_address": receiver.url})
        url = f"{CHANNELS}{Channel.objects.get().id}/test/"
        assert url in ana.get(url.replace("test/", "change/")).content.decode()
        response = ana.post(url, follow=True)
        assert len(receiver.requests) == 1
    assert b"Pipeline: 200 thanks" in response.content


def test_channel_page__test_by_an_operator_or_by_get__is_forbidden(ana: Client) -> None:
    ana.post(f"{CHANNELS}add/", FORM)
    url = f"{CHANNELS}{Channel.objects.get().id}/test/"
    assert ana.get(url).status_code == 403
    Membership.objects.update(role=Role.OPERATOR)
    assert ana.post(url).status_code == 403
    page = ana.get(url.replace("test/", "change/")).content.decode()
    assert url not in page
    assert "new_address" not in page
