"""Hours in time zones, at clock changes too."""

from datetime import UTC, datetime, time, timedelta

import pytest

from alerts.routing.hours import QuietHours, is_open, next_at

BERLIN = "Europe/Berlin"
NIGHT = QuietHours(time(22), time(7), BERLIN)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        ("2026-01-10 12:00", "2026-01-10 12:00"),  # 13:00 in Berlin
        ("2026-01-10 21:00", "2026-01-11 06:00"),  # 22:00, the first minute
        ("2026-01-10 20:59", "2026-01-10 20:59"),
        ("2026-01-11 05:59", "2026-01-11 06:00"),
        ("2026-01-11 06:00", "2026-01-11 06:00"),
        ("2026-03-28 22:00", "2026-03-29 05:00"),  # the night that has no two o'clock
        ("2026-10-24 22:00", "2026-10-25 06:00"),  # the night that has it twice
    ],
)
def test_quiet_hours__over_midnight__end_in_the_morning(moment: str, end: str) -> None:
    assert NIGHT.end_after(utc(moment)) == utc(end)


def test_quiet_hours__by_day__end_on_the_same_day() -> None:
    noon = QuietHours(time(12), time(14), "UTC")
    assert noon.end_after(utc("2026-01-10 13:00")) == utc("2026-01-10 14:00")
    assert noon.end_after(utc("2026-01-10 14:00")) == utc("2026-01-10 14:00")


@pytest.mark.parametrize(
    ("after", "weekday", "due"),
    [
        ("2026-01-10 07:00", None, "2026-01-11 07:00"),  # 08:00 in Berlin itself is not later
        ("2026-01-10 06:59", None, "2026-01-10 07:00"),
        ("2026-01-10 12:00", 0, "2026-01-12 07:00"),  # a Saturday; Monday comes
        ("2026-03-28 12:00", None, "2026-03-29 06:00"),
    ],
)
def test_next_at__time_of_a_zone__is_the_next_one(
    after: str, weekday: int | None, due: str
) -> None:
    assert next_at(utc(after), time(8), BERLIN, weekday) == utc(due)


@pytest.mark.parametrize(
    ("at", "expected"),
    [("01:59:59", False), ("02:00:00", True), ("02:59:59", True), ("03:00:00", False)],
)
def test_is_open__window_of_an_hour__has_its_start_and_not_its_end(at: str, expected: bool) -> None:
    moment = utc(f"2026-01-11 {at}")
    assert is_open("0 2 * * SUN", "UTC", timedelta(hours=1), moment) == expected
