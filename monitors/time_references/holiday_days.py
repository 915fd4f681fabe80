"""Knows the holidays of a country or of a part of it, from the package `holidays`, which takes its time to import.

A calendar is written as the country, or as the country and its part: `DE`, `US-CA`.
"""

from datetime import date
from functools import cache

from monitors.time_references.calendar_time import DAY

LOOK_BACK = 800 * DAY
"""Earlier holidays are sought in this time before a window."""


def knows_calendar(code: str) -> bool:
    """True if there is a calendar of that name."""
    from holidays import list_supported_countries

    country, dash, part = code.partition("-")
    calendars = list_supported_countries()
    return country in calendars and (not dash or part in calendars[country])


@cache
def holidays_in(code: str, year: int) -> frozenset[date]:
    """The holidays of a year.

    Args:
        code: A calendar that is known.
        year: Of the Gregorian calendar; years that the package does not know have none.
    """
    from holidays import country_holidays

    country, _, part = code.partition("-")
    return frozenset(country_holidays(country, subdiv=part or None, years=year))


def is_holiday(code: str, day: date) -> bool:
    """True if a local day is a holiday."""
    return day in holidays_in(code, day.year)


def holidays_before(code: str, day: date) -> list[date]:
    """The holidays in the time before a day, the latest first."""
    first = day - LOOK_BACK
    found = {each for year in range(first.year, day.year + 1) for each in holidays_in(code, year)}
    return sorted((each for each in found if first <= each < day), reverse=True)
