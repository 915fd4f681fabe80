"""`/api/v1/budget`; what is expected and left is worked out by hand."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from alerts.models import Alert
from drift_detector.tenancy.models import Role, Tenant
from monitors.models import Monitor
from tests.conftest import client_of
from tests.factories import make_monitor

HOURLY = "0 * * * *"
HOURS = 30.4 * 24


@pytest.fixture
def monitor(in_tenant: Tenant) -> Monitor:
    return make_monitor(name="Flights", schedule_cron=HOURLY)


@pytest.fixture
def admin(in_tenant: Tenant) -> APIClient:
    return client_of(in_tenant.id, Role.ADMIN)


def opened(monitor: Monitor, reason: str = "", **fields: object) -> Alert:
    values: dict[str, object] = {"opened_at": timezone.now(), "phase": "resolved"} | fields
    return Alert.objects.create(
        tenant_id=monitor.tenant_id,
        monitor=monitor,
        severity="warning",
        acknowledged_reason=reason,
        resolved_at=timezone.now(),
        **values,
    )


def test_budget__nobody_has_set_one__is_the_installations(
    monitor: Monitor, viewer_api: APIClient
) -> None:
    found = viewer_api.get("/api/v1/budget").json()
    assert (found["false_alerts_per_month"], found["set_for"]) == (5.0, "installation")
    assert (found["monitors"], found["runs_per_month"]) == (1, pytest.approx(HOURS))
    assert found["expected"] == pytest.approx(5)
    assert found["per_monitor"][0]["opening_level"] == pytest.approx(5 / HOURS)


def test_budget__few_runs__expects_less_than_is_promised(
    in_tenant: Tenant, viewer_api: APIClient
) -> None:
    make_monitor(schedule_cron="0 0 * * 1")
    assert viewer_api.get("/api/v1/budget").json()["expected"] == pytest.approx(0.05 * 30.4 / 7)


def test_budget__alerts_of_the_month__count_by_their_reasons(
    monitor: Monitor, viewer_api: APIClient
) -> None:
    for reason in ("noise", "noise", "", "real", "expected", "data_bug"):
        opened(monitor, reason)
    opened(monitor, "noise", opened_at=timezone.now() - timedelta(days=30.5))
    opened(monitor, "noise", opened_at=None)  # was never more than pending
    opened(monitor, "noise", kind="health")
    opened(monitor, "noise", is_history=True)
    found = viewer_api.get("/api/v1/budget").json()
    assert [found[name] for name in ("spent", "unjudged", "confirmed", "left")] == [2, 1, 3, 3.0]


def test_budget__many_monitors__the_spender_comes_first(
    monitor: Monitor, viewer_api: APIClient
) -> None:
    spender = make_monitor(name="Spender", status="paused")
    opened(spender, "noise")
    first, second = viewer_api.get("/api/v1/budget").json()["per_monitor"]
    assert (first["monitor_name"], first["spent"], first["expected"]) == ("Spender", 1, 0.0)
    assert (second["monitor_name"], second["spent"]) == ("Flights", 0)


def test_budget__overspent__has_nothing_left(monitor: Monitor, admin: APIClient) -> None:
    opened(monitor, "noise")
    answer = admin.put("/api/v1/budget", {"false_alerts_per_month": 0.5}, format="json").json()
    assert (answer["left"], answer["spent"], answer["set_for"]) == (0.0, 1, "tenant")


def test_budget__of_a_model__holds_beside_the_tenants(monitor: Monitor, admin: APIClient) -> None:
    make_monitor(schedule_cron=HOURLY)
    url = f"/api/v1/models/{monitor.model_id}/budget"
    assert admin.get(url).json()["false_alerts_per_month"] is None
    set_ = admin.put(url, {"false_alerts_per_month": 1}, format="json").json()
    assert (set_["set_for"], set_["expected"], set_["monitors"]) == ("model", pytest.approx(1), 1)
    assert admin.get("/api/v1/budget").json()["expected"] == pytest.approx(1 + 2.5)
    assert admin.delete(url).status_code == 204
    assert admin.get(url).json()["expected"] == pytest.approx(2.5)


def test_budget__of_an_unknown_model__is_not_found(admin: APIClient) -> None:
    assert admin.get(f"/api/v1/models/{uuid4()}/budget").status_code == 404


@pytest.mark.parametrize("value", [0, -1, 1e7, "five", None, []])
def test_budget__wrong_number__is_refused_by_its_name(admin: APIClient, value: object) -> None:
    body = {"false_alerts_per_month": value}
    answer = admin.put("/api/v1/budget", body, format="json")
    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["errors"]] == ["false_alerts_per_month"]
