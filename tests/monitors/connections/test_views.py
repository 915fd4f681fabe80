"""The API of connections: for admins, without a secret, one tenant at a time."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from drift_detector.tenancy.models import Role, Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import StoreConnection
from tests.conftest import client_of
from tests.monitors.connections.offered import OFFERED, make_connection

ADDRESS = "/api/v1/connections"
BODY = {"name": "Lake", "store": "s3://lake/acme", "credentials": "lake"}
SHOWN = {
    "id", "name", "store", "credentials", "endpoint", "region", "account", "removed_at", "created_by", "created_at",
    "updated_at",
}  # fmt: skip


@pytest.fixture(autouse=True)
def offered(override: Callable[..., None]) -> None:
    override(data=OFFERED)


def test_connection__its_whole_life__by_the_api(admin_api: APIClient) -> None:
    made = admin_api.post(ADDRESS, BODY)
    one = f"{ADDRESS}/{made.json()['id']}"
    assert (made.status_code, made.json().keys()) == (201, SHOWN)
    assert admin_api.patch(one, {"name": "Old"}).json()["name"] == "Old"
    assert admin_api.delete(one).status_code == 204
    assert admin_api.get(one).json()["removed_at"] is not None
    assert admin_api.patch(one, {"name": "New"}).status_code == 409
    assert admin_api.delete(one).status_code == 204
    assert admin_api.get(one).status_code == 200


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"region": "evil.example#"}, "region"),
        ({"region": "eu west"}, "region"),
        ({"store": "s3://lake/rival"}, "store"),
        ({"credentials": "rivals"}, "credentials"),
        ({"secrets": {"access_key": "env:PATH"}}, "secrets"),
        ({"name": ""}, "name"),
    ],
)
def test_connection__with_a_wrong_field__is_400_with_its_name(
    admin_api: APIClient, changed: dict[str, object], field: str
) -> None:
    answer = admin_api.post(ADDRESS, BODY | changed)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


def test_list__removed__finds_those_alone(admin_api: APIClient, tenant: Tenant) -> None:
    with tenant_scope(tenant.id):
        make_connection()
        make_connection(name="Old", store="s3://lake/acme/old").delete()
    answer = admin_api.get(ADDRESS, {"removed": "false"}).json()["results"]
    assert [each["name"] for each in answer] == ["Lake"]
    assert admin_api.get(ADDRESS, {"removed": "true"}).json()["results"] == []


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_connection__of_another_tenant__is_404(
    in_tenant: Tenant, other_tenant: Tenant, method: str
) -> None:
    made = make_connection()
    answer = getattr(client_of(other_tenant.id, Role.ADMIN), method)(f"{ADDRESS}/{made.id}", {})
    assert answer.status_code == 404
    assert StoreConnection.objects.get().removed_at is None
