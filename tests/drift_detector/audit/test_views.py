"""`GET /api/v1/audit` and the list of the admin."""

import csv
import io
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from drift_detector.tenancy.models import ApiKey, Membership, Role, Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from tests.conftest import client_of
from tests.factories import make_monitor

AUDIT = "/api/v1/audit"
LIST = "/admin/audit/auditentry/"


@pytest.fixture
def changed(tenant: Tenant, admin_api: APIClient) -> str:
    """A monitor that the admin's key has renamed."""
    with tenant_scope(tenant.id):
        monitor_id = str(make_monitor(name="Before").id)
    assert admin_api.patch(f"/api/v1/monitors/{monitor_id}", {"name": "After"}).status_code == 200
    return monitor_id


def found(api: APIClient, **query: str) -> list[dict[str, Any]]:
    answer = api.get(AUDIT, query)
    assert answer.status_code == 200, answer.content
    return list(answer.json()["results"])


def test_audit__a_change__is_listed_with_the_name_of_its_key(
    admin_api: APIClient, tenant: Tenant, changed: str
) -> None:
    entry = found(admin_api)[0]
    with tenant_scope(tenant.id):
        key = ApiKey.objects.get(name="test-admin")
    told = {
        "actor_kind": "key",
        "actor_id": str(key.id),
        "actor_name": "test-admin",
        "action": "update",
        "object_type": "monitors",
        "object_id": changed,
        "before": {"name": "Before"},
        "after": {"name": "After"},
        "address": "127.0.0.1",
    }
    assert told.items() <= entry.items()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_audit__without_the_scope_admin__is_refused(tenant: Tenant, role: Role) -> None:
    assert client_of(tenant.id, role).get(AUDIT).status_code == 403


def test_audit__of_another_tenant__is_not_there(
    tenant: Tenant, other_tenant: Tenant, changed: str
) -> None:
    theirs = found(client_of(other_tenant.id, Role.ADMIN))
    assert changed not in {each["object_id"] for each in theirs}


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ({"actor_kind": "key"}, True),
        ({"actor_kind": "user"}, False),
        ({"action": "update"}, True),
        ({"action": "delete"}, False),
        ({"object_type": "monitors"}, True),
        ({"object_type": "runs"}, False),
        ({"since": "2020-01-01T00:00:00Z"}, True),
        ({"until": "2020-01-01T00:00:00Z"}, False),
    ],
)
def test_audit__filters__narrow_the_list(
    admin_api: APIClient, changed: str, query: dict[str, str], is_found: bool
) -> None:
    shown = [each["object_id"] for each in found(admin_api, **query) if each["action"] == "update"]
    assert (changed in shown) is is_found


def test_audit__pages__follow_each_other(admin_api: APIClient, changed: str) -> None:
    whole = [each["id"] for each in found(admin_api)]
    answer, paged = admin_api.get(AUDIT, {"page_size": 1}).json(), []
    while answer["next"]:
        paged += [each["id"] for each in answer["results"]]
        answer = admin_api.get(answer["next"]).json()
    assert paged + [each["id"] for each in answer["results"]] == whole
    assert len(whole) >= 3


@pytest.mark.parametrize(
    "query", [{"action": "stolen"}, {"since": "x"}, {"colour": "red"}, {"cursor": "x"}]
)
def test_audit__query_that_means_nothing__is_refused(
    admin_api: APIClient, query: dict[str, str]
) -> None:
    assert admin_api.get(AUDIT, query).status_code == 400


@pytest.fixture
def admin(client: Client, staff: User, tenant: Tenant) -> Client:
    with tenant_scope(tenant.id):
        Membership.objects.update(role=Role.ADMIN)
    client.force_login(staff)
    return client


def test_list__of_the_admin__shows_who_did_what(admin: Client, changed: str) -> None:
    page = admin.get(LIST).content.decode()
    assert "key test-admin" in page
    assert changed in page


def test_list__of_the_admin__leads_to_an_entry(
    admin: Client, admin_api: APIClient, changed: str
) -> None:
    entry = found(admin_api)[0]["id"]
    page = admin.get(f"{LIST}{entry}/change/").content.decode()
    assert "After" in page


def test_list__of_the_admin__is_exported(admin: Client, changed: str) -> None:
    answer: Any = admin.get(f"{LIST}export/csv")
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    [row] = [each for each in rows if (each["action"], each["object_id"]) == ("update", changed)]
    assert "After" in row["after"]


def test_list__member_who_is_no_admin__is_refused(
    client: Client, staff: User, changed: str
) -> None:
    client.force_login(staff)
    assert client.get(LIST).status_code == 403
    assert LIST not in client.get("/admin/").content.decode()


def test_list__entry__can_not_be_changed_or_removed(
    admin: Client, admin_api: APIClient, changed: str
) -> None:
    entry = found(admin_api)[0]["id"]
    assert admin.post(f"{LIST}{entry}/change/", {"action": "x"}).status_code == 403
    assert admin.post(f"{LIST}{entry}/delete/", {"post": "yes"}).status_code == 403
    assert admin.get(f"{LIST}add/").status_code == 403
