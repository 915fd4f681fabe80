"""Schedules in words: choices that make a cron expression, and a cron expression in words with its next times."""

import re
from collections.abc import Mapping
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from drift_detector.scheduling.cron import BadSchedule, check_schedule
from drift_detector.scheduling.cron_words import cron_in_words, next_ticks

TICKS_SHOWN = 5

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


def schedule_in_words(expression: str, zone: str) -> dict[str, Any]:
    """A schedule's words and next times, or the reason why it is none."""
    try:
        check_schedule(expression, zone)
    except BadSchedule as error:
        return {"problem": str(error)}
    ticks = next_ticks(expression, zone, timezone.now(), TICKS_SHOWN)
    in_zone = [tick.astimezone(ZoneInfo(zone)) for tick in ticks]
    return {"words": cron_in_words(expression), "ticks": in_zone}
