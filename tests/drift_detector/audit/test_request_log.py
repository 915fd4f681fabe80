"""The line that each answered request leaves in the log."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import structlog
from django.test import Client
from rest_framework.test import APIClient
from structlog.testing import capture_logs

from drift_detector.observability import request_log
from drift_detector.tenancy.models import ApiKey, Tenant, User
from drift_detector.tenancy.scope import tenant_scope

ROUTE = "api/v1/monitors"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The lines that are logged while the test runs."""
    with capture_logs() as captured:
        monkeypatch.setattr(request_log, "log", structlog.get_logger())
        yield captured


def answered(lines: list[dict[str, Any]]) -> dict[str, Any]:
    [line] = [each for each in lines if each["event"] == "request_answered"]
    return line


def test_request__of_a_key__is_logged_with_ids_and_time(
    viewer_api: APIClient, tenant: Tenant, lines: list[dict[str, Any]]
) -> None:
    viewer_api.get(f"/{ROUTE}", {"status": "active"})
    with tenant_scope(tenant.id):
        key = ApiKey.objects.get()
    line = answered(lines)
    told = {
        "method": "GET",
        "route": ROUTE,
        "status": 200,
        "actor_kind": "key",
        "actor_id": str(key.id),
        "tenant_id": str(tenant.id),
    }
    assert told.items() <= line.items()
    assert 0 < line["seconds"] < 60


def test_request__of_a_person__is_logged_by_id(
    client: Client, staff: User, lines: list[dict[str, Any]]
) -> None:
    client.force_login(staff)
    client.get("/admin/")
    line = answered(lines)
    assert (line["actor_kind"], line["actor_id"]) == ("user", str(staff.pk))
    assert "ana" not in str(line)


def test_request__with_a_secret_in_its_address__is_logged_without_it(
    client: Client, db: None, lines: list[dict[str, Any]]
) -> None:
    client.get("/api/v1/adk_canary", {"key": "canary"})
    client.get(f"/{ROUTE}/{uuid4()}", {"api_key": "canary"})
    assert len(lines) >= 2
    assert "canary" not in str([each for each in lines if each["event"] == "request_answered"])
