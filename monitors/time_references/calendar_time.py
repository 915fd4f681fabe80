"""Counts time on the calendar of a zone: days are days on the wall, whatever the clocks do."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)

type Span = tuple[datetime, datetime]
"""The half-open time [start, end), in UTC."""


def earlier(moment: datetime, duration: timedelta, zone: ZoneInfo) -> datetime:
    """The moment that many whole days before on the calendar of the zone, and then the rest by the clock, in UTC."""
    days = timedelta(days=duration.days)
    return (moment.astimezone(zone) - days).astimezone(UTC) - (duration - days)


def days_earlier(span: Span, days: int, zone: ZoneInfo) -> Span:
    """The same hours on the wall, some days before."""
    start, end = span
    return earlier(start, days * DAY, zone), earlier(end, days * DAY, zone)


def length_of(span: Span, zone: ZoneInfo) -> timedelta:
    """The length of a span: in days of the calendar if it is whole days, else by the clock."""
    start, end = (moment.astimezone(zone).replace(tzinfo=None) for moment in span)
    on_the_wall = end - start
    return on_the_wall if on_the_wall >= DAY and not on_the_wall % DAY else span[1] - span[0]


def first_day(span: Span, zone: ZoneInfo) -> date:
    """The local day on which a span begins."""
    return span[0].astimezone(zone).date()


def days_of(span: Span, zone: ZoneInfo) -> list[date]:
    """The local days that a span shares a moment with, in order."""
    first, last = first_day(span, zone), (span[1] - timedelta.resolution).astimezone(zone).date()
    return [first + number * DAY for number in range((last - first).days + 1)]


def day_span(day: date, zone: ZoneInfo) -> Span:
    """A local day, which has 23 to 25 hours."""
    return midnight(day, zone), midnight(day + DAY, zone)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a local day, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def last_of_month(day: date) -> date:
    """The last day of a day's month."""
    return first_of_month(day, months_before=-1) - DAY


def first_of_month(day: date, *, months_before: int = 0) -> date:
    """The first day of the month some months before a day's."""
    year, month = divmod(day.year * 12 + day.month - 1 - months_before, 12)
    return date(year, month + 1, 1)


def overlap(one: Span, other: Span) -> bool:
    """True if two spans share a moment."""
    return one[0] < other[1] and other[0] < one[1]


def apart(spans: Iterable[Span]) -> list[Span]:
    """The spans that share no moment with one before them in the list: no row is counted twice."""
    found: list[Span] = []
    for span in spans:
        if not any(overlap(span, other) for other in found):
            found.append(span)
    return found


def without(spans: Iterable[Span], gaps: Iterable[Span]) -> list[Span]:
    """The parts of spans that lie in none of the gaps, in their order."""
    found = list(spans)
    for gap in gaps:
        found = [part for span in found for part in _cut(span, gap)]
    return found


def _cut(span: Span, gap: Span) -> list[Span]:
    if not overlap(span, gap):
        return [span]
    parts = [(span[0], min(span[1], gap[0])), (max(span[0], gap[1]), span[1])]
    return [(start, end) for start, end in parts if start < end]
