"""Schedules are chosen and read in words."""

from datetime import time

import pytest

from drift_detector.screens.schedule_words import choices_of, cron_of, schedule_in_words


@pytest.mark.parametrize(
    ("chosen", "expression"),
    [
        ({"every": "hour", "at": time(6, 15)}, "15 * * * *"),
        ({"every": "day", "at": time(7, 30)}, "30 7 * * *"),
        ({"every": "week", "at": time(0, 0), "weekday": 5}, "0 0 * * 5"),
        ({"every": "month", "at": time(6)}, "0 6 1 * *"),
        ({"every": "cron", "schedule_cron": "*/5 * * * 1-5"}, "*/5 * * * 1-5"),
    ],
)
def test_cron_of__choices__and_back(chosen: dict[str, object], expression: str) -> None:
    assert cron_of(chosen) == expression
    back = choices_of(expression)
    assert {name: back[name] for name in chosen} == chosen


def test_choices_of__sunday_as_zero__is_sunday() -> None:
    assert choices_of("0 6 * * 0")["weekday"] == 7


@pytest.mark.parametrize("zone", ["Nowhere", ""])
def test_schedule_in_words__bad_zone__says_so(zone: str) -> None:
    assert "IANA time zone" in schedule_in_words("0 6 * * *", zone)["problem"]


def test_schedule_in_words__berlin__times_are_its_own() -> None:
    found = schedule_in_words("0 6 * * *", "Europe/Berlin")
    assert found["words"] == "at 06:00 every day"
    assert [(tick.hour, tick.minute, tick.utcoffset() is not None) for tick in found["ticks"]] == [
        (6, 0, True)
    ] * 5
