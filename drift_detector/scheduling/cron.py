"""Cron arithmetic in a time zone, with both clock changes right (cronsim)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

LONGEST_CLOCK_CHANGE = timedelta(hours=3)  # Antarctica/Troll moves by two


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
    return next(_ticks_after(expression, zone, after))


def latest_tick(expression: str, zone: str, at: datetime) -> datetime:
    """The last tick not later than `at`, in UTC."""
    just_after = at.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    if just_after.astimezone(ZoneInfo(zone)).fold:
        # The clock repeats an hour: a tick before `at` may have a later local time.
        just_after += LONGEST_CLOCK_CHANGE
    ticks = CronSim(expression, just_after.astimezone(ZoneInfo(zone)), reverse=True)
    return next(tick for each in ticks if (tick := each.astimezone(UTC)) <= at)


def ticks_between(expression: str, zone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every tick in [start, end), in UTC."""
    just_before = start.astimezone(UTC) - timedelta(microseconds=1)
    return takewhile(lambda tick: tick < end, _ticks_after(expression, zone, just_before))


def missed_ticks(expression: str, zone: str, after: datetime, until: datetime, *, most: int) -> list[datetime]:
    """The ticks in (after, until], oldest first, in UTC; of more than `most`, the latest."""
    ticks = list(islice(takewhile(lambda tick: tick <= until, _ticks_after(expression, zone, after)), most + 1))
    if len(ticks) <= most:
        return ticks
    latest = [latest_tick(expression, zone, until)]
    while len(latest) < most:
        latest.append(latest_tick(expression, zone, latest[-1] - timedelta(microseconds=1)))
    return latest[::-1]


def _ticks_after(expression: str, zone: str, after: datetime) -> Iterator[datetime]:
    """Every tick later than `after`; at a clock change cronsim may go back in time or name one instant twice."""
    for each in CronSim(expression, after.astimezone(ZoneInfo(zone))):
        tick = each.astimezone(UTC)
        if tick > after:
            after = tick
            yield tick
