"""`/api/v1/routes`, `/silences` and `/maintenance-windows`: what is wrong is refused when it is saved."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from alerts.models import RouteChannel
from drift_detector.tenancy.models import Role, Tenant
from drift_detector.tenancy.scope import tenant_scope
from tests.alerts.channels.messages import ADDRESSES
from tests.conftest import client_of
from tests.factories import make_monitor

ROUTES, SILENCES, WINDOWS = "/api/v1/routes", "/api/v1/silences", "/api/v1/maintenance-windows"
LATER = (timezone.now() + timedelta(hours=1)).isoformat()
SILENCE = {"ends_at": LATER, "reason": "The timetable changes."}
WINDOW = {"name": "Sundays", "cron": "0 2 * * SUN", "duration": "PT4H", "timezone": "Europe/Berlin"}


def make_channel(api: APIClient, name: str) -> str:
    body = {"name": name, "kind": "slack", "address": ADDRESSES["slack"]}
    return str(api.post("/api/v1/channels", body).json()["id"])


@pytest.fixture
def channels(admin_api: APIClient) -> list[str]:
    return [make_channel(admin_api, name) for name in ("one", "two", "three")]


def errors(response: Any) -> dict[str, str]:
    assert response.status_code == 400, response.content
    return {each["field"]: each["reason"] for each in response.json()["errors"]}


def test_create_route__with_an_escalation__is_shown_as_sent(
    admin_api: APIClient, channels: list[str]
) -> None:
    body = {
        "name": "Night", "channels": channels[:1], "matchers": {"severity": "warning", "kinds": ["statistical"]},
        "escalation": [{"after": "PT30M", "channels": channels[1:2]}, {"after": "PT1H", "channels": channels[2:]}],
        "quiet_from": "22:00", "quiet_until": "07:00", "timezone": "Europe/Berlin", "repeat_interval": "PT4H",
    }  # fmt: skip
    response = admin_api.post(ROUTES, body)
    assert response.status_code == 201, response.json()
    shown = admin_api.get(f"{ROUTES}/{response.json()['id']}").json()
    assert {name: shown[name] for name in body} == body
    assert shown["group_wait"] == "PT30S"


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"channels": []}, "channels", "at least 1"),
        ({"escalation": [{"after": "PT1H", "channels": ["{0}"]}]}, "escalation", "circle"),
        (
            {"escalation": [{"after": "PT1H", "channels": ["{1}"]}, {"after": "PT2H", "channels": ["{1}"]}]},
            "escalation", "circle",
        ),
        (
            {"escalation": [{"after": "PT2H", "channels": ["{1}"]}, {"after": "PT1H", "channels": ["{2}"]}]},
            "escalation", "later than the one before",
        ),
        ({"escalation": [{"after": "PT0S", "channels": ["{1}"]}]}, "escalation", "later than"),
        ({"matchers": {"severty": "warning"}}, "matchers", "nearest is 'severity'"),
        ({"matchers": {"severity": "loud"}}, "matchers", "one of info"),
        ({"matchers": {"kinds": ["statistics"]}}, "matchers", "nearest is 'statistical'"),
        ({"matchers": {"kinds": []}}, "matchers", "list of 1"),
        ({"matchers": {"monitors": ["x"]}}, "matchers", "UUIDs"),
        ({"matchers": []}, "matchers", "object"),
        ({"matchers": {"tag": "x"}}, "matchers", "There is no matcher"),
        ({"quiet_from": "22:00"}, "quiet_until", "together"),
        ({"quiet_from": "22:00", "quiet_until": "22:00"}, "quiet_until", "another time"),
        ({"quiet_from": "25:00", "quiet_until": "07:00"}, "quiet_from", "format"),
        ({"timezone": "Mars/Olympus"}, "timezone", "IANA"),
        ({"repeat_interval": "PT1M"}, "repeat_interval", "0:05:00"),
        ({"group_wait": "P2D"}, "group_wait", "1:00:00"),
        ({"digest": "hourly"}, "digest", "valid choice"),
        ({"digest": "daily", "repeat_interval": "PT1H"}, "repeat_interval", "digest"),
        ({"digest": "daily", "escalation": [{"after": "PT1H", "channels": ["{1}"]}]}, "escalation", "digest"),
        ({"digest_weekday": 7}, "digest_weekday", "less than or equal to 6"),
    ],
)  # fmt: skip
def test_create_route__bad_field__is_named_and_nothing_is_written(
    admin_api: APIClient, channels: list[str], fields: dict[str, Any], field: str, words: str
) -> None:
    for step in fields.get("escalation", []):
        step["channels"] = [each.format(*channels) for each in step["channels"]]
    body = {"name": "Night", "channels": channels[:1]} | fields
    assert words in errors(admin_api.post(ROUTES, body))[field]
    assert admin_api.get(ROUTES).json()["results"] == []


def test_create_route__channel_or_monitor_of_another_tenant__is_refused(
    admin_api: APIClient, channels: list[str], other_tenant: Tenant
) -> None:
    theirs = make_channel(client_of(other_tenant.id, Role.ADMIN), "theirs")
    with tenant_scope(other_tenant.id):
        monitor = make_monitor()
    body: dict[str, Any] = {"name": "Night", "channels": [theirs]}
    assert errors(admin_api.post(ROUTES, body)) == {"channels": f"There is no channel {theirs}."}
    escalation = [{"after": "PT1H", "channels": [theirs]}]
    body = {"name": "Night", "channels": channels[:1], "escalation": escalation}
    assert "escalation" in errors(admin_api.post(ROUTES, body))
    body = {"name": "Night", "channels": channels[:1], "matchers": {"monitors": [str(monitor.id)]}}
    assert "There is no monitor" in errors(admin_api.post(ROUTES, body))["matchers"]


def test_update_route__channels_alone__keeps_the_escalation(
    admin_api: APIClient, channels: list[str], tenant: Tenant
) -> None:
    escalation = [{"after": "PT1H", "channels": channels[1:2]}]
    body = {"name": "Night", "channels": channels[:1], "escalation": escalation}
    one = f"{ROUTES}/{admin_api.post(ROUTES, body).json()['id']}"
    changed = admin_api.patch(one, {"channels": channels[2:]}).json()
    assert (changed["channels"], changed["escalation"]) == (channels[2:], escalation)
    assert "escalation" in errors(admin_api.patch(one, {"channels": channels[1:2]}))
    assert admin_api.patch(one, {"escalation": []}).json()["escalation"] == []
    with tenant_scope(tenant.id):
        assert RouteChannel.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"starts_at": "2098-01-02T00:00:00Z", "ends_at": "2098-01-01T00:00:00Z"}, "ends_at", "later than starts_at"),
        ({"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2020-01-02T00:00:00Z"}, "ends_at", "future"),
        ({"ends_at": "2098-01-01T00:00:00Z"}, "ends_at", "366"),
        ({"reason": ""}, "reason", "blank"),
        ({"matchers": {"featurs": ["x"]}}, "matchers", "nearest is 'features'"),
    ],
)  # fmt: skip
def test_create_silence__bad_field__is_named(
    api: APIClient, fields: dict[str, Any], field: str, words: str
) -> None:
    assert words in errors(api.post(SILENCES, SILENCE | fields))[field]


def test_silence__by_an_operator__has_an_author_and_ends(
    api: APIClient, viewer_api: APIClient
) -> None:
    silence = api.post(SILENCES, SILENCE).json()
    assert silence["author"].startswith("key:")
    one = f"{SILENCES}/{silence['id']}"
    assert viewer_api.post(SILENCES, SILENCE).status_code == 403
    assert [each["id"] for each in api.get(SILENCES, {"active": "true"}).json()["results"]] == [
        silence["id"]
    ]
    assert api.delete(one).status_code == 204
    assert api.get(SILENCES, {"active": "true"}).json()["results"] == []
    assert api.get(one).json()["ends_at"] < LATER


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"cron": "0 0 31 2 *"}, "cron"),
        ({"cron": "every day"}, "cron"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"duration": "PT0S"}, "duration"),
        ({"duration": "P30D"}, "duration"),
        ({"matchers": {"x": 1}}, "matchers"),
    ],
)
def test_create_window__bad_field__is_named(
    api: APIClient, fields: dict[str, Any], field: str
) -> None:
    assert list(errors(api.post(WINDOWS, WINDOW | fields))) == [field]


def test_window__name_that_is_taken__is_refused(api: APIClient) -> None:
    assert api.post(WINDOWS, WINDOW).status_code == 201
    assert "unique" in errors(api.post(WINDOWS, WINDOW))["name"]


@pytest.mark.parametrize("url", [ROUTES, SILENCES, WINDOWS, "/api/v1/notifications"])
def test_row__of_another_tenant_or_none__is_not_there(
    api: APIClient, other_api: APIClient, url: str
) -> None:
    api.post(SILENCES, SILENCE)
    api.post(WINDOWS, WINDOW)
    assert other_api.get(url).json()["results"] == []
    assert other_api.get(f"{url}/{uuid4()}").status_code == 404


def test_notifications_of_alert__unknown__is_not_there(api: APIClient) -> None:
    assert api.get(f"/api/v1/alerts/{uuid4()}/notifications").status_code == 404
