"""`/api/v1/keys`: made, listed, rotated and revoked; by no one for another tenant, and with no more than one has."""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from drift_detector.tenancy.models import ApiKey, Role, Scope, Tenant
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import ENDLESS, Lifetime, create_api_key
from tests.conftest import client_of

URL = "/api/v1/keys"
NEW = {"name": "Pipeline", "scopes": ["outcomes:write"]}
ONE_MINUTE = timedelta(minutes=1)


def status_with(key: str) -> int:
    """The status of a request that any usable key of `alerts:write` gets as far as 404 with."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return int(client.post(f"/api/v1/alerts/{uuid4()}/comment", {"note": "x"}).status_code)


@pytest.fixture
def old(in_tenant: Tenant) -> tuple[ApiKey, str]:
    return create_api_key(name="Pager", scopes=[Scope.ALERTS_WRITE], lifetime=ENDLESS)


def ends_in(document: dict[str, Any], **time: int) -> bool:
    end = datetime.fromisoformat(document["expires_at"])
    return abs(end - timezone.now() - timedelta(**time)) < ONE_MINUTE


def test_create__answers_with_the_key_once(admin_api: APIClient, tenant: Tenant) -> None:
    answer = admin_api.post(URL, NEW)
    made = answer.json()
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
    assert made["prefix"] == made["key"][:12]
    with tenant_scope(tenant.id):
        stored = ApiKey.objects.get(id=made["id"])
    assert stored.sha256 == sha256(made["key"].encode()).hexdigest()
    assert stored.scopes == ["outcomes:write"]
    read = admin_api.get(f"{URL}/{made['id']}").json()
    assert read == {name: value for name, value in made.items() if name != "key"}


def test_create__no_end_asked_for__ends_in_a_year(admin_api: APIClient) -> None:
    assert ends_in(admin_api.post(URL, NEW).json(), days=365)


def test_create__end_of_the_setting__is_taken(
    admin_api: APIClient, override: Callable[..., None]
) -> None:
    override(keys={"days": 30})
    assert ends_in(admin_api.post(URL, NEW).json(), days=30)


def test_create__null_as_the_end__never_ends(admin_api: APIClient) -> None:
    assert admin_api.post(URL, NEW | {"expires_at": None}).json()["expires_at"] is None


@pytest.mark.parametrize("days", [-1, 0, 731, 100_000])
def test_create__end_past_or_too_far__is_400(admin_api: APIClient, days: int) -> None:
    end = (timezone.now() + timedelta(days=days)).isoformat()
    answer = admin_api.post(URL, NEW | {"expires_at": end})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "expires_at")


@pytest.mark.parametrize(
    ("field", "value"),
    [("scopes", []), ("scopes", ["root"]), ("scopes", "admin"), ("name", ""), ("name", "n" * 101),
     ("tenant_id", "5a7e6d0c-6f0b-4a53-9f8e-2f1c3a9d4b10"), ("sha256", "0" * 64), ("key", "adk_mine")],
)  # fmt: skip
def test_create__wrong_field__is_400_and_makes_nothing(
    admin_api: APIClient, in_tenant: Tenant, field: str, value: Any
) -> None:
    answer = admin_api.post(URL, NEW | {field: value})
    assert (answer.status_code, answer.json()["errors"][0]["field"][: len(field)]) == (400, field)
    assert not ApiKey.objects.filter(name="Pipeline").exists()


def test_create__scope_that_the_caller_lacks__is_403(in_tenant: Tenant) -> None:
    _, key = create_api_key(name="only admin", scopes=[Scope.ADMIN, Scope.RUNS_WRITE])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    assert client.post(URL, NEW | {"scopes": ["runs:write"]}).status_code == 201
    answer = client.post(URL, NEW | {"scopes": ["runs:write", "monitors:read"]})
    assert answer.status_code == 403
    assert "monitors:read" in answer.json()["detail"]


def test_rotate__key_with_more_than_the_caller_has__is_403(
    old: tuple[ApiKey, str], in_tenant: Tenant
) -> None:
    _, key = create_api_key(name="only admin", scopes=[Scope.ADMIN])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    assert client.post(f"{URL}/{old[0].id}/rotate", {}).status_code == 403
    old[0].refresh_from_db()
    assert (old[0].expires_at, old[0].successor_id) == (None, None)


def test_create__over_the_quota__is_429(
    admin_api: APIClient, in_tenant: Tenant, override: Callable[..., None]
) -> None:
    override(quotas={"keys": 1})
    assert admin_api.post(URL, NEW).json()["quota"]["quota"] == "keys"


def test_quota__expired_and_revoked_keys__count_no_more(
    in_tenant: Tenant, override: Callable[..., None]
) -> None:
    override(quotas={"keys": 1})
    for ended in ({"revoked_at": timezone.now()}, {"expires_at": timezone.now()}):
        key, _ = create_api_key(name="ended", scopes=[Scope.ADMIN])
        ApiKey.objects.filter(id=key.id).update(created_at=timezone.now() - ONE_MINUTE, **ended)
    create_api_key(name="one more", scopes=[Scope.ADMIN])


def test_rotate__both_keys_work_until_the_overlap_ends(
    admin_api: APIClient, old: tuple[ApiKey, str]
) -> None:
    made = admin_api.post(f"{URL}/{old[0].id}/rotate", {}).json()
    assert (made["name"], made["scopes"]) == ("Pager", ["alerts:write"])
    assert (status_with(old[1]), status_with(made["key"])) == (404, 404)
    before = admin_api.get(f"{URL}/{old[0].id}").json()
    assert before["successor_id"] == made["id"]
    assert ends_in(before, days=7)
    ApiKey.objects.filter(id=old[0].id).update(expires_at=timezone.now(), created_at=made_before())
    assert (status_with(old[1]), status_with(made["key"])) == (401, 404)


def made_before() -> datetime:
    return timezone.now() - timedelta(days=1)


def test_rotate__without_overlap__ends_the_old_key_at_once(
    admin_api: APIClient, old: tuple[ApiKey, str]
) -> None:
    made = admin_api.post(f"{URL}/{old[0].id}/rotate", {"overlap": "PT0S"}).json()
    assert (status_with(old[1]), status_with(made["key"])) == (401, 404)


def test_rotate__without_overlap__fits_into_a_full_quota(
    admin_api: APIClient, old: tuple[ApiKey, str], override: Callable[..., None]
) -> None:
    override(quotas={"keys": 2})
    assert admin_api.post(f"{URL}/{old[0].id}/rotate", {}).status_code == 429
    old[0].refresh_from_db()
    assert old[0].expires_at is None
    assert admin_api.post(f"{URL}/{old[0].id}/rotate", {"overlap": "PT0S"}).status_code == 201


def test_rotate__key_that_ends_sooner__is_not_prolonged(
    admin_api: APIClient, in_tenant: Tenant
) -> None:
    soon = Lifetime(timezone.now() + timedelta(hours=1))
    key, _ = create_api_key(name="short", scopes=[Scope.ALERTS_WRITE], lifetime=soon)
    assert admin_api.post(f"{URL}/{key.id}/rotate", {"overlap": "P7D"}).status_code == 201
    assert ends_in(admin_api.get(f"{URL}/{key.id}").json(), hours=1)


@pytest.mark.parametrize("overlap", ["P91D", "7", ""])
def test_rotate__overlap_that_is_none__is_400(
    admin_api: APIClient, old: tuple[ApiKey, str], overlap: str
) -> None:
    answer = admin_api.post(f"{URL}/{old[0].id}/rotate", {"overlap": overlap})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "overlap")


def test_rotate__twice__is_409(admin_api: APIClient, old: tuple[ApiKey, str]) -> None:
    assert admin_api.post(f"{URL}/{old[0].id}/rotate", {}).status_code == 201
    assert admin_api.post(f"{URL}/{old[0].id}/rotate", {}).status_code == 409


def test_rotate__revoked__is_409(admin_api: APIClient, old: tuple[ApiKey, str]) -> None:
    admin_api.post(f"{URL}/{old[0].id}/revoke")
    assert admin_api.post(f"{URL}/{old[0].id}/rotate", {}).status_code == 409


def test_revoke__again__keeps_the_first_moment(
    admin_api: APIClient, old: tuple[ApiKey, str]
) -> None:
    first = admin_api.post(f"{URL}/{old[0].id}/revoke")
    assert (first.status_code, first.json()["state"], status_with(old[1])) == (200, "revoked", 401)
    assert admin_api.post(f"{URL}/{old[0].id}/revoke").json() == first.json()


@pytest.mark.parametrize(("method", "act"), [("get", ""), ("post", "/rotate"), ("post", "/revoke")])
def test_key__of_another_tenant__is_404_and_unchanged(
    old: tuple[ApiKey, str], other_tenant: Tenant, method: str, act: str
) -> None:
    theirs = client_of(other_tenant.id, Role.ADMIN)
    assert getattr(theirs, method)(f"{URL}/{old[0].id}{act}").status_code == 404
    assert str(old[0].id) not in {each["id"] for each in theirs.get(URL).json()["results"]}
    assert status_with(old[1]) == 404


def test_list__by_state__finds_what_the_clock_says(admin_api: APIClient, in_tenant: Tenant) -> None:
    now = timezone.now()
    ends = {"usable": now + timedelta(days=31), "expires_soon": now + timedelta(days=29),
            "expired": now - timedelta(seconds=1)}  # fmt: skip
    for name, end in ends.items():
        key, _ = create_api_key(name=name, scopes=[Scope.ADMIN])
        ApiKey.objects.filter(id=key.id).update(expires_at=end, created_at=made_before())
    key, _ = create_api_key(name="revoked", scopes=[Scope.ADMIN], lifetime=ENDLESS)
    ApiKey.objects.filter(id=key.id).update(revoked_at=now)
    for state in (*ends, "revoked"):
        found = admin_api.get(URL, {"state": state}).json()["results"]
        names = {each["name"] for each in found} - {"test-admin"}
        assert (names, {each["state"] for each in found}) == ({state}, {state})


def test_list__pages_and_unknown_filters__are_as_elsewhere(
    admin_api: APIClient, old: tuple[ApiKey, str]
) -> None:
    page = admin_api.get(URL, {"page_size": 1}).json()
    assert len(page["results"]) == 1
    assert admin_api.get(page["next"]).json()["results"] != page["results"]
    assert admin_api.get(URL, {"state": "dead"}).status_code == 400
    assert admin_api.get(URL, {"stat": "usable"}).status_code == 400


def test_key__without_an_end_of_before__is_listed_as_such(
    admin_api: APIClient, old: tuple[ApiKey, str]
) -> None:
    [listed] = admin_api.get(URL, {"name": "Pager"}).json()["results"]
    assert (listed["expires_at"], listed["state"]) == (None, "usable")
