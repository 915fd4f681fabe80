from pathlib import Path

import pytest
from rest_framework.test import APIClient

from alerts.models import Alert, AlertRun
from detections.models import DetectionRun
from detections.runs.execution import execute
from drift_detector.events.models import OutboxEvent
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tests.alerts.health.conftest import End, events, health_alerts
from tests.data import TIMESTAMPS
from tests.factories import make_flights_monitor, make_run


def executed(monitor: Monitor, week: int) -> DetectionRun:
    run = make_run(monitor, week=week)
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    run.refresh_from_db()
    return run


def test_execute__folder_removed_then_restored__raises_an_alert_and_closes_it(
    flights: Path, in_tenant: Tenant
) -> None:
    monitor = make_flights_monitor(flights, name="Flights")
    away = flights.rename(flights.with_name("away"))
    failed = executed(monitor, 1)
    [alert] = health_alerts()
    assert (failed.verdict, alert.severity, alert.status) == ("error", "critical", "open")
    assert f"No file was found in {flights}: check that the job" in alert.summary
    assert (alert.first_run_id, alert.last_run_id) == (failed.id, failed.id)
    away.rename(flights)
    judged = executed(monitor, 2)
    alert.refresh_from_db()
    assert (judged.verdict, alert.status) == ("ok", "resolved")
    assert events(alert) == [("opened", True), ("resolved", True)]


def test_execute__empty_week__says_that_no_row_was_found(flights: Path, in_tenant: Tenant) -> None:
    monitor = make_flights_monitor(flights, name="Flights")
    assert executed(monitor, 40).verdict == "no_data"
    [alert] = health_alerts()
    assert alert.severity == "warning"
    assert f"No row was found in {flights} for 20" in alert.summary


@pytest.mark.parametrize(
    ("verdict", "severity"),
    [("error", "critical"), ("no_data", "warning"), ("insufficient_data", "info")],
)
def test_run_judged__verdict_that_is_none__has_its_severity(
    end: End, verdict: str, severity: str
) -> None:
    run = end(3, verdict)
    [alert] = health_alerts()
    assert (alert.severity, alert.cause) == (severity, {"causes": [verdict]})
    assert (alert.window_start, alert.window_end) == (run.window_start, run.window_end)
    assert list(AlertRun.objects.values_list("run_id", "verdict", "track")) == [
        (run.id, verdict, "check")
    ]


@pytest.mark.parametrize("verdict", ["ok", "insufficient_data", "no_data", "error"])
def test_run_judged__next_run__closes_only_if_it_judged(end: End, verdict: str) -> None:
    end(3, "no_data")
    end(4, verdict)
    [alert] = health_alerts()
    assert (alert.phase == "resolved") is (verdict == "ok")


def test_run_judged__all_well__writes_nothing(end: End) -> None:
    end(3, "ok")
    assert not Alert.objects.exists()


def test_run_judged__three_failures__are_one_alert_that_is_told_once(end: End) -> None:
    runs = [end(week, "no_data") for week in (3, 4, 5)]
    [alert] = health_alerts()
    assert (alert.occurrences, alert.window_end) == (3, runs[2].window_end)
    assert events(alert) == [("opened", True)]
    kept = DetectionRun.objects.filter(is_kept=True).values_list("id", flat=True)
    assert set(kept) == {runs[0].id, runs[2].id}


def test_run_judged__worse_cause__is_told_again(end: End) -> None:
    end(3, "insufficient_data")
    Alert.objects.update(
        attention="acknowledged", acknowledged_by="a", acknowledged_at=TIMESTAMPS[0]
    )
    end(4, "error")
    [alert] = health_alerts()
    assert (alert.severity, alert.attention, alert.acknowledged_by) == ("critical", "new", "a")
    assert events(alert) == [("opened", True), ("worsened", True)]
    assert "failed" in alert.summary


def test_run_judged__milder_cause__changes_the_words_and_tells_no_one(end: End) -> None:
    end(3, "error")
    end(4, "insufficient_data")
    [alert] = health_alerts()
    assert (alert.severity, alert.peak_severity) == ("info", "critical")
    assert "too few" in alert.summary
    assert events(alert) == [("opened", True)]


def test_run_judged__regression__is_a_new_alert_linked_to_the_last(end: End) -> None:
    for week, verdict in ((3, "no_data"), (4, "ok"), (5, "no_data")):
        end(week, verdict)
    first, second = health_alerts()
    assert (first.phase, second.phase) == ("resolved", "open")
    assert second.previous_id == first.id


def test_run_judged__late_failure_of_an_older_window__raises_nothing(end: End) -> None:
    end(4, "ok")
    end(3, "error")
    assert health_alerts() == []


def test_run_judged__late_judged_run__does_not_close(end: End) -> None:
    end(4, "error")
    end(3, "ok")
    assert [alert.phase for alert in health_alerts()] == ["open"]


@pytest.mark.parametrize("trigger", ["backfill", "outcomes"])
def test_run_judged__run_of_the_past__raises_nothing(end: End, trigger: str) -> None:
    end(3, "error", trigger=trigger)
    assert health_alerts() == []


def test_run_judged__inline_rows__raise_nothing(end: End) -> None:
    end(3, "insufficient_data", trigger="manual", inline_data=b"rows")
    assert health_alerts() == []


def test_run_judged__run_that_does_not_alert__raises_nothing(
    end: End,
) -> None:
    end(3, "error", raises_alerts=False)
    assert health_alerts() == []


def test_run_judged__labels_that_fail__last_until_labels_can_be_read(end: End) -> None:
    end(3, "error", trigger="labels")
    end(4, "ok")
    assert [alert.phase for alert in health_alerts()] == ["open"]
    end(5, "ok", trigger="labels")
    assert [alert.phase for alert in health_alerts()] == ["resolved"]


def test_run_judged__health__asks_for_no_retraining(end: End) -> None:
    end(3, "error")
    assert not OutboxEvent.objects.filter(topic="drift.retraining_required").exists()


def test_run_judged__error_with_values_in_its_reason__are_not_shown(
    flights: Path, in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = make_flights_monitor(flights)
    run = make_run(monitor, attempt=2)

    def fail(*_: object) -> None:
        raise ValueError("4111 1111 1111 1111 is no number")

    monkeypatch.setattr("detections.runs.execution.evaluate_run", fail)
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    [alert] = health_alerts()
    assert "4111" not in alert.summary
    assert "4111" not in str(list(alert.events.values()))


def test_run_judged__resolved_by_a_person__next_failure_opens_a_linked_one(end: End) -> None:
    from alerts.workflow import services

    end(3, "error")
    [first] = health_alerts()
    services.resolve(alert_id=first.id, by="user:ana", reason="data_bug")
    end(4, "error")
    assert [alert.previous_id for alert in health_alerts()] == [None, first.id]


def test_list_alerts__by_a_failed_run__finds_its_health_alert(api: APIClient, end: End) -> None:
    run, calm = end(3, "error"), end(4, "ok")
    [found] = api.get("/api/v1/alerts", {"run": str(run.id)}).json()["results"]
    assert (found["kind"], found["phase"]) == ("health", "resolved")
    assert api.get("/api/v1/alerts", {"run": str(calm.id)}).json()["results"] == []
