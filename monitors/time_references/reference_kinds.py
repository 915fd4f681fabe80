"""The references in time that a monitor can choose: which earlier time each compares a window with.

A kind is pure arithmetic on the calendar of the monitor's zone. All tables of kinds are derived from `KINDS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from algorithms.method_results import Reference
from drift_detector.formats import counted
from monitors.time_references.calendar_time import (
    DAY,
    Span,
    apart,
    days_earlier,
    days_of,
    earlier,
    first_day,
    first_of_month,
    last_of_month,
    length_of,
    midnight,
)
from monitors.time_references.holiday_days import holidays_before, is_holiday
from monitors.time_references.reference_settings import (
    CountSetting,
    DurationSetting,
    ReferenceSetting,
)

MOST_HOLIDAYS = 8
LONGEST_STRETCH = 732 * DAY

type Choice = Mapping[str, Any]
"""The settings of a chosen reference, by name: durations, numbers, and of holidays the calendar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceKind:
    """A kind of reference in time.

    Attributes:
        spans: The times that a window is compared with, the latest first.
        words: The name of that time in a sentence; `{}` stands for the number that is set.
        number: The setting with that number; empty for none.
        settings: The settings of an entry of `references_in_time`.
        is_stretch: True for a stretch of time of which parts can be left out; otherwise each time is as long as the
            window and is left out as a whole.
    """

    spans: Callable[[Span, Choice, ZoneInfo], list[Span]]
    words: str
    number: str = ""
    settings: Mapping[str, ReferenceSetting] = field(default_factory=dict)
    is_stretch: bool = False

    def name_in_words(self, choice: Choice) -> str:
        """The name of the time of a chosen reference, such as "the same day of the 6 months before"."""
        if not self.number:
            return self.words
        return self.words.format(counted(choice[self.number], self.number.removesuffix("s")))


def _weeks_before(window: Span, choice: Choice, zone: ZoneInfo) -> list[Span]:
    """The same weekday and hour of the weeks before."""
    weeks = range(1, choice["weeks"] + 1)
    return [days_earlier(window, 7 * week, zone) for week in weeks]


def _trailing(window: Span, choice: Choice, zone: ZoneInfo) -> list[Span]:
    """A stretch of time that ends some time before the window begins."""
    end = earlier(window[0], choice["offset"], zone)
    return [(earlier(end, choice["length"], zone), end)]


def _previous(window: Span, _choice: Choice, zone: ZoneInfo) -> list[Span]:
    """The time just before the window, as long as the window."""
    start = window[0]
    return [(earlier(start, length_of(window, zone), zone), start)]


def _day_of_month(window: Span, choice: Choice, zone: ZoneInfo) -> list[Span]:
    """The same hours of the same day of the months before.

    The window begins on that day. The last day of a month is compared with last days, however many days the months
    have. Another day is compared with the day of the same number, so months that have no such day, or in which it is
    the last one, are left out: 30 January with 30 December, and 30 March not with February.
    """
    day, months = first_day(window, zone), range(1, choice["months"] + 1)
    found: list[Span] = []
    for month in months:
        first = first_of_month(day, months_before=month)
        last = last_of_month(first)
        if day == last_of_month(day):
            found.append(days_earlier(window, (day - last).days, zone))
        elif day.day < last.day:
            same = first + (day.day - 1) * DAY
            found.append(days_earlier(window, (day - same).days, zone))
    return found


def _month_of_year(window: Span, choice: Choice, zone: ZoneInfo) -> list[Span]:
    """All of the same month of the years before; the window begins in that month."""
    day, years = first_day(window, zone), range(1, choice["years"] + 1)
    firsts = [first_of_month(day, months_before=12 * year) for year in years]
    return [(midnight(each, zone), midnight(last_of_month(each) + DAY, zone)) for each in firsts]


def _latest_holidays(window: Span, choice: Choice, zone: ZoneInfo) -> list[Span]:
    """The times that lie around earlier holidays as a window lies around its own first one; none shares a moment."""
    calendar = choice["calendar"]
    holiday = next(day for day in days_of(window, zone) if is_holiday(calendar, day))
    days = [(holiday - day).days for day in holidays_before(calendar, holiday)]
    _, *found = apart([window, *(days_earlier(window, each, zone) for each in days)])
    return found[:MOST_HOLIDAYS]


KINDS: Mapping[Reference, ReferenceKind] = {
    Reference.SEASONAL: ReferenceKind(
        spans=_weeks_before, words="the same window of the {} before", number="weeks"
    ),
    Reference.TRAILING: ReferenceKind(
        spans=_trailing,
        words="the trailing reference",
        settings={
            "length": DurationSetting(timedelta(minutes=1), LONGEST_STRETCH),
            "offset": DurationSetting(timedelta(0), LONGEST_STRETCH, default=timedelta(0)),
        },
        is_stretch=True,
    ),
    Reference.PREVIOUS: ReferenceKind(spans=_previous, words="the window before"),
    Reference.DAY_OF_MONTH: ReferenceKind(
        spans=_day_of_month,
        words="the same day of the {} before",
        number="months",
        settings={"months": CountSetting(1, 24, default=6)},
    ),
    Reference.MONTH_OF_YEAR: ReferenceKind(
        spans=_month_of_year,
        words="the same month of the {} before",
        number="years",
        settings={"years": CountSetting(1, 5, default=2)},
        is_stretch=True,
    ),
    Reference.HOLIDAY: ReferenceKind(
        spans=_latest_holidays, words="the time of the latest holidays"
    ),
}
OF_OTHER_FIELDS = (Reference.SEASONAL, Reference.HOLIDAY)
CHOSEN = [each for each in KINDS if each not in OF_OTHER_FIELDS]
"""The kinds of `references_in_time`; the others are asked for by `seasonal_weeks` and `holidays`."""
