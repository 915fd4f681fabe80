from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from alerts.models import Alert
from drift_detector.events.models import OutboxEvent
from tests.alerts.conftest import Settle
from tests.factories import make_monitor

ALERTS = "/api/v1/alerts"


@pytest.fixture
def alert(settle: Settle) -> Alert:
    settle(3, "drift", "critical")
    return Alert.objects.get()


@pytest.fixture
def resolved(settle: Settle) -> Alert:
    """Another monitor's alert: info, resolved."""
    other = make_monitor()
    settle(3, "drift", "info", other)
    settle(4, "ok", of=other)
    return Alert.objects.get(monitor=other)


def acknowledge(api: APIClient, alert: Alert, **body: Any) -> Any:
    return api.post(f"{ALERTS}/acknowledge/{alert.id}", body)


def ids(api: APIClient, **query: Any) -> list[str]:
    answer = api.get(ALERTS, query)
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_get_alert__open__shows_the_episode(api: APIClient, alert: Alert) -> None:
    found = api.get(f"{ALERTS}/{alert.id}").json()
    assert (found["monitor_name"], found["severity"], found["status"]) == (
        "Flights",
        "critical",
        "open",
    )
    assert (found["monitor_id"], found["first_run_id"]) == (
        str(alert.monitor_id),
        str(alert.first_run_id),
    )
    assert found["drifted_features"][0]["feature"] == "delay"


@pytest.mark.parametrize(
    "query",
    [
        lambda alert: {"monitor": alert.monitor_id},
        lambda alert: {"severity": "critical"},
        lambda alert: {"status": "open"},
        lambda alert: {"run": alert.first_run_id},
        lambda alert: {"until": Alert.objects.exclude(id=alert.id).get().created_at.isoformat()},
    ],
)
def test_list_alerts__filter__finds_the_alert_only(
    api: APIClient, alert: Alert, resolved: Alert, query: Callable[[Alert], dict[str, Any]]
) -> None:
    assert ids(api, **query(alert)) == [str(alert.id)]


@pytest.mark.parametrize(("acknowledged", "is_found"), [("true", True), ("false", False)])
def test_list_alerts__acknowledged__by_it(
    api: APIClient, alert: Alert, acknowledged: str, is_found: bool
) -> None:
    acknowledge(api, alert)
    assert (str(alert.id) in ids(api, acknowledged=acknowledged)) is is_found


@pytest.mark.parametrize(
    ("field", "value"), [("severity", "meh"), ("status", "shut"), ("run", "1"), ("since", "x")]
)
def test_list_alerts__bad_filter__names_the_field(
    api: APIClient, alert: Alert, field: str, value: str
) -> None:
    answer = api.get(ALERTS, {field: value})
    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["errors"]] == [field]


def test_list_alerts__pages__cover_everything_once_newest_first(
    api: APIClient, settle: Settle
) -> None:
    for _ in range(5):
        settle(3, of=make_monitor())
    first = api.get(ALERTS, {"page_size": 3}).json()
    second = api.get(first["next"]).json()
    found = [row["id"] for row in first["results"] + second["results"]]
    assert found == [
        str(each) for each in Alert.objects.order_by("-created_at").values_list("id", flat=True)
    ]
    assert second["next"] is None


def test_list_alerts__ten_times_the_alerts__same_number_of_queries(
    api: APIClient, settle: Settle
) -> None:
    counts = []
    for more in (1, 9):
        for _ in range(more):
            settle(3, of=make_monitor())
        with CaptureQueriesContext(connection) as queries:
            api.get(ALERTS)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_acknowledge__open_alert__answers_it_with_who_and_when(
    api: APIClient, alert: Alert
) -> None:
    answer = acknowledge(api, alert, note="Looking into it.")
    assert answer.status_code == 200
    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.note, alert.status) == (
        "key:test-operator",
        "Looking into it.",
        "acknowledged",
    )
    assert alert.acknowledged_at is not None
    assert answer.json()["acknowledged_at"] == alert.acknowledged_at.isoformat().replace(
        "+00:00", "Z"
    )
    assert answer.json() == api.get(f"{ALERTS}/{alert.id}").json()


def test_acknowledge__without_a_note__is_fine(api: APIClient, alert: Alert) -> None:
    assert acknowledge(api, alert).json()["note"] == ""


def test_acknowledge__twice__is_409_and_unchanged(api: APIClient, alert: Alert) -> None:
    acknowledge(api, alert, note="First.")
    before = Alert.objects.values().get()
    answer = acknowledge(api, alert, note="Second.")
    assert answer.status_code == 409
    assert "Already acknowledged by key:test-operator at" in answer.json()["detail"]
    assert Alert.objects.values().get() == before


def test_acknowledge__long_note__names_the_field_and_changes_nothing(
    api: APIClient, alert: Alert
) -> None:
    answer = acknowledge(api, alert, note="x" * 5001)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "note")
    assert Alert.objects.get().acknowledged_at is None


def test_acknowledge__longest_note__is_kept(api: APIClient, alert: Alert) -> None:
    acknowledge(api, alert, note="x" * 5000)
    assert len(Alert.objects.get().note) == 5000


@pytest.mark.parametrize("note", ["a\x00b", {"a": 1}, None, ["x"]])
def test_acknowledge__note_of_another_kind__is_400(api: APIClient, alert: Alert, note: Any) -> None:
    assert acknowledge(api, alert, note=note).status_code == 400
    assert Alert.objects.get().acknowledged_at is None


def test_acknowledge__viewer__is_403(viewer_api: APIClient, alert: Alert) -> None:
    assert acknowledge(viewer_api, alert).status_code == 403
    assert Alert.objects.get().acknowledged_at is None


def test_acknowledge__other_tenant__is_404(other_api: APIClient, alert: Alert) -> None:
    assert acknowledge(other_api, alert).status_code == 404
    assert Alert.objects.get().acknowledged_at is None


def test_acknowledge__unknown__is_404(api: APIClient) -> None:
    assert api.post(f"{ALERTS}/acknowledge/{uuid4()}").status_code == 404


def test_alerts__other_tenant__sees_nothing(other_api: APIClient, alert: Alert) -> None:
    assert ids(other_api) == []
    assert other_api.get(f"{ALERTS}/{alert.id}").status_code == 404


def test_acknowledge__is_no_event__consumers_hear_of_drift_only(
    api: APIClient, alert: Alert
) -> None:
    before = OutboxEvent.objects.count()
    acknowledge(api, alert)
    assert OutboxEvent.objects.count() == before


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_alert__writing_to_it__is_not_offered(api: APIClient, alert: Alert, method: str) -> None:
    assert getattr(api, method)(f"{ALERTS}/{alert.id}").status_code == 405


def test_list_alerts__run_in_the_middle_of_an_episode__finds_its_alert(
    api: APIClient, settle: Settle
) -> None:
    _, middle, _ = (settle(week, "drift") for week in (2, 3, 4))
    last, calm = settle(5, "ok"), settle(6, "ok")
    assert ids(api, run=middle.id) == ids(api, run=last.id) == [str(Alert.objects.get().id)]
    assert ids(api, run=calm.id) == ids(api, run=uuid4()) == []
