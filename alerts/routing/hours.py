"""The hours of routes: when a digest is due, when quiet hours end, when a maintenance window is open. Pure."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from drift_detector.scheduling.cron import ticks_between

DAY = timedelta(days=1)
SMALLEST = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A part of each day, in a time zone; `start` after `end` goes over midnight."""

    start: time
    end: time
    zone: str

    def end_after(self, moment: datetime) -> datetime:
        """The moment itself, or the end of the quiet hours that it lies in."""
        local = moment.astimezone(ZoneInfo(self.zone))
        if not self._has(local.time()):
            return moment
        end = next_at(moment, self.end, self.zone)
        # At a clock change the end can fall into an hour that there is twice or not at all.
        return max(end, moment)

    def _has(self, clock: time) -> bool:
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


def next_at(after: datetime, clock: time, zone: str, weekday: int | None = None) -> datetime:
    """The next moment that clocks in a zone show a time, on a weekday (0 is Monday) or on any day.

    Args:
        after: The moment is later than this.
        clock: The time of day.
        zone: The IANA name of the zone.
        weekday: The day of the week; None for any.
    """
    info = ZoneInfo(zone)
    local = after.astimezone(info)
    day = local.date()
    while True:
        moment = datetime.combine(day, clock, tzinfo=info)
        if moment > after and weekday in (None, day.weekday()):
            return moment.astimezone(after.tzinfo)
        day += DAY


def is_open(cron: str, zone: str, duration: timedelta, at: datetime) -> bool:
    """True if a window that opens by a cron schedule is open at a moment."""
    opened = ticks_between(cron, zone, at - duration + SMALLEST, at + SMALLEST)
    return next(opened, None) is not None
