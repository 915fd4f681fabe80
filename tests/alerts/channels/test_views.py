"""`/api/v1/channels`: what goes in does not come out."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from rest_framework.test import APIClient
from standardwebhooks import Webhook

from alerts.models import Channel
from drift_detector.tenancy.models import Role, Tenant
from drift_detector.tenancy.scope import tenant_scope
from tests.alerts.channels.messages import ADDRESSES
from tests.conftest import client_of
from tests.drift_detector.outbound.receivers import Receiver, receiving

URL = "/api/v1/channels"
WEBHOOK = {"name": "Pipeline", "kind": "webhook", "address": ADDRESSES["webhook"]}
SECRETS = ("s3cr3t-t0ken", "hook?")


@pytest.fixture
def receiver(override: Callable[..., None]) -> Iterator[Receiver]:
    override(notifier={"allowed_hosts": ["127.0.0.1"]})
    with receiving() as found:
        yield found


def created(api: APIClient, **fields: Any) -> dict[str, Any]:
    response = api.post(URL, WEBHOOK | fields)
    assert response.status_code == 201, response.json()
    found: dict[str, Any] = response.json()
    return found


def refusal(response: Any) -> dict[str, str]:
    assert response.status_code == 400, response.content
    return {each["field"]: each["reason"] for each in response.json()["errors"]}


def test_create__webhook__shows_the_secret_once_and_never_the_address(admin_api: APIClient) -> None:
    channel = created(admin_api)
    assert channel["secret"].startswith("whsec_")
    assert channel["shown_address"] == "https://93.184.215.14/…"
    for response in (admin_api.get(URL), admin_api.get(f"{URL}/{channel['id']}")):
        text = json.dumps(response.json())
        assert not [each for each in (*SECRETS, channel["secret"]) if each in text]
        assert "secret" not in text


def test_create__row__holds_nothing_readable(admin_api: APIClient, tenant: Tenant) -> None:
    channel = created(admin_api)
    with tenant_scope(tenant.id):
        [row] = Channel.objects.values()
    assert not [each for each in (*SECRETS, channel["secret"]) if each in str(row)]


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"address": "https://10.0.0.1/x"}, "address", "internal network"),
        ({"address": "https://localhost/x"}, "address", "internal network"),
        ({"address": "http://example.com/x"}, "address", "https://"),
        ({"kind": "slack"}, "address", "Slack"),
        ({"kind": "email", "address": "a@b.c"}, "address", "AUMOS_DRIFT_SMTP__HOST"),
        ({"kind": "carrier pigeon"}, "kind", "not a valid choice"),
        ({"subject": "{severity}: {secret_key}"}, "subject", "There is no field 'secret_key'"),
        ({"subject": "{monitor.name}"}, "subject", "There is no field"),
        ({"subject": "{monitor!r}"}, "subject", "alone in its braces"),
        ({"subject": "{monitor"}, "subject", "brace"),
        ({"most_per_hour": 0}, "most_per_hour", "greater than or equal to 1"),
        ({"nothing": 1}, "nothing", "There is no field"),
    ],
)
def test_create__bad_field__is_named_and_nothing_is_written(
    admin_api: APIClient, fields: dict[str, Any], field: str, words: str
) -> None:
    errors = refusal(admin_api.post(URL, WEBHOOK | fields))
    assert words in errors[field]
    assert admin_api.get(URL).json()["results"] == []


def test_create__name_that_is_taken__is_refused(admin_api: APIClient) -> None:
    created(admin_api)
    assert "unique" in refusal(admin_api.post(URL, WEBHOOK))["name"]


def test_create__no_key__is_refused(admin_api: APIClient, override: Callable[..., None]) -> None:
    override(encryption={"key": SecretStr("")})
    errors = refusal(admin_api.post(URL, WEBHOOK))
    assert "AUMOS_DRIFT_ENCRYPTION__KEY" in errors["address"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_write__role_below_admin__is_forbidden(
    tenant: Tenant, admin_api: APIClient, role: Role
) -> None:
    channel, api = created(admin_api), client_of(tenant.id, role)
    one = f"{URL}/{channel['id']}"
    asked = [api.post(URL, WEBHOOK), api.patch(one, {}), api.delete(one), api.post(f"{one}/test")]
    assert [each.status_code for each in asked] == [403] * 4
    assert api.get(one).status_code == 200


def test_update__without_an_address__keeps_it(admin_api: APIClient, receiver: Receiver) -> None:
    channel = created(admin_api, address=receiver.url)
    one = f"{URL}/{channel['id']}"
    assert admin_api.patch(one, {"name": "Renamed"}).json()["name"] == "Renamed"
    assert admin_api.post(f"{one}/test").json() == {"is_ok": True, "said": "200 thanks"}


def test_update__private_address_or_other_kind__is_refused(admin_api: APIClient) -> None:
    one = f"{URL}/{created(admin_api)['id']}"
    assert "internal" in refusal(admin_api.patch(one, {"address": "https://10.0.0.1/"}))["address"]
    changed = {"kind": "slack", "address": ADDRESSES["slack"]}
    assert "cannot be changed" in refusal(admin_api.patch(one, changed))["kind"]


def test_test__channel__answers_what_it_said(admin_api: APIClient, receiver: Receiver) -> None:
    channel = created(admin_api, address=receiver.url)
    receiver.answer = (403, b"who are you, s3cr3t?")
    reply = admin_api.post(f"{URL}/{channel['id']}/test").json()
    assert reply == {"is_ok": False, "said": "403 who are you, …?"}
    [received] = receiver.requests
    body = Webhook(channel["secret"]).verify(received.body, received.headers)
    assert body == {"type": "test", "data": {"channel": "Pipeline"}}


def test_rotate__webhook__signs_by_both_secrets(admin_api: APIClient, receiver: Receiver) -> None:
    channel = created(admin_api, address=receiver.url)
    rotated = admin_api.post(f"{URL}/{channel['id']}/rotate").json()
    assert rotated["secret"] not in ("", channel["secret"])
    admin_api.post(f"{URL}/{channel['id']}/test")
    [received] = receiver.requests
    for secret in (channel["secret"], rotated["secret"]):
        assert Webhook(secret).verify(received.body, received.headers)


def test_rotate__other_kind__is_refused(admin_api: APIClient) -> None:
    channel = created(admin_api, kind="slack", address=ADDRESSES["slack"])
    assert channel["secret"] == ""
    assert "webhook" in refusal(admin_api.post(f"{URL}/{channel['id']}/rotate"))["kind"]


def test_delete__channel_of_a_route__is_a_conflict(admin_api: APIClient) -> None:
    one = f"{URL}/{created(admin_api)['id']}"
    route = {"name": "All", "channels": [one.split("/")[-1]]}
    routed = admin_api.post("/api/v1/routes", route).json()
    response = admin_api.delete(one)
    assert (response.status_code, "All" in response.json()["detail"]) == (409, True)
    assert admin_api.delete(f"/api/v1/routes/{routed['id']}").status_code == 204
    assert admin_api.delete(one).status_code == 204


def test_channel__of_another_tenant__is_not_there(
    admin_api: APIClient, other_tenant: Tenant
) -> None:
    theirs = client_of(other_tenant.id, Role.ADMIN)
    one = f"{URL}/{created(admin_api)['id']}"
    assert theirs.get(URL).json()["results"] == []
    asked = [theirs.get(one), theirs.patch(one, {}), theirs.delete(one), theirs.post(f"{one}/test")]
    assert [each.status_code for each in asked] == [404] * 4
    assert theirs.post(f"{URL}/{uuid4()}/rotate").status_code == 404
