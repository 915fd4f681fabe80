"""Sign-ins and requests that were refused."""

import pytest
from django.test import Client
from rest_framework.test import APIClient

from drift_detector.tenancy.models import Tenant, User
from tests.drift_detector.audit.entries import entries_about, entries_of

LOGIN = "/admin/login/"


def test_sign_in__with_the_password__is_told(client: Client, staff: User, tenant: Tenant) -> None:
    client.post(LOGIN, {"username": "ana", "password": "correct horse battery"})
    last = entries_about(tenant.id, "users")[-1]
    assert (last["action"], last["actor_kind"], last["actor_id"]) == (
        "sign_in",
        "user",
        str(staff.pk),
    )
    assert last["address"] == "127.0.0.1"
    assert last["request_id"]


def test_sign_in__with_a_wrong_password__is_told_of_the_account(
    client: Client, staff: User, tenant: Tenant
) -> None:
    client.post(LOGIN, {"username": "ana", "password": "wrong canary"})
    last = entries_about(tenant.id, "users")[-1]
    assert (last["action"], last["actor_id"], last["object_id"]) == (
        "sign_in_failed",
        "web",
        str(staff.pk),
    )
    assert "canary" not in str(entries_of(tenant.id))


def test_sign_out__is_told(client: Client, staff: User, tenant: Tenant) -> None:
    client.force_login(staff)
    client.post("/admin/logout/")
    assert entries_about(tenant.id, "users")[-1]["action"] == "sign_out"


def test_request__without_the_right__is_told_as_refused(
    viewer_api: APIClient, tenant: Tenant
) -> None:
    assert viewer_api.post("/api/v1/monitors", {}).status_code == 403
    last = entries_of(tenant.id)[-1]
    assert (last["action"], last["actor_kind"], last["object_type"]) == (
        "refused",
        "key",
        "monitor-list",
    )


@pytest.mark.parametrize("address", ["/api/v1/monitors", "/api/v1/dashboard"])
def test_api__read_by_a_person__is_told(
    client: Client, staff: User, tenant: Tenant, address: str
) -> None:
    client.force_login(staff)
    assert client.get(address).status_code == 200
    last = entries_of(tenant.id)[-1]
    assert (last["action"], last["actor_id"]) == ("read", str(staff.pk))


def test_api__read_by_a_key__is_not_told(viewer_api: APIClient, tenant: Tenant) -> None:
    before = len(entries_of(tenant.id))
    assert viewer_api.get("/api/v1/monitors").status_code == 200
    assert len(entries_of(tenant.id)) == before
