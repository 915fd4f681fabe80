"""Cron arithmetic in a time zone, with both clock changes right (cronsim)."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from drift_detector.scheduling.zones import check_zone

MONTH = timedelta(days=30.4)
"""The month of every rate: a twelfth of 365 days, to one digit."""
CALENDAR = [date.fromordinal(date(2001, 1, 1).toordinal() + day) for day in range(10_227)]
"""The days of 28 years, after which weekdays and leap years come in the same order again."""


class BadSchedule(ValueError):
    """The cron expression or the time zone is not valid; the text says why."""


def check_schedule(expression: str, zone: str) -> None:
    """Check a cron expression and its time zone.

    Raises:
        BadSchedule: If the expression does not have five valid fields, if it never comes due, or if
            the zone is unknown.
    """
    try:
        check_zone(zone)
    except ValueError as error:
        raise BadSchedule(str(error)) from error
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


def canonical(expression: str) -> str:
    """The expression with single spaces: two spellings of one schedule are equal."""
    return " ".join(expression.split())


def next_tick(expression: str, zone: str, after: datetime) -> datetime:
    """The first tick later than `after`, in UTC."""
    return next(ticks_after(expression, zone, after))


def ticks_between(expression: str, zone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every tick in [start, end), in UTC."""
    just_before = start.astimezone(UTC) - timedelta(microseconds=1)
    return takewhile(lambda tick: tick < end, ticks_after(expression, zone, just_before))


def missed_ticks(
    expression: str, zone: str, after: datetime, until: datetime, *, most: int
) -> list[datetime]:
    """The latest `most` ticks in (after, until], oldest first, in UTC."""

    def ticks_since(start: datetime) -> Iterator[datetime]:
        return takewhile(lambda tick: tick <= until, ticks_after(expression, zone, start))

    ticks = list(islice(ticks_since(after), most + 1))
    return ticks if len(ticks) <= most else _latest_ticks(ticks_since, after, until, most)


def _latest_ticks(
    ticks_since: Callable[[datetime], Iterable[datetime]],
    after: datetime,
    until: datetime,
    most: int,
) -> list[datetime]:
    """The latest `most` of the ticks in (after, until], of which there are more.

    Args:
        ticks_since: Returns the ticks from a moment to `until`.
        after: The start of the gap.
        until: The end of the gap.
        most: The number of ticks to return.
    """
    # A gap can hold a year of minutes, so the search begins near the end and doubles its span.
    # Counting backwards would be wrong: cronsim then names other ticks at the clock changes of some
    # zones.
    span = most * timedelta(minutes=1)
    while len(ticks := list(ticks_since(max(after, until - span)))) < most:
        span *= 2
    return ticks[-most:]


def ticks_after(expression: str, zone: str, after: datetime) -> Iterator[datetime]:
    """Every tick later than `after`.

    At a clock change cronsim can go back in time or name an instant twice; these are left out.
    """
    for each in CronSim(expression, after.astimezone(ZoneInfo(zone))):
        tick = each.astimezone(UTC)
        if tick > after:
            after = tick
            yield tick


@lru_cache(maxsize=1024)
def runs_per_month(expression: str) -> float:
    """The mean number of ticks in a `MONTH`, over all years; clock changes move it by less than 0.1 %.

    Raises:
        BadSchedule: If the expression cannot be read.
    """
    try:
        cron = CronSim(expression, datetime.now(UTC))
    except CronSimError as error:
        raise BadSchedule(f"{expression!r} is not a cron expression: {error}.") from error
    days = sum(day.month in cron.months and cron.match_day(day) for day in CALENDAR)
    ticks_a_day = len(cron.minutes) * len(cron.hours)
    return ticks_a_day * days / len(CALENDAR) * (MONTH / timedelta(days=1))
