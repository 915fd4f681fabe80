from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from alerts.dashboard import get_dashboard
from alerts.models import Alert
from detections.models import DetectionRun
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.alerts.conftest import Settle
from tests.factories import make_finished_run, make_monitor, make_run

NOW = timezone.now()


def finished(monitor: Monitor, verdict: str, days_ago: float) -> DetectionRun:
    return make_finished_run(monitor, verdict, finished_at=NOW - timedelta(days=days_ago))


def ask(api: APIClient, **query: Any) -> dict[str, Any]:
    answer = api.get("/api/v1/dashboard", query)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def shown(moment: Any) -> str:
    text: str = moment.isoformat()
    return text.replace("+00:00", "Z")


@pytest.fixture
def busy(monitor: Monitor) -> Monitor:
    """Four judged runs in the last week, one of them drifted, one error, one queued; another drift 20 days ago."""
    for days_ago, verdict in (
        (1, "ok"),
        (2, "ok"),
        (3, "drift"),
        (4, "ok"),
        (5, "error"),
        (20, "drift"),
    ):
        finished(monitor, verdict, days_ago)
    make_run(monitor, week=50)
    return monitor


def test_dashboard__made_by_hand__counts_of_the_days(api: APIClient, busy: Monitor) -> None:
    make_monitor(name="Idle", status="paused")
    found = ask(api)
    assert (found["days"], found["monitors"], found["active"]) == (7, 2, 1)
    assert (found["runs"], found["drifted"], found["drift_rate"]) == (5, 1, 0.25)
    assert found["last_run_at"] == shown(NOW - timedelta(days=1))
    assert found["last_drift_at"] == shown(NOW - timedelta(days=3))


def test_dashboard__made_by_hand__row_per_monitor(api: APIClient, busy: Monitor) -> None:
    make_monitor(name="Idle", status="paused")
    flights, idle = ask(api)["per_monitor"]
    assert (flights["name"], flights["runs"], flights["drifted"]) == ("Flights", 5, 1)
    assert (flights["last_verdict"], flights["last_run_at"]) == (
        "ok",
        shown(NOW - timedelta(days=1)),
    )
    assert (idle["name"], idle["status"], idle["runs"], idle["last_run_at"]) == (
        "Idle",
        "paused",
        0,
        None,
    )
    assert (idle["last_verdict"], idle["last_drift_at"], idle["unacknowledged_alerts"]) == (
        "",
        None,
        0,
    )


@pytest.mark.parametrize(("days", "runs", "drifted"), [(2, 1, 0), (4, 3, 1), (30, 6, 2)])
def test_dashboard__days__bound_the_runs(
    api: APIClient, busy: Monitor, days: int, runs: int, drifted: int
) -> None:
    found = ask(api, days=days)
    assert (found["days"], found["runs"], found["drifted"]) == (days, runs, drifted)


def test_dashboard__drift_older_than_the_days__is_still_the_last_drift(
    api: APIClient, monitor: Monitor
) -> None:
    finished(monitor, "drift", 20)
    found = ask(api)
    assert (found["runs"], found["last_drift_at"]) == (0, shown(NOW - timedelta(days=20)))


@pytest.mark.parametrize("verdict", ["no_data", "insufficient_data", "error"])
def test_dashboard__nothing_judged__rate_is_null(
    api: APIClient, monitor: Monitor, verdict: str
) -> None:
    finished(monitor, verdict, 1)
    found = ask(api)
    assert (found["runs"], found["drift_rate"]) == (1, None)


def test_dashboard__tenant_without_monitors__is_all_zero(api: APIClient) -> None:
    found = ask(api)
    assert (found["monitors"], found["runs"], found["drift_rate"], found["per_monitor"]) == (
        0,
        0,
        None,
        [],
    )
    assert found["unacknowledged_alerts"] == {"info": 0, "warning": 0, "critical": 0}


def test_dashboard__alerts__unacknowledged_by_severity(api: APIClient, settle: Settle) -> None:
    for severity in ("info", "critical", "critical", "warning"):
        settle(3, "drift", severity, make_monitor())
    seen = Alert.objects.filter(severity="critical").first()
    assert seen is not None
    api.post(f"/api/v1/alerts/acknowledge/{seen.id}")
    found = ask(api)
    assert found["unacknowledged_alerts"] == {"info": 1, "warning": 1, "critical": 1}
    per_monitor = {row["id"]: row["unacknowledged_alerts"] for row in found["per_monitor"]}
    assert sorted(per_monitor.values()) == [0, 0, 1, 1, 1]
    assert per_monitor[str(seen.monitor_id)] == 0


def test_dashboard__resolved_but_unseen__still_waits(api: APIClient, settle: Settle) -> None:
    settle(3)
    settle(4, "ok")
    assert ask(api)["unacknowledged_alerts"]["warning"] == 1


def test_dashboard__other_tenants_rows__are_not_counted(
    api: APIClient, busy: Monitor, other_tenant: Tenant
) -> None:
    before = ask(api)
    with tenant_scope(other_tenant.id):
        theirs = make_monitor()
        finished(theirs, "drift", 0)
    assert ask(api) == before


def test_dashboard__five_monitors__as_many_queries_as_one(in_tenant: Tenant) -> None:
    counts = []
    for more in (1, 4):
        for _ in range(more):
            finished(make_monitor(), "ok", 1)
        with CaptureQueriesContext(connection) as queries:
            get_dashboard(days=7)
        counts.append(len(queries))
    assert counts == [2, 2]


@pytest.mark.parametrize("days", ["0", "367", "-1", "seven", "1.5", "", "²"])
def test_dashboard__days_out_of_bounds__is_refused(api: APIClient, days: str) -> None:
    answer = api.get("/api/v1/dashboard", {"days": days})
    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["errors"]] == ["days"]


def test_dashboard__viewer__may_look(viewer_api: APIClient, busy: Monitor) -> None:
    assert ask(viewer_api)["monitors"] == 1
