"""Cron arithmetic in a time zone, with both clock changes right (cronsim)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError


class BadSchedule(ValueError):
    """The cron expression or the time zone is not valid; the text says why."""


def check_schedule(expression: str, zone: str) -> None:
    """Raise `BadSchedule` unless the expression has five valid fields and ever comes due, in a known zone."""
    if zone not in available_timezones():
        raise BadSchedule(f"{zone!r} is not an IANA time zone, such as Europe/Berlin.")
    if len(expression.split()) != 5:
        raise BadSchedule(
            "A cron expression has five fields: minute, hour, day of month, month, day of week."
        )
    try:
        next(CronSim(expression, datetime.now(UTC)))
    except CronSimError as error:
        raise BadSchedule(f"{expression!r} is not a cron expression: {error}.") from error
    except StopIteration as error:
        raise BadSchedule(f"{expression!r} never comes due.") from error


def next_tick(expression: str, zone: str, after: datetime) -> datetime:
    """The first tick later than `after`, in UTC."""
    return next(_ticks_after(expression, zone, after))


def ticks_between(expression: str, zone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every tick in [start, end), in UTC."""
    just_before = start.astimezone(UTC) - timedelta(microseconds=1)
    return takewhile(lambda tick: tick < end, _ticks_after(expression, zone, just_before))


def missed_ticks(
    expression: str, zone: str, after: datetime, until: datetime, *, most: int
) -> list[datetime]:
    """The ticks in (after, until], oldest first, in UTC; of more than `most`, the latest."""

    def ticks_since(start: datetime) -> Iterator[datetime]:
        return takewhile(lambda tick: tick <= until, _ticks_after(expression, zone, start))

    ticks = list(islice(ticks_since(after), most + 1))
    if len(ticks) <= most:
        return ticks
    # From further and further back, as a gap may hold a year of minutes. Not by counting backwards: at the clock
    # changes of some zones cronsim then names other ticks.
    span = most * timedelta(minutes=1)
    while len(ticks := list(ticks_since(max(after, until - span)))) < most:
        span *= 2
    return ticks[-most:]


def _ticks_after(expression: str, zone: str, after: datetime) -> Iterator[datetime]:
    """Every tick later than `after`; at a clock change cronsim may go back in time or name one instant twice."""
    for each in CronSim(expression, after.astimezone(ZoneInfo(zone))):
        tick = each.astimezone(UTC)
        if tick > after:
            after = tick
            yield tick
