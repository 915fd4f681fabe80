"""Rows of django-celery-beat: one PeriodicTask per monitor, CrontabSchedules shared."""

import json
from collections.abc import Mapping

from celery.schedules import ParseException
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from drift_detector.scheduling.cron import BadSchedule, check_schedule

TICK_TASK = "detections.record_tick"
FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")


def check_storable(expression: str, zone: str) -> None:
    """Raise `BadSchedule` unless cronsim and django-celery-beat both understand the schedule."""
    check_schedule(expression, zone)
    try:
        _ = CrontabSchedule(**_fields(expression), timezone=zone).schedule
    except (ParseException, ValueError) as error:
        raise BadSchedule(
            f"{expression!r} can't be kept as a schedule: {error}. Sunday is 0; L, W and # are not used."
        ) from error


def put_schedule(name: str, *, expression: str, zone: str, kwargs: Mapping[str, str], enabled: bool) -> None:
    """Make or change the periodic task of this name."""
    # Not get_or_create: crontab rows have no unique constraint, so two at once may have made the same one.
    wanted = _fields(expression) | {"timezone": zone}
    crontab = CrontabSchedule.objects.filter(**wanted).first() or CrontabSchedule.objects.create(**wanted)
    PeriodicTask.objects.update_or_create(
        name=name,
        defaults={"task": TICK_TASK, "crontab": crontab, "kwargs": json.dumps(dict(kwargs)), "enabled": enabled},
    )


def remove_schedule(name: str) -> None:
    """Remove the periodic task of this name, if there is one."""
    PeriodicTask.objects.filter(name=name).delete()


def expression_of(periodic_task: PeriodicTask) -> tuple[str, str]:
    """The cron expression and the zone of a periodic task."""
    crontab = periodic_task.crontab
    return " ".join(getattr(crontab, field) for field in FIELDS), str(crontab.timezone)


def _fields(expression: str) -> dict[str, str]:
    return dict(zip(FIELDS, expression.split(), strict=True))
