"""Beat's own loop over real rows; what it wrote is read from the ledger and from Valkey."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django_celery_beat.models import PeriodicTask

import tasks.detections  # noqa: F401  (registers the tick task)
from drift_detector.celery import app
from drift_detector.scheduling.scheduler import TickScheduler
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from monitors.services import schedule_name, update_monitor
from tests.conftest import connected_as, role_url
from tests.factories import make_monitor, rows_of, wake_ups

type Start = Callable[[], TickScheduler]
type Make = Callable[..., Monitor]

NEW_YEAR = "0 0 1 1 *"
# Twelve hours away, so that the tick can't come while the test runs.
FAR_HOUR = (datetime.now(UTC) + timedelta(hours=12)).hour


@pytest.fixture
def start() -> Iterator[Start]:
    """A beat that has just started; its state is not written when Python exits."""
    started = []

    def build() -> TickScheduler:
        started.append(TickScheduler(app=app))
        return started[-1]

    yield build
    for scheduler in started:
        scheduler._finalize.cancel()


@pytest.fixture
def make(committed_tenant: Tenant) -> Make:
    """Make a committed monitor: beat opens and closes connections as it likes."""

    def build(**fields: Any) -> Monitor:
        with tenant_scope(committed_tenant.id):
            return make_monitor(**fields)

    return build


def change(monitor: Monitor, **fields: Any) -> None:
    with tenant_scope(monitor.tenant_id):
        update_monitor(monitor=monitor, **fields)


def make_due(monitor: Monitor) -> None:
    """As if beat had looked at this monitor last a year and a half ago."""
    row = PeriodicTask.objects.filter(name=schedule_name(monitor.id))
    assert row.update(last_run_at=datetime.now(UTC) - timedelta(days=550)) == 1


def run_all_due(scheduler: TickScheduler) -> float:
    """Go round beat's loop until it wants to sleep; returns for how many seconds."""
    while not (seconds := scheduler.tick()):
        pass
    return float(seconds)


def ticks(tenant: Tenant) -> list[datetime]:
    return [tick for (tick,) in rows_of(tenant.id, "SELECT scheduled_for FROM drf_runs WHERE trigger = 'schedule'")]


def test_tick__entry_is_due__records_the_cron_tick_and_not_the_clock(
    committed_tenant: Tenant, make: Make, start: Start
) -> None:
    make_due(make(schedule_cron=NEW_YEAR))
    run_all_due(start())
    assert ticks(committed_tenant) == [datetime(datetime.now(UTC).year, 1, 1, tzinfo=UTC)]


def test_tick__zone_of_the_monitor__decides_the_instant(committed_tenant: Tenant, make: Make, start: Start) -> None:
    make_due(make(schedule_cron=NEW_YEAR, timezone="Asia/Tokyo"))  # UTC+9, no clock changes
    run_all_due(start())
    # For the first nine hours of the year in UTC, Tokyo's is the same one still.
    assert [(tick.month, tick.day, tick.hour) for tick in ticks(committed_tenant)] == [(12, 31, 15)]


def test_tick__window_of_the_run__ends_at_the_tick(committed_tenant: Tenant, make: Make, start: Start) -> None:
    make_due(make(schedule_cron=NEW_YEAR, window=timedelta(days=3), window_lag=timedelta(hours=1)))
    run_all_due(start())
    end = datetime(datetime.now(UTC).year, 1, 1, tzinfo=UTC) - timedelta(hours=1)
    windows = rows_of(committed_tenant.id, "SELECT window_start, window_end FROM drf_runs")
    assert windows == [(end - timedelta(days=3), end)]


def test_tick__entry_is_not_due__records_nothing(committed_tenant: Tenant, make: Make, start: Start) -> None:
    make(schedule_cron=f"0 {FAR_HOUR} * * *")
    run_all_due(start())
    assert ticks(committed_tenant) == []


def test_is_due__not_due__says_how_long_until_the_next_tick(committed_tenant: Tenant, make: Make, start: Start) -> None:
    monitor = make(schedule_cron=f"0 {FAR_HOUR} * * *")
    is_due, seconds = start().schedule[schedule_name(monitor.id)].is_due()
    assert not is_due
    assert 11 * 3600 < seconds <= 13 * 3600


def test_tick__two_beats_fire_the_same_tick__one_run(committed_tenant: Tenant, make: Make, start: Start) -> None:
    monitor = make(schedule_cron=NEW_YEAR)
    for beat in (start(), start()):
        make_due(monitor)
        run_all_due(beat)
    assert len(ticks(committed_tenant)) == 1


def test_tick__fired__is_not_due_again_after_a_restart(committed_tenant: Tenant, make: Make, start: Start) -> None:
    monitor = make(schedule_cron=NEW_YEAR)
    make_due(monitor)
    first = start()
    run_all_due(first)
    first.sync()
    assert not start().schedule[schedule_name(monitor.id)].is_due().is_due


def test_schedule__hours_all_round_the_clock__all_are_loaded(
    committed_tenant: Tenant, make: Make, start: Start
) -> None:
    zones = ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"]
    made = [make(schedule_cron=f"0 {hour} * * *", timezone=zones[hour % 3]) for hour in range(24)]
    assert {schedule_name(monitor.id) for monitor in made} <= set(start().schedule)


def test_schedule__paused_monitor__is_not_loaded(committed_tenant: Tenant, make: Make, start: Start) -> None:
    monitor = make(status=Monitor.Status.PAUSED)
    assert schedule_name(monitor.id) not in start().schedule


def test_schedule__monitor_made_while_beat_runs__is_picked_up(
    committed_tenant: Tenant, make: Make, start: Start
) -> None:
    scheduler = start()
    run_all_due(scheduler)
    monitor = make()
    assert schedule_name(monitor.id) in scheduler.schedule


def test_tick__monitor_paused_after_beat_read_it__records_nothing(
    committed_tenant: Tenant, make: Make, start: Start
) -> None:
    monitor = make(schedule_cron=NEW_YEAR)
    make_due(monitor)
    scheduler = start()
    entry = scheduler.schedule[schedule_name(monitor.id)]
    change(monitor, status=Monitor.Status.PAUSED)
    scheduler.apply_entry(entry)
    assert ticks(committed_tenant) == []


def test_tick__resumed_after_a_long_pause__fires_nothing_of_the_past(
    committed_tenant: Tenant, make: Make, start: Start
) -> None:
    monitor = make(schedule_cron=f"0 {FAR_HOUR} * * *")
    make_due(monitor)
    change(monitor, status=Monitor.Status.PAUSED)
    change(monitor, status=Monitor.Status.ACTIVE)
    run_all_due(start())
    assert ticks(committed_tenant) == []


def test_tick__as_the_scheduler_role__records_and_wakes_a_worker(
    committed_tenant: Tenant, make: Make, start: Start
) -> None:
    make_due(make(schedule_cron=NEW_YEAR))
    with connected_as(role_url("scheduler")):
        run_all_due(start())
    [(run_id,)] = rows_of(committed_tenant.id, "SELECT id FROM drf_runs")
    assert {"tenant_id": str(committed_tenant.id), "run_id": str(run_id)} in wake_ups("detections.execute_run")
