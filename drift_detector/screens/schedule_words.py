"""Schedules in words: choices that make a cron expression, and a cron expression in words with its next times."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, time
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim
from django.utils import timezone

from drift_detector.scheduling.cron import BadSchedule, check_schedule, next_tick

EVERY = (
    ("hour", "Each hour"),
    ("day", "Each day"),
    ("week", "Each week"),
    ("month", "On the first of each month"),
    ("cron", "By a cron expression"),
)
WEEKDAYS = tuple(
    enumerate(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), 1)
)
SHAPES = (
    ("hour", re.compile(r"(?P<minute>\d+) \* \* \* \*")),
    ("day", re.compile(r"(?P<minute>\d+) (?P<hour>\d+) \* \* \*")),
    ("week", re.compile(r"(?P<minute>\d+) (?P<hour>\d+) \* \* (?P<weekday>[0-7])")),
    ("month", re.compile(r"(?P<minute>\d+) (?P<hour>\d+) 1 \* \*")),
)


def cron_of(chosen: Mapping[str, Any]) -> str:
    """The cron expression of `every`, `at`, `weekday` and `schedule_cron`."""
    every, at = chosen["every"], chosen.get("at") or time(6)
    if every == "cron":
        return str(chosen.get("schedule_cron") or "")
    clock = f"{at.minute} {at.hour}"
    rest = {
        "hour": f"{at.minute} * * * *",
        "day": f"{clock} * * *",
        "week": f"{clock} * * {chosen.get('weekday') or 1}",
        "month": f"{clock} 1 * *",
    }
    return rest[every]


def choices_of(expression: str) -> dict[str, Any]:
    """The choices that make a cron expression; `cron` for one that none of them makes."""
    for every, shape in SHAPES:
        found = shape.fullmatch(expression)
        if found:
            return _choices(every, found.groupdict(), expression)
    return {"every": "cron", "at": time(6), "weekday": 1, "schedule_cron": expression}


def _choices(every: str, numbers: Mapping[str, str], expression: str) -> dict[str, Any]:
    at = time(int(numbers.get("hour", 6)) % 24, int(numbers["minute"]) % 60)
    weekday = int(numbers.get("weekday", 1)) or 7
    return {"every": every, "at": at, "weekday": weekday, "schedule_cron": expression}


def cron_in_words(expression: str) -> str:
    """A valid cron expression as the end of a sentence: `at 06:00 every day`."""
    words: str = CronSim(expression, datetime.now(UTC)).explain()
    return words[:1].lower() + words[1:]


def next_ticks(expression: str, zone: str, count: int = 5) -> list[datetime]:
    """The next times of a schedule, in its zone."""
    return list(islice(_ticks(expression, zone), count))


def _ticks(expression: str, zone: str) -> Any:
    at = timezone.now()
    while True:
        at = next_tick(expression, zone, at)
        yield at.astimezone(ZoneInfo(zone))


def schedule_in_words(expression: str, zone: str) -> dict[str, Any]:
    """A schedule's words and next times, or the reason why it is none."""
    try:
        check_schedule(expression, zone)
    except BadSchedule as error:
        return {"problem": str(error)}
    return {"words": cron_in_words(expression), "ticks": next_ticks(expression, zone)}
