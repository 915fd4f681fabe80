"""The forms of routes, silences and maintenance windows: a field for each matcher and each step."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from alerts.models import Notification, Route, Silence
from drift_detector.tenancy.models import Membership, Role, Tenant, User
from tests.alerts.notification_rows import a_channel, notification_rows
from tests.factories import make_monitor

ROUTES = "/admin/alerts/route/"
ROUTE = {
    "name": "All", "position": "1", "enabled": "on", "continues": "on", "group_wait": "30", "group_interval": "300",
    "digest": "none", "digest_at": "12:00", "digest_weekday": "0", "timezone": "UTC",
}  # fmt: skip
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def ana(client: Client, staff: User, in_tenant: Tenant, override: Callable[..., None]) -> Client:
    override(notifier={"allowed_hosts": ["127.0.0.1"]})
    Membership.objects.update(role=Role.ADMIN)
    client.force_login(staff)
    return client


def save(ana: Client, **fields: Any) -> Any:
    kept = Route.objects.first()
    path = f"{ROUTES}{kept.id}/change/" if kept else f"{ROUTES}add/"
    return ana.post(path, ROUTE | {"channels": [str(a_channel("First").id)]} | fields)


def test_route_form__matchers__are_fields_of_their_own(ana: Client) -> None:
    monitor = make_monitor(name="Flights")
    chosen = {"kinds": ["health", "concept"], "severity": "critical", "monitors": [str(monitor.id)]}
    assert save(ana, **chosen, features="delay\n\n carrier \n").status_code == 302
    route = Route.objects.get()
    assert route.matchers == {
        "severity": "critical", "kinds": ["health", "concept"], "monitors": [str(monitor.id)],
        "features": ["delay", "carrier"],
    }  # fmt: skip
    page = ana.get(f"{ROUTES}{route.id}/change/")
    form = page.context["adminform"].form
    assert form["features"].value() == "delay\ncarrier"
    assert form["kinds"].value() == ["health", "concept"]
    assert "that are critical, of health and concept drift, of Flights" in page.content.decode()
    assert "{&quot;" not in page.content.decode()


def test_route_form__escalation__is_set_and_taken_away(ana: Client) -> None:
    second, third = a_channel("Second"), a_channel("Third")
    steps = {"after_1": "02:00:00", "channels_1": [str(second.id)]}
    steps |= {"after_2": "1 00:00:00", "channels_2": [str(third.id)]}
    assert save(ana, **steps).status_code == 302
    route = Route.objects.get()
    assert route.escalate_after == [7200, 86400]
    assert [list(step.channels) for step in route.escalation] == [[second.id], [third.id]]
    page = ana.get(f"{ROUTES}{route.id}/change/")
    assert page.context["adminform"].form["after_1"].value() == "02:00:00"
    assert "After 2 hours without attention also to Second." in page.content.decode()
    first = [str(each) for each in route.channels]
    ana.post(f"{ROUTES}{route.id}/change/", ROUTE | {"channels": first})
    assert Route.objects.get().escalation == []


@pytest.mark.parametrize(
    ("fields", "place", "words"),
    [
        ({"after_1": "02:00:00"}, "channels_1", "needs channels"),
        ({"channels_1": "second"}, "after_1", "needs a time"),
        ({"after_1": "9 00:00:00", "channels_1": "second"}, "after_1", "later than the one before"),
        ({"models": "x"}, "models", "models must be"),
        ({"severity": "awful"}, "severity", "Select a valid choice"),
        ({"timezone": "Mars"}, "timezone", "IANA time zone"),
    ],
)
def test_route_form__refused__says_why_at_the_field(
    ana: Client, fields: dict[str, str], place: str, words: str
) -> None:
    second = str(a_channel("Second").id)
    sent = {name: [second] if value == "second" else value for name, value in fields.items()}
    page = save(ana, **sent)
    assert page.status_code == 200
    assert words in str(page.context["adminform"].form.errors[place])
    assert not Route.objects.exists()


def test_route_page__viewer__reads_it_in_words(ana: Client) -> None:
    save(ana, features=HOSTILE)
    Membership.objects.update(role=Role.VIEWER)
    page = ana.get(f"{ROUTES}{Route.objects.get().id}/change/").content.decode()
    assert "Alerts about &lt;img src=x onerror=alert(1)&gt; go to First" in page
    assert "<img src=x" not in page
    assert 'name="channels"' not in page


def test_silence_form__matchers__are_fields_of_their_own(ana: Client) -> None:
    now = timezone.now()
    form = {"reason": "Migration.", "kinds": ["health"], "features": "delay"}
    form |= {"starts_at_0": f"{now:%Y-%m-%d}", "starts_at_1": f"{now:%H:%M:%S}"}
    end = now + timedelta(hours=1)
    form |= {"ends_at_0": f"{end:%Y-%m-%d}", "ends_at_1": f"{end:%H:%M:%S}"}
    assert ana.post("/admin/alerts/silence/add/", form).status_code == 302
    silence = Silence.objects.get()
    assert silence.matchers == {"kinds": ["health"], "features": ["delay"]}
    page = ana.get(f"/admin/alerts/silence/{silence.id}/change/").content.decode()
    assert "Silences alerts of health, about delay." in page


def test_notification_page__tries__are_lines_of_text(ana: Client) -> None:
    row = notification_rows()["notifications"]
    tries = [{"at": "2024-01-01T00:00:00+00:00", "is_ok": False, "said": HOSTILE, "seconds": 1.5}]
    Notification.objects.update(tries=tries)
    page = ana.get(f"/admin/alerts/notification/{row.id}/change/").content.decode()
    assert "&lt;img src=x onerror=alert(1)&gt; (not taken, 1.5 seconds)" in page
    assert "<img src=x" not in page
    assert "&#x27;is_ok&#x27;" not in page
