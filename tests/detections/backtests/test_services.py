from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from alerts.models import Alert
from algorithms.verdicts import Verdict
from detections.backtests import services as backtests
from detections.backtests.services import build_backtest, release_backtest, summarize
from detections.models import Backtest, Detection, DetectionRun
from drift_detector.events.models import OutboxEvent
from drift_detector.tenancy.models import Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Baseline, Monitor
from monitors.sources import LazyWindow, SourceError, open_window
from tests.factories import (
    eventually,
    make_backtest,
    make_flights_monitor,
    make_monitor,
    rows_of,
    wake_ups,
)

# The Monday ticks that read weeks 2 and 3 of `flights`.
SPAN = {"from": "2024-01-22T00:00:00Z", "to": "2024-01-30T00:00:00Z"}
MONTH = timedelta(days=30)


def url(monitor: Monitor) -> str:
    return f"/api/v1/monitors/{monitor.id}/backtest"


def built(monitor: Monitor, **fields: Any) -> Backtest:
    backtest = make_backtest(monitor, **fields)
    return build_again(backtest)


def build_again(backtest: Backtest) -> Backtest:
    build_backtest(tenant_id=backtest.tenant_id, backtest_id=backtest.id, worker="worker-1")
    return stored(backtest)


def stored(backtest: Backtest) -> Backtest:
    return Backtest.objects.get(id=backtest.id)


def verdicts(backtest: Backtest) -> list[str]:
    return [window["verdict"] for window in backtest.windows]


def records(*found: str) -> list[dict[str, Any]]:
    """Windows as a backtest records them: `drift:delay,carrier` is a warning about these, others are verdicts."""
    windows = []
    for each in found:
        verdict, _, names = each.partition(":")
        drifted = [
            {"feature": name, "method": "ks", "effect_size": 0.3}
            for name in names.split(",")
            if name
        ]
        severity = "warning" if verdict == "drift" else ""
        windows.append({"verdict": verdict, "severity": severity, "drifted_features": drifted})
    return windows


def test_backtest__asked_and_built__is_listed_and_read(
    api: APIClient, flights_monitor: Monitor
) -> None:
    asked = api.post(url(flights_monitor), SPAN)
    assert (asked.status_code, asked.json()["status"]) == (202, "running")
    assert asked["Location"] == f"http://testserver/api/v1/backtests/{asked.json()['id']}"
    build_again(Backtest.objects.get())
    read = api.get(asked["Location"]).json()
    assert (read["status"], read["requested_by"]) == ("ready", "key:test-operator")
    assert read["baseline_id"] == str(Baseline.objects.get().id)
    assert [window["verdict"] for window in read.pop("windows")] == ["ok", "drift"]
    assert api.get(url(flights_monitor)).json()["results"] == [read]


def test_backtest__asked__enqueues_the_task(
    api: APIClient, flights_monitor: Monitor, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        backtest_id = api.post(url(flights_monitor), SPAN).json()["id"]
    sent = [
        each for each in wake_ups("detections.build_backtest") if each["backtest_id"] == backtest_id
    ]
    assert sent == [{"tenant_id": str(flights_monitor.tenant_id), "backtest_id": backtest_id}]


def test_backtests__list__is_newest_first(api: APIClient, flights_monitor: Monitor) -> None:
    made = [str(make_backtest(flights_monitor).id) for _ in range(3)]
    assert [each["id"] for each in api.get(url(flights_monitor)).json()["results"]] == made[::-1]


def test_build_backtest__drifted_week__is_recorded_with_its_features(
    flights_monitor: Monitor,
) -> None:
    window = built(flights_monitor).windows[1]
    features = {each["feature"]: each for each in window.pop("drifted_features")}
    assert window.pop("severity") in {"warning", "critical"}
    assert window == {
        "scheduled_for": "2024-01-29T00:00:00+00:00",
        "window_start": "2024-01-22T00:00:00+00:00",
        "window_end": "2024-01-29T00:00:00+00:00",
        "rows": 2000,
        "rows_read": 2000,
        "files_read": 1,
        "files_skipped_count": 0,
        "verdict": "drift",
        "reason": "",
    }
    assert set(features) == {"delay", "carrier"}
    assert set(features["delay"]) == {"feature", "method", "effect_size"}


def test_build_backtest__both_weeks__are_summed_up(flights_monitor: Monitor) -> None:
    summary = built(flights_monitor).summary
    assert summary.pop("by_severity")["info"] == 0
    assert summary == {
        "ticks": 2,
        "judged": 2,
        "drifted": 1,
        "drift_rate": 0.5,
        "alerts": 1,
        "alerts_per_month": pytest.approx(30 / 14),
        "features": {"delay": 1, "carrier": 1},
        "verdicts": dict.fromkeys(Verdict, 0) | {"ok": 1, "drift": 1},
    }


def test_build_backtest__drift__makes_no_run_alert_or_event(flights_monitor: Monitor) -> None:
    built(flights_monitor)
    for model in (DetectionRun, Detection, Alert, OutboxEvent):
        assert not model.objects.exists()


def test_build_backtest__again__changes_nothing(flights_monitor: Monitor) -> None:
    first = built(flights_monitor)
    Monitor.objects.update(tolerances={"ks": {"default": 0.9}}, methods=["ks"])
    again = build_again(first)
    assert (again.windows, again.finished_at, again.attempt) == (
        first.windows,
        first.finished_at,
        first.attempt,
    )


def held_by_another(**time: float) -> dict[str, Any]:
    """The fields of a row that another worker holds for some time."""
    expires_at = timezone.now() + timedelta(**time)
    return {"lease_token": uuid4(), "lease_expires_at": expires_at, "worker": "another"}


def test_build_backtest__unknown__does_nothing(in_tenant: Tenant) -> None:
    build_backtest(tenant_id=in_tenant.id, backtest_id=uuid4(), worker="worker-1")


def test_build_backtest__another_worker_has_it__is_left_alone(flights_monitor: Monitor) -> None:
    backtest = built(flights_monitor, **held_by_another(minutes=1))
    assert (backtest.status, backtest.attempt, backtest.windows) == ("running", 0, [])


def test_build_backtest__new_baseline_since__keeps_the_one_asked_with(
    flights_monitor: Monitor,
) -> None:
    backtest = make_backtest(flights_monitor)
    Baseline.objects.create(tenant_id=backtest.tenant_id, monitor=flights_monitor, version=2)
    assert verdicts(build_again(backtest)) == ["ok", "drift"]


def test_build_backtest__week_without_rows__is_no_data(flights_monitor: Monitor) -> None:
    backtest = built(flights_monitor, weeks=(3, 5))
    assert verdicts(backtest) == ["drift", "no_data"]
    assert (backtest.summary["judged"], backtest.summary["drift_rate"]) == (1, 1.0)


def test_build_backtest__unreadable_window__is_a_record_with_the_reason(
    flights: Path, in_tenant: Tenant
) -> None:
    monitor = make_flights_monitor(flights, current_data_uri=str(flights / "week3.parquet"))
    (flights / "week3.parquet").write_bytes(b"not parquet at all" * 20)
    backtest = built(monitor)
    assert (backtest.status, verdicts(backtest)) == ("ready", ["error", "error"])
    assert "cannot be read" in backtest.windows[1]["reason"]
    assert backtest.windows[1]["rows"] is None
    assert backtest.summary["drift_rate"] is None


def test_build_backtest__one_window_can_not_be_opened__the_next_is_judged(
    flights_monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away_at_first(*arguments: Any) -> LazyWindow:
        calls.append(arguments)
        if len(calls) == 1:
            raise SourceError("The store is away.")
        return open_window(*arguments)

    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(backtests, "open_window", away_at_first)
    backtest = built(flights_monitor)
    assert verdicts(backtest) == ["error", "drift"]
    assert backtest.windows[0]["reason"] == "The store is away."


def before_tick(monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], object]) -> None:
    """Have something happen before the tick of this number is judged."""
    really, calls = backtests._judge_tick, []

    def judge(*arguments: Any) -> dict[str, Any]:
        calls.append(arguments)
        if len(calls) == number:
            act()
        return really(*arguments)

    monkeypatch.setattr(backtests, "_judge_tick", judge)


@pytest.fixture
def committed_backtest(
    committed_tenant: Tenant, flights: Path, override: Callable[..., None]
) -> Backtest:
    """One that other connections see, as the heartbeat's is, and whose lease is renewed at each moment."""
    override(runs={"heartbeat_seconds": 0.02})
    with tenant_scope(committed_tenant.id):
        return make_backtest(make_flights_monitor(flights))


def in_database(backtest: Backtest, wanted: str) -> Any:
    ((found,),) = rows_of(backtest.tenant_id, f"SELECT {wanted} FROM drf_backtests")
    return found


def test_build_backtest__at_work__saves_what_it_has_and_keeps_its_lease(
    committed_backtest: Backtest, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def look() -> None:
        seen.append(
            eventually(lambda: in_database(committed_backtest, "windows -> 0 ->> 'verdict'"))
        )
        until = in_database(committed_backtest, "lease_expires_at")
        seen.append(eventually(lambda: in_database(committed_backtest, "lease_expires_at") > until))

    before_tick(monkeypatch, 2, look)
    build_backtest(
        tenant_id=committed_backtest.tenant_id, backtest_id=committed_backtest.id, worker="worker-1"
    )
    assert seen == ["ok", True]
    assert in_database(committed_backtest, "status") == "ready"


def test_build_backtest__lease_lost__writes_nothing_more(
    committed_backtest: Backtest, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = {"attempt": 2, **held_by_another(hours=1)}

    def take() -> None:
        eventually(lambda: in_database(committed_backtest, "jsonb_array_length(windows)"))
        with tenant_scope(committed_backtest.tenant_id):
            Backtest.objects.update(**taken)

    before_tick(monkeypatch, 2, take)
    build_backtest(
        tenant_id=committed_backtest.tenant_id, backtest_id=committed_backtest.id, worker="worker-1"
    )
    with tenant_scope(committed_backtest.tenant_id):
        backtest = stored(committed_backtest)
    assert (backtest.status, backtest.attempt, verdicts(backtest)) == ("running", 2, ["ok"])


def test_release_backtest__in_the_middle__another_goes_on_from_there(
    flights_monitor: Monitor,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    def give_away() -> None:
        backtest = Backtest.objects.get()
        Backtest.objects.update(windows=records("ok", "ok"))  # what was saved last
        with django_capture_on_commit_callbacks(execute=True):
            release_backtest(
                tenant_id=backtest.tenant_id, backtest_id=backtest.id, worker="worker-1"
            )

    before_tick(monkeypatch, 2, give_away)
    backtest = built(flights_monitor)
    assert (backtest.status, backtest.attempt, backtest.lease_token, len(backtest.windows)) == (
        "running",
        0,
        None,
        2,
    )
    ids = {"tenant_id": str(backtest.tenant_id), "backtest_id": str(backtest.id)}
    assert ids in wake_ups("detections.build_backtest")


def test_release_backtest__another_worker_has_it_by_now__changes_nothing(
    flights_monitor: Monitor,
) -> None:
    backtest = make_backtest(flights_monitor, attempt=1, **held_by_another(minutes=1))
    release_backtest(tenant_id=backtest.tenant_id, backtest_id=backtest.id, worker="worker-1")
    assert stored(backtest).lease_token == backtest.lease_token
    assert stored(backtest).attempt == 1


def test_build_backtest__claim_lost_at_the_end__writes_nothing(
    flights_monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = {"attempt": 2, **held_by_another(hours=1)}
    before_tick(monkeypatch, 2, lambda: Backtest.objects.update(**taken))
    backtest = built(flights_monitor)
    assert (backtest.status, backtest.windows, backtest.summary) == ("running", [], {})


def out_of_time() -> None:
    raise SoftTimeLimitExceeded


def test_build_backtest__out_of_time__goes_on_where_it_stopped(
    flights_monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_tick(monkeypatch, 2, out_of_time)
    stopped = built(flights_monitor)
    assert (stopped.status, stopped.attempt, stopped.lease_token, verdicts(stopped)) == (
        "running",
        0,
        None,
        ["ok"],
    )
    finished = build_again(stopped)
    assert (finished.status, verdicts(finished)) == ("ready", ["ok", "drift"])


def test_build_backtest__its_turn_is_over__gives_the_worker_back_and_goes_on_in_the_next(
    flights_monitor: Monitor,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    monkeypatch.setattr(backtests, "TURN_SECONDS", 0)
    with django_capture_on_commit_callbacks(execute=True):
        first = built(flights_monitor)
    assert (first.status, first.attempt, first.lease_token, verdicts(first)) == (
        "running",
        0,
        None,
        ["ok"],
    )
    assert str(first.id) in [each["backtest_id"] for each in wake_ups("detections.build_backtest")]
    second = build_again(first)
    assert (second.status, verdicts(second)) == ("ready", ["ok", "drift"])


def test_build_backtest__out_of_time_at_one_window__fails_after_the_last_attempt(
    flights_monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_tick(monkeypatch, 1, out_of_time)
    backtest = built(flights_monitor, attempt=2)
    assert (backtest.status, backtest.reason) == ("failed", "It took longer than 600 seconds.")


def test_build_backtest__workers_died__fails_with_the_reason(flights_monitor: Monitor) -> None:
    backtest = built(flights_monitor, attempt=3)
    assert (backtest.status, backtest.reason) == ("failed", "The worker stopped answering.")


def test_build_backtest__crash_inside__is_kept_as_the_reason(
    flights_monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_tick(monkeypatch, 1, lambda: 1 // 0)
    backtest = built(flights_monitor)
    assert (backtest.status, backtest.reason.split(":")[0]) == ("failed", "ZeroDivisionError")


def test_build_backtest__schedule_grew_since__fails_with_the_reason(
    flights_monitor: Monitor,
) -> None:
    backtest = make_backtest(flights_monitor)
    Monitor.objects.update(schedule_cron="* * * * *")
    assert build_again(backtest).reason == "This is more than 500 ticks; ask for a shorter time."


@pytest.mark.parametrize(
    ("found", "alerts"),
    [
        (["ok", "ok"], 0),
        (["drift", "drift"], 1),
        (["drift", "ok", "drift"], 2),
        (["drift", "error", "no_data", "insufficient_data", "drift"], 1),
        (["error", "drift", "no_data", "ok", "error", "drift"], 2),
        ([], 0),
    ],
)
def test_summarize__episodes__only_an_ok_window_ends_one(found: list[str], alerts: int) -> None:
    summary = summarize(records(*found), 2 * MONTH)
    assert (summary["alerts"], summary["alerts_per_month"]) == (alerts, alerts / 2)


def test_summarize__windows__are_counted_by_verdict_severity_and_feature() -> None:
    summary = summarize(records("drift:carrier", "drift:delay,carrier", "ok", "ok", "error"), MONTH)
    assert (summary["ticks"], summary["judged"], summary["drift_rate"]) == (5, 4, 0.5)
    assert summary["by_severity"] == {"info": 0, "warning": 2, "critical": 0}
    assert list(summary["features"].items()) == [("carrier", 2), ("delay", 1)]
    assert summary["verdicts"] == dict.fromkeys(Verdict, 0) | {"ok": 2, "drift": 2, "error": 1}


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        ("2024-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "to"),
        ("2024-01-08T00:00:00Z", "2024-01-08T00:00:00Z", "to"),
        ("1990-01-01T00:00:00Z", "2024-01-01T00:00:00Z", "to"),
        ("2024-01-09T00:00:00Z", "2024-01-10T00:00:00Z", "to"),
        ("0001-01-01T00:00:00Z", "2024-01-01T00:00:00Z", "from"),
        ("yesterday", "2024-01-01T00:00:00Z", "from"),
    ],
    ids=["future", "empty", "too many", "no tick", "before time began", "no date"],
)
def test_backtest__wrong_span__is_refused(
    api: APIClient, flights_monitor: Monitor, start: str, end: str, field: str
) -> None:
    answer = api.post(url(flights_monitor), {"from": start, "to": end})
    assert (answer.status_code, [each["field"] for each in answer.json()["errors"]]) == (
        400,
        [field],
    )
    assert not Backtest.objects.exists()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"timestamp_column": ""}, "A backtest needs a monitor with a timestamp_column."),
        ({}, "A backtest needs a baseline that is ready."),
        ({"status": "disabled"}, "The monitor is disabled."),
    ],
)
def test_backtest__monitor_without_what_it_needs__is_409(
    api: APIClient, in_tenant: Tenant, fields: dict[str, Any], reason: str
) -> None:
    answer = api.post(url(make_monitor(**fields)), SPAN)
    assert (answer.status_code, answer.json()["detail"]) == (409, reason)


def test_backtest__other_tenant__is_404(other_api: APIClient, flights_monitor: Monitor) -> None:
    backtest = make_backtest(flights_monitor)
    for path in (url(flights_monitor), f"/api/v1/backtests/{backtest.id}"):
        assert other_api.get(path).status_code == 404
    assert other_api.post(url(flights_monitor), SPAN).status_code == 404
    assert Backtest.objects.count() == 1


def test_build_backtest__other_tenants_scope__finds_nothing(
    flights_monitor: Monitor, other_tenant: Tenant
) -> None:
    backtest = make_backtest(flights_monitor)
    build_backtest(tenant_id=other_tenant.id, backtest_id=backtest.id, worker="worker-1")
    with tenant_scope(flights_monitor.tenant_id):
        assert (stored(backtest).status, stored(backtest).attempt) == ("running", 0)


def test_backtest__viewer__reads_but_does_not_ask(
    viewer_api: APIClient, flights_monitor: Monitor
) -> None:
    backtest = make_backtest(flights_monitor)
    assert viewer_api.post(url(flights_monitor), SPAN).status_code == 403
    assert viewer_api.get(url(flights_monitor)).status_code == 200
    assert viewer_api.get(f"/api/v1/backtests/{backtest.id}").status_code == 200


def test_backtests__unknown__are_404(api: APIClient) -> None:
    assert api.get(f"/api/v1/monitors/{uuid4()}/backtest").status_code == 404
    assert api.get(f"/api/v1/backtests/{uuid4()}").status_code == 404


def test_backtest_pages__staff__are_read_only(
    client: Client, staff: User, flights_monitor: Monitor
) -> None:
    backtest = built(flights_monitor)
    client.force_login(staff)
    path = f"/admin/detections/backtest/{backtest.id}/change/"
    assert "Share of windows that drifted" in client.get(path, follow=True).content.decode()
    assert client.post(path, {"status": "failed"}).status_code == 403
