"""Looking at the past never changes the present: what-if rows, runs over past windows, backfills."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from alerts.models import Alert, AlertEvent, AlertRun
from alerts.workflow import services
from algorithms.verdicts import Verdict
from detections.ledger.runs import request_backfill, request_run
from detections.models import DetectionRun
from detections.results import RunResult
from detections.runs.completion import complete_run
from drift_detector.events.models import OutboxEvent
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from monitors.sources import table_from_columns, table_to_bytes
from tests.alerts.conftest import Settle, result_of
from tests.data import TIMESTAMPS
from tests.factories import WEEK, make_monitor, make_run, plain_result, take

type Ask = Callable[..., DetectionRun]
PAST = (TIMESTAMPS[0], TIMESTAMPS[0] + WEEK)
ROWS = table_to_bytes(table_from_columns({"delay": [1.0, 2.0]}))


@pytest.fixture
def monitor(in_tenant: Tenant) -> Monitor:
    return make_monitor(name="Flights")


@pytest.fixture
def ask(monitor: Monitor) -> Ask:
    """Ask for a run and let it end as critical: `ask(window=PAST)`, `ask(inline_data=ROWS)`."""

    def ask_and_settle(verdict: str = "drift", **request: Any) -> DetectionRun:
        run = request_run(monitor=monitor, requested_by="key:test", **request)
        assert complete_run(take(run), result_of(monitor, verdict, "critical"))
        return run

    return ask_and_settle


def everything() -> list[Any]:
    """All that people and programs could notice."""
    alerts = list(Alert.objects.order_by("id").values())
    return [
        alerts,
        AlertEvent.objects.count(),
        AlertRun.objects.count(),
        OutboxEvent.objects.count(),
    ]


def test_run__past_window_of_an_acknowledged_alert__changes_nothing(
    settle: Settle, ask: Ask
) -> None:
    settle(3, "drift", "warning")
    services.acknowledge(alert_id=Alert.objects.get().id, by="user:ana", note="On it.")
    before = everything()
    ask(window=PAST)
    assert everything() == before


def test_run__past_window_asked_to_alert__leaves_the_open_episode_alone(
    settle: Settle, ask: Ask
) -> None:
    settle(3, "drift", "warning")
    before = everything()[0]
    ask(window=PAST, alert=True)
    assert everything()[0] == before
    assert AlertEvent.objects.count() == 1


@pytest.mark.parametrize("request_", [{"window": PAST}, {"inline_data": ROWS}])
def test_run__what_if__raises_nothing_and_asks_for_nothing(
    ask: Ask, request_: dict[str, Any]
) -> None:
    run = ask(**request_)
    assert everything() == [[], 0, 0, 0]
    assert run.raises_alerts is False


@pytest.mark.parametrize(
    "request_", [{}, {"window": PAST, "alert": True}, {"inline_data": ROWS, "alert": True}]
)
def test_run__present_or_asked__raises_an_alert(ask: Ask, request_: dict[str, Any]) -> None:
    run = ask(**request_)
    assert Alert.objects.get().first_run_id == run.id
    topics = OutboxEvent.objects.values_list("topic", flat=True)
    assert sorted(topics) == ["drift.alert_raised", "drift.detected", "drift.retraining_required"]


def test_run__present_asked_not_to_alert__raises_nothing(ask: Ask) -> None:
    ask(alert=False)
    assert everything() == [[], 0, 0, 0]


def backfill(monitor: Monitor, verdicts: list[str], **asked: Any) -> list[DetectionRun]:
    """Backfill the first weeks, each with its verdict."""
    end = TIMESTAMPS[0] + len(verdicts) * WEEK
    runs = request_backfill(
        monitor=monitor, start=TIMESTAMPS[0], end=end, requested_by="key:test", **asked
    )
    for run, verdict in zip(runs, verdicts, strict=True):
        assert complete_run(take(run), result_of(monitor, verdict, "warning"))
    return runs


def test_backfill__open_alert__gets_no_occurrence(settle: Settle, monitor: Monitor) -> None:
    settle(8, "drift")
    before = everything()[0]
    backfill(monitor, ["drift"] * 4)
    assert list(Alert.objects.filter(is_history=False).values()) == before
    assert OutboxEvent.objects.count() == 2


def test_backfill__asked_to_alert__leaves_the_open_episode_alone(
    settle: Settle, monitor: Monitor
) -> None:
    settle(8, "drift")
    before = everything()[0]
    backfill(monitor, ["drift"] * 4, alert=True)
    assert everything()[0] == before


def test_backfill__drift__is_recorded_as_history(monitor: Monitor, api: APIClient) -> None:
    runs = backfill(monitor, ["ok", "drift", "drift", "ok", "drift"])
    first, second = Alert.objects.order_by("window_start")
    assert (first.is_history, first.status, first.occurrences) == (True, "resolved", 2)
    assert (second.is_history, second.status, second.occurrences) == (True, "resolved", 1)
    assert first.first_run_id == runs[1].id
    assert not AlertEvent.objects.filter(notifies=True).exists()
    assert not OutboxEvent.objects.exists()
    shown = api.get("/api/v1/alerts", {"is_history": "true"}).json()["results"]
    assert [each["is_history"] for each in shown] == [True, True]
    assert api.get("/api/v1/dashboard").json()["unacknowledged_alerts"]["warning"] == 0


def test_backfill__asked_to_alert__is_like_the_schedule(monitor: Monitor) -> None:
    backfill(monitor, ["ok", "drift", "drift"], alert=True)
    alert = Alert.objects.get()
    assert (alert.status, alert.occurrences, alert.is_history) == ("open", 2, False)
    assert OutboxEvent.objects.filter(topic="drift.alert_raised").count() == 1


def test_follow_up_of_a_backfill__inherits_its_silence(monitor: Monitor) -> None:
    monitor.label_delay, monitor.performance_limits = WEEK * 5000, {"accuracy": {"minimum": 0.9}}
    monitor.save()
    backfill(monitor, ["ok"])
    assert DetectionRun.objects.get(trigger="labels").raises_alerts is False


def test_same_key__other_alert__is_another_request(monitor: Monitor, api: APIClient) -> None:
    path, key = f"/api/v1/monitors/{monitor.id}/run", {"Idempotency-Key": "one"}
    first = api.post(path, {}, headers=key)
    again = api.post(path, {}, headers=key)
    assert (first.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert api.post(path, {"alert": False}, headers=key).status_code == 409


def test_run__viewer_asks_for_an_alert__is_403(monitor: Monitor, viewer_api: APIClient) -> None:
    assert viewer_api.post(f"/api/v1/monitors/{monitor.id}/run", {"alert": True}).status_code == 403
    span = {"from": "2024-01-01T00:00:00Z", "to": "2024-01-09T00:00:00Z", "alert": True}
    assert viewer_api.post(f"/api/v1/monitors/{monitor.id}/backfill", span).status_code == 403


def test_pending__is_hidden_until_asked_for(in_tenant: Tenant, api: APIClient) -> None:
    monitor = make_monitor(open_after=None)
    run = make_run(monitor, week=3)
    assert complete_run(take(run), result_of(monitor, "drift", "warning"))
    alert = Alert.objects.get()
    assert (alert.phase, OutboxEvent.objects.filter(topic="drift.alert_raised").count()) == (
        "pending",
        0,
    )
    assert api.get("/api/v1/alerts").json()["results"] == []
    for query in ({"phase": "pending"}, {"run": str(run.id)}):
        [found] = api.get("/api/v1/alerts", query).json()["results"]
        assert (found["id"], found["phase"], found["opened_at"]) == (str(alert.id), "pending", None)
    assert api.get(f"/api/v1/alerts/{alert.id}").status_code == 200
    assert api.get("/api/v1/dashboard").json()["unacknowledged_alerts"]["warning"] == 0


def test_regression__is_a_new_alert_linked_to_the_last(settle: Settle) -> None:
    settle(3, "drift")
    settle(4, "ok")
    settle(5, "drift")
    first, second = Alert.objects.order_by("created_at")
    assert (first.phase, second.phase, second.previous_id) == ("resolved", "open", first.id)


def test_recovering__relapse__is_the_same_alert_told_once(in_tenant: Tenant) -> None:
    monitor = make_monitor(resolve_after=2)
    for week, verdict in enumerate(["drift", "ok", "drift", "ok", "ok"], 2):
        run = make_run(monitor, week=week)
        result = result_of(monitor, verdict) if verdict == "drift" else plain_result_ok()
        assert complete_run(take(run), result)
    kinds = AlertEvent.objects.order_by("number").values_list("kind", flat=True)
    assert list(kinds) == ["opened", "recovering", "relapsed", "recovering", "resolved"]
    assert OutboxEvent.objects.filter(topic="drift.alert_raised").count() == 1


def plain_result_ok() -> RunResult:

    return plain_result(Verdict.OK)
