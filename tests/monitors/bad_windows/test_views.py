"""The API of bad windows."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.bad_windows import services
from monitors.models import BadWindow, Monitor
from tests.data import TIMESTAMPS
from tests.factories import make_monitor
from tests.run_fixtures import monitor

__all__ = ["monitor"]

BODY = {
    "window_start": "2024-02-05T00:00:00Z",
    "window_end": "2024-02-06T00:00:00Z",
    "reason": "The load was cut off.",
}


def url(monitor: Monitor) -> str:
    return f"/api/v1/monitors/{monitor.id}/bad-windows"


def one(row_id: Any) -> str:
    return f"/api/v1/bad-windows/{row_id}"


def test_bad_window__its_whole_life__by_the_api(api: APIClient, monitor: Monitor) -> None:
    made = api.post(url(monitor), BODY)
    assert made.status_code == 201, made.content
    assert made.json() == BODY | {
        "id": made.json()["id"],
        "monitor_id": str(monitor.id),
        "episode": None,
        "created_by": "key:test-operator",
        "created_at": made.json()["created_at"],
    }
    assert api.get(url(monitor)).json()["results"] == [made.json()]
    assert api.delete(one(made.json()["id"])).status_code == 204
    assert api.delete(one(made.json()["id"])).status_code == 404
    assert not BadWindow.objects.exists()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"window_end": BODY["window_start"]}, "window_end"),
        ({"window_start": "yesterday"}, "window_start"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": None}, "reason"),
        ({"severity": "info"}, "severity"),
    ],
)
def test_mark__wrong_field__is_named_and_nothing_is_written(
    api: APIClient, monitor: Monitor, changed: dict[str, Any], field: str
) -> None:
    answer = api.post(url(monitor), BODY | changed)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
    assert not BadWindow.objects.exists()


def test_mark__too_many__is_refused(
    api: APIClient, monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MOST_BAD_WINDOWS", 1)
    assert api.post(url(monitor), BODY).status_code == 201
    assert api.post(url(monitor), BODY).status_code == 400


def test_viewer__may_read_and_not_mark(viewer_api: APIClient, monitor: Monitor) -> None:
    assert viewer_api.get(url(monitor)).status_code == 200
    assert viewer_api.post(url(monitor), BODY).status_code == 403


def test_other_tenant__sees_nothing_and_removes_nothing(
    api: APIClient, other_api: APIClient, monitor: Monitor
) -> None:
    made = api.post(url(monitor), BODY).json()
    assert other_api.get(url(monitor)).status_code == 404
    assert other_api.post(url(monitor), BODY).status_code == 404
    assert other_api.delete(one(made["id"])).status_code == 404
    assert BadWindow.objects.count() == 1


def test_list__of_one_monitor__is_its_own_the_latest_first(api: APIClient, tenant: Tenant) -> None:
    with tenant_scope(tenant.id):
        ours, others = make_monitor(), make_monitor()
        for start in TIMESTAMPS:
            services.mark_bad(
                monitor=ours, start=start, end=start + timedelta(days=1), reason="", by="key:test"
            )
    found = api.get(url(ours)).json()["results"]
    assert [each["window_start"][:10] for each in found] == [
        "2024-01-22", "2024-01-15", "2024-01-08", "2024-01-01",
    ]  # fmt: skip
    assert api.get(url(others)).json()["results"] == []
