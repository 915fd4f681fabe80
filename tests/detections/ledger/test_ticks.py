"""What becomes of ticks, on time and late; what was to come of them is counted out by hand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django_celery_beat.models import PeriodicTask

from detections.ledger import ticks
from detections.ledger.runs import claim_run, request_backfill
from detections.models import DetectionRun
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from monitors.services import schedule_name
from tests.conftest import connected_as, role_url
from tests.factories import at_once, make_monitor, moment, rows_of, wake_ups

NOW = datetime(2024, 3, 6, 12, 0, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
type Make = Callable[..., Monitor]


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch, empty_broker: None) -> None:
    """The ledger's clock stands."""
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


@pytest.fixture
def make(committed_tenant: Tenant) -> Make:
    """Make a monitor that is accounted for until some time before noon."""

    def build(*, away: timedelta = MINUTE, **fields: Any) -> Monitor:
        with tenant_scope(committed_tenant.id):
            monitor = make_monitor(**{"schedule_cron": "* * * * *"} | fields)
        row = PeriodicTask.objects.filter(name=schedule_name(monitor.id))
        row.update(last_run_at=NOW.replace(second=0) - away)
        return monitor

    return build


def record() -> int:
    """As beat does, in its role."""
    ids = list(PeriodicTask.objects.values_list("id", flat=True))
    with connected_as(role_url("scheduler")):
        return ticks.record_ticks(ids)


def minutes_before_noon(monitor: Monitor, status: str) -> list[int]:
    query = "SELECT scheduled_for FROM drf_runs WHERE monitor_id = %s AND status = %s ORDER BY 1"
    found = rows_of(monitor.tenant_id, query, monitor.id, status)
    return [round((NOW.replace(second=0) - tick) / MINUTE) for (tick,) in found]


def test_record_ticks__one_tick_on_time__is_queued_and_its_window_ends_at_it(make: Make) -> None:
    monitor = make(window=timedelta(hours=1), window_lag=timedelta(minutes=5))
    assert record() == 1
    columns = "status, trigger, attempt, scheduled_for, window_start, window_end"
    assert rows_of(monitor.tenant_id, f"SELECT {columns} FROM drf_runs") == [
        (
            "queued",
            "schedule",
            0,
            moment("2024-03-06T12:00Z"),
            moment("2024-03-06T10:55Z"),
            moment("2024-03-06T11:55Z"),
        )
    ]


def test_record_ticks__twice__one_run_and_one_message(make: Make) -> None:
    monitor = make()
    assert (record(), record()) == (1, 0)
    ((run_id,),) = rows_of(monitor.tenant_id, "SELECT id FROM drf_runs")
    sent = [
        each
        for each in wake_ups("detections.execute_run")
        if each["tenant_id"] == str(monitor.tenant_id)
    ]
    assert sent == [{"tenant_id": str(monitor.tenant_id), "run_id": str(run_id)}]


def test_record_ticks__four_beats_at_once__one_run(make: Make) -> None:
    monitor = make()
    ids = list(PeriodicTask.objects.values_list("id", flat=True))
    with connected_as(role_url("scheduler")):
        written = at_once(*[lambda: ticks.record_ticks(ids)] * 4)
    assert sorted(written) == [0, 0, 0, 1]
    assert minutes_before_noon(monitor, "queued") == [0]


SIX_HOURS = list(range(359, -1, -1))  # minutes before noon, oldest first: 06:01 to 12:00


@pytest.mark.parametrize(
    ("policy", "run"),
    [
        # 12:00 is 20 seconds ago and on time, whatever the policy is.
        ("skip", [0]),
        ("latest", [0]),
        ("all", [*range(100, 0, -1), 0]),
    ],
)
def test_record_ticks__nobody_there_for_six_hours__rows_are_as_the_policy_says(
    make: Make, policy: str, run: list[int]
) -> None:
    monitor = make(away=timedelta(hours=6), catch_up=policy)
    assert record() == 360
    assert minutes_before_noon(monitor, "queued") == run
    assert minutes_before_noon(monitor, "skipped") == [
        each for each in SIX_HOURS if each not in run
    ]


@pytest.mark.parametrize(("policy", "run"), [("skip", []), ("latest", [0]), ("all", [2, 1, 0])])
def test_record_ticks__nothing_is_on_time__the_policy_decides_alone(
    make: Make, policy: str, run: list[int]
) -> None:
    monitor = make(away=3 * MINUTE, catch_up=policy, misfire_grace=timedelta(seconds=10))
    record()
    assert minutes_before_noon(monitor, "queued") == run
    assert sorted(run + minutes_before_noon(monitor, "skipped")) == [0, 1, 2]


def test_record_ticks__late_within_the_grace__runs_though_late_ticks_are_skipped(
    make: Make,
) -> None:
    monitor = make(away=5 * MINUTE, catch_up="skip", misfire_grace=timedelta(minutes=2))
    record()
    assert minutes_before_noon(monitor, "queued") == [1, 0]
    assert minutes_before_noon(monitor, "skipped") == [4, 3, 2]


def test_record_ticks__skipped__says_why_and_enqueues_nothing(make: Make) -> None:
    monitor = make(away=3 * MINUTE, catch_up="skip", misfire_grace=timedelta(0))
    record()
    columns = "verdict, reason, finished_at, enqueued_at"
    rows = rows_of(monitor.tenant_id, f"SELECT {columns} FROM drf_runs")
    assert rows == [("", "Missed; catch_up is skip.", None, None)] * 3
    assert wake_ups("detections.execute_run") == []


def test_record_ticks__away_for_a_year__the_oldest_ticks_share_a_row(make: Make) -> None:
    monitor = make(away=timedelta(days=365))
    assert record() == 1001
    query = "SELECT scheduled_for, reason FROM drf_runs ORDER BY scheduled_for LIMIT 1"
    assert rows_of(monitor.tenant_id, query) == [
        (
            NOW.replace(second=0) - 1000 * MINUTE,
            "Missed, as were all ticks before it since 2023-03-07 12:00 UTC.",
        )
    ]


def test_record_ticks__clock_goes_back__the_repeated_hour_has_its_ticks(
    make: Make, monkeypatch: Any
) -> None:
    after = datetime(
        2024, 10, 27, 2, 0, 5, tzinfo=UTC
    )  # 03:00 in Berlin, whose clock went from 03:00 to 02:00 at 01:00 UTC
    monkeypatch.setattr("django.utils.timezone.now", lambda: after)
    monitor = make(schedule_cron="*/30 * * * *", timezone="Europe/Berlin", catch_up="all")
    PeriodicTask.objects.update(last_run_at=datetime(2024, 10, 26, 23, 59, tzinfo=UTC))
    record()
    (found,) = zip(
        *rows_of(monitor.tenant_id, "SELECT scheduled_for FROM drf_runs ORDER BY 1"), strict=True
    )
    assert list(found) == [
        datetime(2024, 10, 27, 0, 0, tzinfo=UTC) + each * timedelta(minutes=30) for each in range(5)
    ]


@pytest.mark.parametrize("status", ["paused", "disabled"])
def test_record_ticks__monitor_not_active_though_its_row_is_on__nothing_is_written(
    make: Make, status: str
) -> None:
    monitor = make()
    with tenant_scope(monitor.tenant_id):
        Monitor.objects.update(status=status)
    assert record() == 0
    with tenant_scope(monitor.tenant_id):
        Monitor.objects.update(status="active")
    assert record() == 0  # nobody has waited for it


def test_request_backfill__of_a_gap__runs_what_was_skipped(make: Make) -> None:
    monitor = make(away=3 * MINUTE, catch_up="skip", misfire_grace=timedelta(0))
    record()
    with tenant_scope(monitor.tenant_id):
        asked = request_backfill(
            monitor=monitor, start=NOW - 3 * MINUTE, end=NOW - MINUTE, requested_by="key:test"
        )
    assert [(run.status, run.trigger) for run in asked] == [("queued", "backfill")] * 2
    assert minutes_before_noon(monitor, "queued") == [2, 1]
    assert minutes_before_noon(monitor, "skipped") == [0]
    found = rows_of(
        monitor.tenant_id,
        "SELECT DISTINCT trigger, requested_by, priority FROM drf_runs WHERE reason = ''",
    )
    assert found == [("backfill", "key:test", 6)]


def test_skipped__run__can_not_be_claimed(make: Make) -> None:
    monitor = make(away=2 * MINUTE, catch_up="skip", misfire_grace=timedelta(0))
    record()
    with tenant_scope(monitor.tenant_id):
        run = DetectionRun.objects.first()
    assert run is not None
    assert claim_run(tenant_id=run.tenant_id, run_id=run.id, worker="w") is None


def test_record_ticks__window_leaves_the_calendar__the_other_monitors_have_their_ticks(
    make: Make,
) -> None:
    make(window=timedelta(days=999_999))
    monitor = make()
    assert record() == 1
    assert minutes_before_noon(monitor, "queued") == [0]


def test_record_ticks__away_for_a_year_with_a_grace_as_long__the_row_of_the_oldest_ticks_is_no_run(
    make: Make,
) -> None:
    monitor = make(away=timedelta(days=365), misfire_grace=timedelta(days=365))
    assert record() == 1001
    assert minutes_before_noon(monitor, "skipped") == [1000]
