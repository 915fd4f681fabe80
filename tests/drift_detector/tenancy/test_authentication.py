"""Who gets in, by RFC 6750 (bearer tokens) and RFC 9110 (401 comes with a challenge)."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from drift_detector.tenancy import services
from drift_detector.tenancy.models import ApiKey, Membership, Role, Tenant, User
from drift_detector.tenancy.rights import SCOPES
from drift_detector.tenancy.scope import tenant_scope
from tests.conftest import client_of
from tests.drift_detector.audit.entries import entries_of
from tests.factories import make_monitor, rows_of

URL = "/api/v1/monitors"


@pytest.fixture
def key(in_tenant: Tenant) -> str:
    return services.create_api_key(name="ci", scopes=SCOPES[Role.OPERATOR])[1]


def ask(authorization: str, url: str = URL) -> Any:
    return APIClient().get(url, HTTP_AUTHORIZATION=authorization)


def test_api_key__valid__lets_in(key: str) -> None:
    assert ask(f"Bearer {key}").status_code == 200


def test_api_key__scheme_in_another_case__lets_in(key: str) -> None:
    assert ask(f"bearer {key}").status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Token {}",
        "Basic {}",
        "{}",
        "Bearer",
        "Bearer x{}",
        "Bearer {}x",
        "Bearer adk_",
        "Bearer {} {}",
        "ApiKey {}",
    ],
)
def test_api_key__header_of_another_form__is_401_with_a_challenge(key: str, header: str) -> None:
    answer = ask(header.format(key, key))
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="api"')


def test_api_key__none__is_401_with_a_challenge(db: None) -> None:
    answer = APIClient().get(URL)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="api"')


def test_api_key__unknown__is_401(db: None) -> None:
    answer = ask("Bearer adk_" + "A" * 43)
    assert (answer.status_code, answer.json()["detail"]) == (
        401,
        "The API key is unknown, expired or revoked.",
    )


def test_api_key__not_ascii__is_401(db: None) -> None:
    assert ask("Bearer adk_\xff\x00é").status_code == 401


@pytest.mark.parametrize(
    "change", [{"revoked_at": timezone.now()}, {"expires_at": timezone.now() + timedelta(days=-1)}]
)
def test_api_key__revoked_or_expired__is_401(key: str, change: dict[str, Any]) -> None:
    long_ago = timezone.now() - timedelta(days=30)
    ApiKey.objects.update(created_at=long_ago, **change)
    assert ask(f"Bearer {key}").status_code == 401


def test_api_key__revoked_and_used__is_in_the_trail_of_its_tenant(tenant: Tenant, key: str) -> None:
    ApiKey.objects.update(revoked_at=timezone.now())
    assert ask(f"Bearer {key}").status_code == 401
    last = entries_of(tenant.id)[-1]
    [mine] = ApiKey.objects.all()
    assert (last["action"], last["object_type"]) == ("refused", "api_keys")
    assert (last["actor_id"], last["address"]) == (str(mine.id), "127.0.0.1")


def test_api_key__expires_in_the_future__lets_in(in_tenant: Tenant) -> None:
    in_an_hour = services.Lifetime(timezone.now() + timedelta(hours=1))
    _, key = services.create_api_key(name="ci", scopes=SCOPES[Role.VIEWER], lifetime=in_an_hour)
    assert ask(f"Bearer {key}").status_code == 200


def test_api_key__hash_presented_as_the_key__is_401(key: str) -> None:
    assert ask(f"Bearer adk_{sha256(key.encode()).hexdigest()}").status_code == 401


def test_api_key__stored__as_its_sha256_and_not_itself(committed_tenant: Tenant) -> None:
    with tenant_scope(committed_tenant.id):
        _, key = services.create_api_key(name="ci", scopes=SCOPES[Role.VIEWER])
    [(row, stored)] = rows_of(committed_tenant.id, "SELECT k::text, sha256 FROM drf_api_keys k")
    assert stored == sha256(key.encode()).hexdigest()
    assert key not in row
    assert key[12:] not in row


def test_api_key__two_made__are_long_and_differ(in_tenant: Tenant) -> None:
    keys = {services.create_api_key(name="ci", scopes=SCOPES[Role.VIEWER])[1] for _ in range(2)}
    assert len(keys) == 2
    assert all(key.startswith("adk_") and len(key) == 4 + 43 for key in keys)  # 256 bits in base64


def test_api_key__of_another_tenant__sees_only_its_own(
    api: APIClient, other_api: APIClient, in_tenant: Tenant
) -> None:
    make_monitor(name="Mine")
    assert [each["name"] for each in api.get(URL).json()["results"]] == ["Mine"]
    assert other_api.get(URL).json()["results"] == []


def test_api_key__looked_up__leaves_no_key_in_sight(committed_tenant: Tenant) -> None:
    client = client_of(committed_tenant.id)
    assert client.get(URL).status_code == 200
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    ("role", "status"), [(Role.VIEWER, 403), (Role.OPERATOR, 400), (Role.ADMIN, 400)]
)
def test_api_key__writing__needs_an_operator(tenant: Tenant, role: Role, status: int) -> None:
    assert client_of(tenant.id, role).post(URL, {}).status_code == status


@pytest.mark.parametrize("method", ["post", "patch", "delete"])
def test_api_key__viewer_changing_a_monitor__is_refused_and_changes_nothing(
    viewer_api: APIClient, in_tenant: Tenant, method: str
) -> None:
    monitor = make_monitor(name="Mine")
    url = URL if method == "post" else f"{URL}/{monitor.id}"
    assert getattr(viewer_api, method)(url, {"name": "Taken"}).status_code == 403
    monitor.refresh_from_db()
    assert monitor.name == "Mine"


def test_session__member__reads(client: Client, staff: User) -> None:
    client.force_login(staff)
    assert client.get(URL).status_code == 200


def test_session__writing_without_the_csrf_token__is_refused(staff: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    answer = client.post(URL, {}, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
    assert "CSRF" in answer.json()["detail"]


def test_session__writing_with_the_csrf_token__gets_as_far_as_the_fields(staff: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    client.get("/admin/")  # its page sets the cookie
    token = client.cookies["csrftoken"].value
    answer = client.post(URL, {}, content_type="application/json", headers={"X-CSRFToken": token})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "name")


def test_session__viewer__may_not_write(client: Client, staff: User, in_tenant: Tenant) -> None:
    Membership.objects.update(role=Role.VIEWER)
    client.force_login(staff)
    assert client.post(URL, {}, content_type="application/json").status_code == 403


@pytest.mark.django_db
def test_session__staff_without_a_tenant__is_not_let_in(client: Client) -> None:
    client.force_login(User.objects.create_user("eve", is_staff=True, is_superuser=True))
    assert client.get(URL).status_code == 401


def test_session__deactivated_member__is_not_let_in(client: Client, staff: User) -> None:
    client.force_login(staff)
    User.objects.update(is_active=False)
    assert client.get(URL).status_code == 401


def test_session__member_removed__is_not_let_in(
    client: Client, staff: User, in_tenant: Tenant
) -> None:
    client.force_login(staff)
    Membership.objects.all().delete()
    assert client.get(URL).status_code == 401


def test_session_and_wrong_key__the_key_decides(client: Client, staff: User) -> None:
    client.force_login(staff)
    assert client.get(URL, headers={"Authorization": "Bearer adk_wrong"}).status_code == 401
