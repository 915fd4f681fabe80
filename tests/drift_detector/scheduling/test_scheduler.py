"""Beat's own loop over real rows, as the scheduler's role; what it wrote is read from the ledger and from Valkey."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django_celery_beat.models import PeriodicTask

import tasks.detections  # noqa: F401  (registers the tick task)
from drift_detector.celery import app
from drift_detector.scheduling import leadership
from drift_detector.scheduling.scheduler import ADVISORY_LOCK, TickScheduler
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_tenant
from monitors.models import Monitor
from monitors.services import delete_monitor, retire_monitor, schedule_name, update_monitor
from tests.conftest import connected_as, role_url
from tests.factories import make_monitor, rows_of, wake_ups

type Make = Callable[..., Monitor]

NEW_YEAR = "0 0 1 1 *"
THIS_YEAR = datetime(datetime.now(UTC).year, 1, 1, tzinfo=UTC)
# Of this test process alone: others lead in their own databases of the same server.
END_LEADER = """SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE locktype = 'advisory' AND objid = %s AND datname = current_database()"""
# Twelve hours away, so that the tick can't come while the test runs.
FAR_HOUR = (datetime.now(UTC) + timedelta(hours=12)).hour


@pytest.fixture
def make(committed_tenant: Tenant) -> Make:
    """Make a committed monitor: beat opens and closes connections as it likes."""

    def build(**fields: Any) -> Monitor:
        with tenant_scope(committed_tenant.id):
            return make_monitor(**fields)

    return build


@pytest.fixture
def beat(committed: None, empty_broker: None) -> TickScheduler:
    """A beat that has not looked at anything yet."""
    return TickScheduler(app=app)


def change(monitor: Monitor, **fields: Any) -> None:
    with tenant_scope(monitor.tenant_id):
        update_monitor(monitor=monitor, **fields)


def make_due(monitor: Monitor) -> None:
    """As if the tick before the last were the last that is accounted for."""
    row = PeriodicTask.objects.filter(name=schedule_name(monitor.id))
    assert row.update(last_run_at=datetime.now(UTC) - timedelta(days=366)) == 1


def run_all_due(scheduler: TickScheduler) -> float:
    """Go round beat's loop, in its role, until it wants to sleep; returns for how many seconds."""
    with connected_as(role_url("scheduler")):
        while not (seconds := scheduler.tick()):
            pass
    return float(seconds)


def look_again(scheduler: TickScheduler) -> None:
    """As if the time until beat looks for changes were over."""
    scheduler._look_at = scheduler._reload_at = 0.0
    run_all_due(scheduler)


def ticks(tenant: Tenant) -> list[datetime]:
    return [
        tick
        for (tick,) in rows_of(
            tenant.id, "SELECT scheduled_for FROM drf_runs WHERE trigger = 'schedule'"
        )
    ]


def test_tick__entry_is_due__records_the_cron_tick_and_not_the_clock(
    committed_tenant: Tenant, make: Make, beat: TickScheduler
) -> None:
    make_due(make(schedule_cron=NEW_YEAR))
    run_all_due(beat)
    assert ticks(committed_tenant) == [THIS_YEAR]


def test_tick__zone_of_the_monitor__decides_the_instant(
    committed_tenant: Tenant, make: Make, beat: TickScheduler
) -> None:
    make_due(make(schedule_cron=NEW_YEAR, timezone="Asia/Tokyo"))  # UTC+9, no clock changes
    run_all_due(beat)
    # For the first nine hours of the year in UTC, Tokyo's is the same one still.
    assert [(tick.month, tick.day, tick.hour) for tick in ticks(committed_tenant)] == [(12, 31, 15)]


def test_tick__window_of_the_run__ends_at_the_tick(
    committed_tenant: Tenant, make: Make, beat: TickScheduler
) -> None:
    make_due(make(schedule_cron=NEW_YEAR, window=timedelta(days=3), window_lag=timedelta(hours=1)))
    run_all_due(beat)
    end = THIS_YEAR - timedelta(hours=1)
    windows = rows_of(committed_tenant.id, "SELECT window_start, window_end FROM drf_runs")
    assert windows == [(end - timedelta(days=3), end)]


def test_tick__nothing_is_due__records_nothing_and_says_how_long_it_sleeps(
    committed_tenant: Tenant, make: Make, beat: TickScheduler
) -> None:
    make(schedule_cron=f"0 {FAR_HOUR} * * *")
    assert 0 < run_all_due(beat) <= 2
    assert ticks(committed_tenant) == []


def test_tick__monitors_of_two_tenants_on_one_schedule__each_gets_its_run(
    committed_tenant: Tenant, make: Make, beat: TickScheduler
) -> None:
    other = create_tenant(slug="rival", name="Rival")
    make_due(make(schedule_cron=NEW_YEAR))
    with tenant_scope(other.id):
        make_due(make_monitor(schedule_cron=NEW_YEAR))
    run_all_due(beat)
    assert ticks(committed_tenant) == ticks(other) == [THIS_YEAR]


def test_tick__the_same_tick_again__is_one_run(
    committed_tenant: Tenant, make: Make, beat: TickScheduler
) -> None:
    monitor = make(schedule_cron=NEW_YEAR)
    for scheduler in (beat, TickScheduler(app=app)):
        make_due(monitor)
        run_all_due(scheduler)
    assert ticks(committed_tenant) == [THIS_YEAR]


def test_tick__fired__is_accounted_for_after_a_restart(
    committed_tenant: Tenant, make: Make, beat: TickScheduler
) -> None:
    monitor = make(schedule_cron=NEW_YEAR)
    make_due(monitor)
    run_all_due(beat)
    with tenant_scope(committed_tenant.id), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE drf_runs SET scheduled_for = scheduled_for - interval '1 hour'"
        )  # out of the way
    look_again(TickScheduler(app=app))
    assert len(ticks(committed_tenant)) == 1


def test_tick__hours_all_round_the_clock__all_are_loaded(
    committed_tenant: Tenant, make: Make, beat: TickScheduler
) -> None:
    zones = ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"]
    for hour in range(24):
        make_due(make(schedule_cron=f"0 {hour} 1 1 *", timezone=zones[hour % 3]))
    run_all_due(beat)
    assert len(ticks(committed_tenant)) == 24


def test_tick__monitor_made_while_beat_runs__is_picked_up(
    committed_tenant: Tenant, make: Make, beat: TickScheduler
) -> None:
    run_all_due(beat)
    make_due(make(schedule_cron=NEW_YEAR))
    look_again(beat)
    assert ticks(committed_tenant) == [THIS_YEAR]


def test_tick__schedule_changed_while_beat_runs__the_new_one_counts_from_now(
    committed_tenant: Tenant, make: Make, beat: TickScheduler
) -> None:
    monitor = make(schedule_cron=f"0 {FAR_HOUR} * * *")
    run_all_due(beat)
    change(monitor, schedule_cron="* * * * *")
    look_again(beat)
    assert ticks(committed_tenant) == []
    due = beat._timetable.next_due
    assert due is not None
    assert timedelta(0) < due - datetime.now(UTC) <= timedelta(minutes=1)


def pause(monitor: Monitor) -> None:
    update_monitor(monitor=monitor, status=Monitor.Status.PAUSED)


def remove(monitor: Monitor) -> None:
    retire_monitor(monitor=monitor)
    delete_monitor(monitor=monitor)


@pytest.mark.parametrize("end", [pause, remove])
def test_tick__monitor_paused_or_gone_after_beat_read_it__records_nothing(
    committed_tenant: Tenant, make: Make, beat: TickScheduler, end: Callable[[Monitor], None]
) -> None:
    monitor = make(schedule_cron=NEW_YEAR)
    make_due(monitor)
    with connected_as(role_url("scheduler")):
        beat._look()
    with tenant_scope(committed_tenant.id):
        end(monitor)
    run_all_due(beat)
    assert ticks(committed_tenant) == []


def test_tick__resumed_after_a_long_pause__fires_nothing_of_the_past(
    committed_tenant: Tenant, make: Make, beat: TickScheduler
) -> None:
    monitor = make(schedule_cron=NEW_YEAR)
    make_due(monitor)
    change(monitor, status=Monitor.Status.PAUSED)
    change(monitor, status=Monitor.Status.ACTIVE)
    run_all_due(beat)
    assert ticks(committed_tenant) == []


def test_tick__recorded__a_worker_is_woken(
    committed_tenant: Tenant, make: Make, beat: TickScheduler
) -> None:
    make_due(make(schedule_cron=NEW_YEAR))
    run_all_due(beat)
    [(run_id,)] = rows_of(committed_tenant.id, "SELECT id FROM drf_runs")
    assert {"tenant_id": str(committed_tenant.id), "run_id": str(run_id)} in wake_ups(
        "detections.execute_run"
    )


def test_tick__row_with_another_task__is_never_run(
    committed_tenant: Tenant, make: Make, beat: TickScheduler
) -> None:
    monitor = make(schedule_cron=NEW_YEAR)
    make_due(monitor)
    PeriodicTask.objects.update(task="detections.execute_run")
    run_all_due(beat)
    assert (ticks(committed_tenant), wake_ups("detections.execute_run")) == ([], [])


@pytest.fixture
def other_leader(committed: None) -> Iterator[psycopg.Connection]:
    with psycopg.connect(role_url("scheduler"), autocommit=True) as session:
        session.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        yield session


def test_tick__another_beat_leads__stands_by_and_follows_it_when_it_is_gone(
    committed_tenant: Tenant, make: Make, other_leader: psycopg.Connection, beat: TickScheduler
) -> None:
    make_due(make(schedule_cron=NEW_YEAR))
    assert run_all_due(beat) == 2
    assert ticks(committed_tenant) == []
    other_leader.close()
    look_again(beat)
    assert ticks(committed_tenant) == [THIS_YEAR]


def test_tick__leader_is_silent__loses_its_session_to_another(
    committed_tenant: Tenant,
    make: Make,
    other_leader: psycopg.Connection,
    beat: TickScheduler,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leadership, "SILENT_SECONDS", 0)
    make_due(make(schedule_cron=NEW_YEAR))
    deadline = time.monotonic() + 30
    while not ticks(committed_tenant) and time.monotonic() < deadline:
        look_again(beat)
    assert ticks(committed_tenant) == [THIS_YEAR]
    with pytest.raises(psycopg.OperationalError):
        other_leader.execute("SELECT 1")


def test_tick__connection_is_lost__takes_the_lead_again_and_misses_nothing(
    committed_tenant: Tenant, make: Make, beat: TickScheduler
) -> None:
    make_due(make(schedule_cron=NEW_YEAR))
    with connected_as(role_url("scheduler")):
        beat._look()
        with psycopg.connect(role_url("scheduler"), autocommit=True) as session:
            session.execute(END_LEADER, [ADVISORY_LOCK])
        assert beat.tick() == 2  # it can't write the tick that is due
    look_again(beat)
    assert ticks(committed_tenant) == [THIS_YEAR]
