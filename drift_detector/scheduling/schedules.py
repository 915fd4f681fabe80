"""The rows of django-celery-beat: one PeriodicTask per monitor, with shared CrontabSchedules."""

from collections.abc import Iterator
from functools import lru_cache

from celery.schedules import ParseException
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from drift_detector.scheduling.cron import BadSchedule, canonical, check_schedule
from drift_detector.scheduling.timetable import Row, Schedule

TICK_TASK = "detections.record_ticks"
CHUNK_ROWS = 10_000
FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
CRONTAB_COLUMNS = tuple(f"crontab__{field}" for field in FIELDS)
ROW_COLUMNS = ("id", "last_run_at", "date_changed", "crontab__timezone", *CRONTAB_COLUMNS)


@lru_cache(maxsize=1024)  # a document has a thousand monitors, and few schedules
def check_storable(expression: str, zone: str) -> None:
    """Check that cronsim and django-celery-beat both understand a schedule.

    Raises:
        BadSchedule: If one of them does not.
    """
    check_schedule(expression, zone)
    try:
        _ = CrontabSchedule(**_fields(expression), timezone=zone).schedule
    except (ParseException, ValueError) as error:
        raise BadSchedule(
            f"{expression!r} can't be kept as a schedule: {error}. "
            "Sunday is 0; L, W and # are not used."
        ) from error


def put_schedule(name: str, *, expression: str, zone: str, enabled: bool) -> None:
    """Create or change the periodic task of this name, in the caller's transaction.

    Its `last_run_at` is the last tick that is accounted for. A task that is new, changed or enabled
    again counts from now.
    """
    task = _locked_task(name)
    if task and task.enabled == enabled and expression_of(task) == (canonical(expression), zone):
        return
    task = task or PeriodicTask(name=name, task=TICK_TASK)
    task.crontab = _shared_crontab(_fields(expression) | {"timezone": zone})
    task.enabled, task.last_run_at = enabled, timezone.now()
    task.save()


def _locked_task(name: str) -> PeriodicTask | None:
    locked = PeriodicTask.objects.select_for_update(of=("self",)).select_related("crontab")
    return locked.filter(name=name).first()


def _shared_crontab(fields: dict[str, str]) -> CrontabSchedule:
    # get_or_create would fail on duplicates: crontab rows have no unique constraint, so two
    # transactions can have created the same one.
    crontabs = CrontabSchedule.objects
    return crontabs.filter(**fields).first() or crontabs.create(**fields)


def remove_schedule(name: str) -> None:
    """Remove the periodic task of this name, if there is one."""
    PeriodicTask.objects.filter(name=name).delete()


def expression_of(periodic_task: PeriodicTask) -> Schedule:
    """The cron expression and the zone of a periodic task."""
    crontab = periodic_task.crontab
    return Schedule(" ".join(getattr(crontab, field) for field in FIELDS), str(crontab.timezone))


def list_rows() -> Iterator[Row]:
    """The periodic tasks of all monitors that are on, read in chunks."""
    tasks = PeriodicTask.objects.filter(enabled=True, task=TICK_TASK, crontab__isnull=False)
    rows = tasks.values_list(*ROW_COLUMNS).iterator(chunk_size=CHUNK_ROWS)
    for id_, last_run_at, changed, zone, *fields in rows:
        yield Row(id_, Schedule(" ".join(fields), str(zone)), last_run_at or changed)


def _fields(expression: str) -> dict[str, str]:
    return dict(zip(FIELDS, expression.split(), strict=True))
