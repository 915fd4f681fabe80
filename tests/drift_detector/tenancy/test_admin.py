"""Members and keys in the admin."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient
from structlog.testing import capture_logs

from drift_detector.tenancy import services
from drift_detector.tenancy.models import ApiKey, Membership, Role, Scope, Tenant, User
from drift_detector.tenancy.rights import SCOPES
from drift_detector.tenancy.scope import tenant_scope

KEYS = "/admin/tenancy/apikey/"


@pytest.fixture
def key(in_tenant: Tenant) -> tuple[ApiKey, str]:
    return services.create_api_key(name="ci", scopes=SCOPES[Role.VIEWER])


@pytest.fixture
def signed_in(client: Client, staff: User) -> Client:
    client.force_login(staff)
    return client


def revoke(client: Client, key: ApiKey) -> None:
    client.post(KEYS, {"action": "revoke_selected", "_selected_action": [key.id]})


@pytest.fixture
def as_admin(in_tenant: Tenant, staff: User) -> None:
    Membership.objects.update(role=Role.ADMIN)


@pytest.mark.usefixtures("as_admin")
def test_revoke_selected__by_an_admin__closes_the_api(
    signed_in: Client, key: tuple[ApiKey, str]
) -> None:
    revoke(signed_in, key[0])
    assert (
        APIClient().get("/api/v1/monitors", HTTP_AUTHORIZATION=f"Bearer {key[1]}").status_code
        == 401
    )


def test_revoke_selected__by_an_operator__does_nothing(
    signed_in: Client, key: tuple[ApiKey, str]
) -> None:
    revoke(signed_in, key[0])
    key[0].refresh_from_db()
    assert key[0].revoked_at is None


@pytest.mark.usefixtures("as_admin")
def test_revoke_selected__twice__keeps_the_first_time(
    signed_in: Client, key: tuple[ApiKey, str]
) -> None:
    revoke(signed_in, key[0])
    first = ApiKey.objects.get().revoked_at
    revoke(signed_in, key[0])
    assert first is not None
    assert ApiKey.objects.get().revoked_at == first


@pytest.mark.usefixtures("as_admin")
@pytest.mark.parametrize("page", [KEYS, KEYS + "{}/change/"])
def test_key_pages__for_an_admin__never_show_the_hash_or_the_key(
    signed_in: Client, key: tuple[ApiKey, str], page: str
) -> None:
    text = signed_in.get(page.format(key[0].id)).content.decode()
    assert key[0].prefix in text
    assert key[0].sha256 not in text
    assert key[1] not in text


@pytest.mark.parametrize(
    ("field", "words"),
    [(None, "usable"), ("revoked_at", "revoked: requests"), ("expires_at", "expired: requests")],
)
def test_key_page__state_and_rights__are_words(
    signed_in: Client, key: tuple[ApiKey, str], field: str | None, words: str
) -> None:
    if field is not None:
        ApiKey.objects.update(**{field: timezone.now()})
    page = signed_in.get(f"{KEYS}{key[0].id}/change/").content.decode()
    assert words in page
    assert "read everything" in page


@pytest.mark.usefixtures("as_admin")
def test_key_pages__deleting__is_refused(signed_in: Client, key: tuple[ApiKey, str]) -> None:
    assert signed_in.get(f"{KEYS}{key[0].id}/delete/").status_code == 403


@pytest.mark.parametrize("path", ["add/", "{}/rotate/", "{}/revoke/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_key_pages__of_an_operator__are_refused(
    signed_in: Client, key: tuple[ApiKey, str], path: str, method: str
) -> None:
    assert getattr(signed_in, method)(KEYS + path.format(key[0].id)).status_code == 403
    assert [each.state.value for each in ApiKey.objects.all()] == ["usable"]


def shown_key(page: Any) -> str:
    [found] = re.findall(r"adk_[\w-]{43}", page.content.decode())
    return str(found)


def status_with(key: str) -> int:
    return int(APIClient().get("/api/v1/monitors", HTTP_AUTHORIZATION=f"Bearer {key}").status_code)


@pytest.mark.usefixtures("as_admin")
def test_new_key_page__made__shows_the_key_once_and_keeps_it_nowhere(
    signed_in: Client, in_tenant: Tenant
) -> None:
    form = {"name": "ci", "scopes": ["monitors:read"], "days": 30}
    with capture_logs() as logs:
        page = signed_in.post(f"{KEYS}add/", form)
    made = shown_key(page)
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    assert status_with(made) == 200
    assert made not in str([dict(signed_in.session), logs, signed_in.cookies])
    assert made not in signed_in.get(KEYS).content.decode()
    assert not LogEntry.objects.exists()


@pytest.mark.usefixtures("as_admin")
def test_new_key_page__never_expires__must_be_asked_for(
    signed_in: Client, in_tenant: Tenant
) -> None:
    form = {"name": "ci", "scopes": ["monitors:read"]}
    assert "needs a number of days" in signed_in.post(f"{KEYS}add/", form).content.decode()
    assert not ApiKey.objects.exists()
    signed_in.post(f"{KEYS}add/", form | {"never_expires": "on"})
    assert ApiKey.objects.get().expires_at is None


@pytest.mark.usefixtures("as_admin")
@pytest.mark.parametrize("form", [{"days": 731}, {"days": 0}, {"scopes": ["root"]}, {"name": ""}])
def test_new_key_page__wrong_field__says_so_and_makes_nothing(
    signed_in: Client, in_tenant: Tenant, form: dict[str, Any]
) -> None:
    right = {"name": "ci", "scopes": ["monitors:read"], "days": 30}
    assert signed_in.post(f"{KEYS}add/", right | form).status_code == 200
    assert not ApiKey.objects.exists()


@pytest.mark.usefixtures("as_admin")
def test_rotate_page__old_and_new_key__both_work(
    signed_in: Client, key: tuple[ApiKey, str]
) -> None:
    address = f"{KEYS}{key[0].id}/rotate/"
    assert signed_in.get(address).status_code == 200
    page = signed_in.post(address, {"overlap_days": 7, "days": 365})
    assert (status_with(shown_key(page)), status_with(key[1])) == (200, 200)
    again = signed_in.post(address, {"overlap_days": 7, "days": 365})
    assert "has a successor already" in again.content.decode()


@pytest.mark.usefixtures("as_admin")
def test_revoke_page__asks_before_it_revokes(signed_in: Client, key: tuple[ApiKey, str]) -> None:
    address = f"{KEYS}{key[0].id}/revoke/"
    assert "cannot be undone" in signed_in.get(address).content.decode()
    assert status_with(key[1]) == 200
    signed_in.post(address)
    assert status_with(key[1]) == 401


@pytest.mark.usefixtures("as_admin")
@pytest.mark.parametrize("act", ["rotate", "revoke"])
def test_key_page__of_another_tenant__is_404(
    signed_in: Client, other_tenant: Tenant, act: str
) -> None:
    with tenant_scope(other_tenant.id):
        theirs, text = services.create_api_key(name="theirs", scopes=[Scope.MONITORS_READ])
    form = {"overlap_days": 0, "days": 30}
    assert signed_in.post(f"{KEYS}{theirs.id}/{act}/", form).status_code == 404
    assert status_with(text) == 200


def test_key_list__filter_by_state__finds_those(signed_in: Client, key: tuple[ApiKey, str]) -> None:
    assert key[0].prefix in signed_in.get(KEYS, {"state": "usable"}).content.decode()
    assert key[0].prefix not in signed_in.get(KEYS, {"state": "revoked"}).content.decode()


@pytest.mark.parametrize(
    ("role", "expected"), [(Role.ADMIN, "viewer"), (Role.OPERATOR, "operator")]
)
def test_membership__role_changed__is_for_admins(
    signed_in: Client, in_tenant: Tenant, role: Role, expected: str
) -> None:
    other = User.objects.create_user("bob")
    theirs = services.add_member(user=other, role=Role.OPERATOR)
    Membership.objects.exclude(id=theirs.id).update(role=role)
    signed_in.post(f"/admin/tenancy/membership/{theirs.id}/change/", {"role": "viewer"})
    theirs.refresh_from_db()
    assert theirs.role == expected


def test_add_member__again__changes_the_role(in_tenant: Tenant, staff: User) -> None:
    services.add_member(user=staff, role=Role.ADMIN)
    assert Membership.objects.get().role == Role.ADMIN
