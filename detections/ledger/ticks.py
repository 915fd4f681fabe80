"""Writes cron ticks into the ledger: each exactly once, also those that came while the scheduler was away."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import groupby
from time import monotonic
from uuid import UUID

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
from drift_detector.tenancy import quotas
from drift_detector.tenancy.models import Quota
from monitors.health_reviews import request_reviews
from monitors.models import Monitor
from monitors.services import monitor_of_schedule

log = structlog.get_logger(__name__)

# Of a longer gap the earlier ticks share a row: a monitor that ticks each minute would have half a million in a year.
MOST_GAP_ROWS = 1000
ROWS_AT_ONCE = 500
# To enqueue runs is to read all that is unfinished, so not after each of many transactions.
ENQUEUE_SECONDS = 1.0
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
    """Write the ticks of these schedules since the last that is accounted for, and enqueue their runs.

    How far a schedule is accounted for is written in the transaction of its ticks, so what is killed before its end is
    done again, and what is done twice finds nothing to do. Needs the scheduler's role, which writes for every tenant.

    Returns:
        How many rows the ledger has got.
    """
    written, enqueue_at = 0, monotonic() + ENQUEUE_SECONDS
    for start in range(0, len(schedule_ids), ROWS_AT_ONCE):
        written += _record(schedule_ids[start : start + ROWS_AT_ONCE])
        if monotonic() >= enqueue_at:
            enqueue_soon()
            enqueue_at = monotonic() + ENQUEUE_SECONDS
    enqueue_soon()
    return written


def _record(schedule_ids: Sequence[int]) -> int:
    with transaction.atomic():
        now = timezone.now()
        tasks = _lock_schedules(schedule_ids)
        written = ledger.write_runs(_planned_runs(tasks, now))
        _skip_over_quota(written)
        request_reviews(_without_a_check(written))
        _account(list(tasks.values()), now)
    _report(written)
    return len(written)


def _lock_schedules(schedule_ids: Sequence[int]) -> dict[UUID, PeriodicTask]:
    """The enabled schedules, locked, by the id of their monitor."""
    tasks = PeriodicTask.objects.select_for_update(of=("self",)).filter(
        id__in=schedule_ids, enabled=True
    )
    in_order = tasks.select_related("crontab").order_by("id")
    return {monitor_of_schedule(task.name): task for task in in_order}


def _planned_runs(tasks: Mapping[UUID, PeriodicTask], now: datetime) -> list[DetectionRun]:
    monitors = Monitor.objects.filter(id__in=tasks, status=Monitor.Status.ACTIVE).order_by("id")
    runs: list[DetectionRun] = []
    for monitor in monitors.only(*MONITOR_FIELDS):
        runs += _plan(monitor, tasks[monitor.id], now)
    return runs


def _report(written: Sequence[DetectionRun]) -> None:
    """Log the runs of ticks, and measure how late the ledger got those that are wanted."""
    queued = [run for run in written if run.status == Status.QUEUED]
    for run in queued:
        observe_tick_lag(run.scheduled_for)
    if written:
        log.info("ticks_recorded", ticks=len(written), skipped=len(written) - len(queued))


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
    runs = [ledger.plan_run(monitor, tick, Trigger.SCHEDULE) for tick in ticks]
    is_long = len(ticks) > MOST_GAP_ROWS
    _skip_unwanted(runs, monitor, ticks[is_long:], now)
    if is_long:
        since = f"{_accounted(task):%Y-%m-%d %H:%M} UTC"
        runs[0].reason = f"Missed, as were all ticks before it since {since}."
    return runs


def _skip_unwanted(
    runs: list[DetectionRun], monitor: Monitor, ticks: Sequence[datetime], now: datetime
) -> None:
    """Mark runs as skipped, except those of ticks that the monitor still wants."""
    policy = CatchUp(monitor.catch_up)
    wanted = wanted_ticks(ticks, policy=policy, grace=monitor.misfire_grace, now=now)
    for run in runs:
        if run.scheduled_for not in wanted:
            run.status = Status.SKIPPED
            run.reason = f"Missed; catch_up is {monitor.catch_up}."


def _skip_over_quota(written: Sequence[DetectionRun]) -> None:
    """Count the runs of ticks by tenant; those that a quota has no room for are skipped, and say until when."""
    by_tenant: dict[UUID, list[DetectionRun]] = defaultdict(list)
    for run in written:
        if run.status == Status.QUEUED:
            by_tenant[run.tenant_id].append(run)
    wanted = {tenant: len(runs) for tenant, runs in by_tenant.items()}
    for tenant, standing in quotas.take_for_all(Quota.RUNS, wanted).items():
        in_order = sorted(by_tenant[tenant], key=lambda run: run.scheduled_for)
        _skip(in_order[standing.room :], quotas.sentence_of(standing))


def _skip(runs: Sequence[DetectionRun], reason: str) -> None:
    for run in runs:
        run.status, run.reason = Status.SKIPPED, reason
    ledger.skip_runs([run.id for run in runs], reason=reason)


def _without_a_check(written: Sequence[DetectionRun]) -> list[tuple[UUID, UUID]]:
    """The tenants and ids of monitors whose newest tick is skipped; where a later one runs, all is well."""
    newest = {run.monitor_id: run for run in sorted(written, key=lambda each: each.scheduled_for)}
    return [
        (run.tenant_id, run.monitor_id) for run in newest.values() if run.status == Status.SKIPPED
    ]


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
    return {*on_time, *_caught_up(late, policy, is_one_on_time=bool(on_time))}


def _caught_up(
    late: list[datetime], policy: Monitor.CatchUp, *, is_one_on_time: bool
) -> list[datetime]:
    match policy:
        case CatchUp.SKIP:
            return []
        case CatchUp.LATEST:
            return [] if is_one_on_time else late[-1:]
        case CatchUp.ALL:
            return late[-settings.ENV.runs.max_catch_up :]


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
