"""Cron arithmetic in a time zone, with both clock changes right (cronsim)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError


class BadSchedule(ValueError):
    """The cron expression or the time zone is not valid; the text says why."""


def check_schedule(expression: str, zone: str) -> None:
    """Raise `BadSchedule` unless the expression has five valid fields and ever comes due, in a known zone."""
    if zone not in available_timezones():
        raise BadSchedule(f"{zone!r} is not an IANA time zone, such as Europe/Berlin.")
    if len(expression.split()) != 5:
        raise BadSchedule("A cron expression has five fields: minute, hour, day of month, month, day of week.")
    try:
        next(CronSim(expression, datetime.now(UTC)))
    except CronSimError as error:
        raise BadSchedule(f"{expression!r} is not a cron expression: {error}.") from error
    except StopIteration as error:
        raise BadSchedule(f"{expression!r} never comes due.") from error


def next_tick(expression: str, zone: str, after: datetime) -> datetime:
    """The first tick later than `after`, in UTC."""
    return next(CronSim(expression, after.astimezone(ZoneInfo(zone)))).astimezone(UTC)


def latest_tick(expression: str, zone: str, at: datetime) -> datetime:
    """The last tick not later than `at`, in UTC."""
    just_after = at.astimezone(ZoneInfo(zone)).replace(second=0, microsecond=0) + timedelta(minutes=1)
    ticks = CronSim(expression, just_after, reverse=True)
    return next(tick for each in ticks if (tick := each.astimezone(UTC)) <= at)


def ticks_between(expression: str, zone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every tick in [start, end), in UTC."""
    just_before = start.astimezone(ZoneInfo(zone)) - timedelta(microseconds=1)
    for each in CronSim(expression, just_before):
        tick = each.astimezone(UTC)
        if tick >= end:
            return
        if tick >= start:
            yield tick
