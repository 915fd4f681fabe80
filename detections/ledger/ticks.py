"""Writes cron ticks into the ledger: each exactly once, also those that came while the scheduler was away."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import groupby
from time import monotonic

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from detections.ledger import runs as ledger
from detections.ledger.dispatch import enqueue_soon
from detections.models import DetectionRun
from drift_detector.observability.metrics import observe_tick_lag
from drift_detector.scheduling.cron import missed_ticks
from drift_detector.scheduling.schedules import expression_of
from drift_detector.scheduling.timetable import Schedule
from monitors.models import Monitor
from monitors.services import monitor_of_schedule

log = structlog.get_logger(__name__)

# Of a longer gap the earlier ticks share a row: a monitor that ticks each minute would have half a million in a year.
MOST_GAP_ROWS = 1000
ROWS_AT_ONCE = 500
# To wake runs is to read all that is unfinished, so not after each of many transactions.
WAKE_SECONDS = 1.0
MONITOR_FIELDS = (
    "id",
    "tenant_id",
    "timezone",
    "window",
    "window_lag",
    "catch_up",
    "misfire_grace",
)
Status, Trigger, CatchUp = DetectionRun.Status, DetectionRun.Trigger, Monitor.CatchUp


def record_ticks(schedule_ids: Sequence[int]) -> int:
    """Write the ticks of these periodic tasks that have come since the last that is accounted for, and wake their runs.

    How far a schedule is accounted for is written in the transaction of its ticks, so what is killed before its end is
    done again, and what is done twice finds nothing to do. Needs the scheduler's role, which writes for every tenant.

    Returns:
        How many rows the ledger has got.
    """
    written, wake_at = 0, monotonic() + WAKE_SECONDS
    for start in range(0, len(schedule_ids), ROWS_AT_ONCE):
        written += _record(schedule_ids[start : start + ROWS_AT_ONCE])
        if monotonic() >= wake_at:
            enqueue_soon()
            wake_at = monotonic() + WAKE_SECONDS
    enqueue_soon()
    return written


def _record(schedule_ids: Sequence[int]) -> int:
    with transaction.atomic():
        now = timezone.now()
        tasks = PeriodicTask.objects.select_for_update(of=("self",)).filter(
            id__in=schedule_ids, enabled=True
        )
        due = {
            monitor_of_schedule(task.name): task
            for task in tasks.select_related("crontab").order_by("id")
        }
        monitors = (
            Monitor.objects.filter(id__in=due, status=Monitor.Status.ACTIVE)
            .order_by("id")
            .only(*MONITOR_FIELDS)
        )
        runs = [run for monitor in monitors for run in _plan(monitor, due[monitor.id], now)]
        written = ledger.write_runs(runs)
        _account(list(due.values()), now)
    for run in written:
        if run.status == Status.QUEUED:
            observe_tick_lag(run.scheduled_for)
    if written:
        log.info(
            "ticks_recorded",
            ticks=len(written),
            skipped=sum(run.status == Status.SKIPPED for run in written),
        )
    return len(written)


def _plan(monitor: Monitor, task: PeriodicTask, now: datetime) -> list[DetectionRun]:
    """A run for each tick since the last; ticks that are too late are skipped, and say why."""
    try:
        return _plan_ticks(monitor, task, now)
    except (
        ArithmeticError,
        ValueError,
    ):  # a window that leaves the calendar, say; the other monitors go on
        log.exception("ticks_not_recorded", monitor_id=str(monitor.id))
        return []


def _plan_ticks(monitor: Monitor, task: PeriodicTask, now: datetime) -> list[DetectionRun]:
    ticks = _ticks(task, now)
    is_long = len(ticks) > MOST_GAP_ROWS
    wanted = wanted_ticks(
        ticks[is_long:], policy=CatchUp(monitor.catch_up), grace=monitor.misfire_grace, now=now
    )
    runs = [ledger.plan_run(monitor, tick, Trigger.SCHEDULE) for tick in ticks]
    for run in runs:
        if run.scheduled_for not in wanted:
            run.status = Status.SKIPPED
            run.reason = f"Missed; catch_up is {monitor.catch_up}."
    if is_long:
        runs[
            0
        ].reason = (
            f"Missed, as were all ticks before it since {_accounted(task):%Y-%m-%d %H:%M} UTC."
        )
    return runs


def wanted_ticks(
    ticks: Sequence[datetime], *, policy: Monitor.CatchUp, grace: timedelta, now: datetime
) -> set[datetime]:
    """Choose the ticks that become runs: those on time, and the late ones that the policy catches up with.

    Args:
        ticks: Oldest first.
        policy: What becomes of late ticks: none runs, the latest does unless a newer one is on time, or all do,
            up to the setting's limit.
        grace: How late a tick is still on time.
        now: What lateness is measured from.
    """
    on_time = [tick for tick in ticks if now - tick <= grace]
    late = [tick for tick in ticks if now - tick > grace]
    match policy:
        case CatchUp.SKIP:
            caught_up = []
        case CatchUp.LATEST:
            caught_up = late[-1:] if not on_time else []
        case CatchUp.ALL:
            caught_up = late[-settings.ENV.runs.max_catch_up :]
    return {*on_time, *caught_up}


def _ticks(task: PeriodicTask, now: datetime) -> tuple[datetime, ...]:
    return _missed(expression_of(task), _accounted(task), now)


def _accounted(task: PeriodicTask) -> datetime:
    accounted: datetime = task.last_run_at or task.date_changed
    return accounted


@lru_cache(maxsize=256)
def _missed(schedule: Schedule, after: datetime, until: datetime) -> tuple[datetime, ...]:
    """The ticks in (after, until]; monitors that share a schedule ask the same."""
    return tuple(missed_ticks(*schedule, after, until, most=MOST_GAP_ROWS + 1))


def _account(tasks: list[PeriodicTask], now: datetime) -> None:
    """Move the schedules on to their latest tick, those of monitors that are not active too."""
    reached = [(ticks[-1], task.id) for task in tasks if (ticks := _ticks(task, now))]
    for tick, group in groupby(sorted(reached), key=lambda each: each[0]):
        PeriodicTask.objects.filter(id__in=[task_id for _, task_id in group]).update(
            last_run_at=tick
        )
