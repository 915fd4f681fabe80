"""Members and keys in the admin."""

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from drift_detector.tenancy import services
from drift_detector.tenancy.models import ApiKey, Membership, Role, Tenant, User
from drift_detector.tenancy.rights import SCOPES

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


@pytest.mark.parametrize("path", ["add/", "{}/delete/"])
@pytest.mark.usefixtures("as_admin")
def test_key_pages__adding_and_deleting__is_refused(
    signed_in: Client, key: tuple[ApiKey, str], path: str
) -> None:
    assert signed_in.get(KEYS + path.format(key[0].id)).status_code == 403


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
