"""Debian cron's rules at a clock change, as instants worked out by hand from the IANA data.

Jobs at fixed times run once: at once when their time was skipped, in the first pass when it is repeated. Jobs by
wildcard follow the elapsed time.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from drift_detector.scheduling.cron import (
    MONTH,
    BadSchedule,
    check_schedule,
    missed_ticks,
    next_tick,
    runs_per_month,
    ticks_between,
)

NEW_YORK, BERLIN, LORD_HOWE = "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"
DAY = timedelta(days=1)
CLOCK_CHANGES = [
    # expression, zone, start of a local day in UTC, the ticks of that day in UTC
    ("30 2 * * *", NEW_YORK, "2024-03-10T05:00", ["2024-03-10T07:00"]),  # 02:00 -> 03:00
    ("15,45 2 * * *", NEW_YORK, "2024-03-10T05:00", ["2024-03-10T07:00"]),
    ("30 1 * * *", NEW_YORK, "2024-11-03T04:00", ["2024-11-03T05:30"]),  # 02:00 -> 01:00
    ("0 2 * * *", NEW_YORK, "2024-11-03T04:00", ["2024-11-03T07:00"]),
    ("30 2 * * *", BERLIN, "2024-03-30T23:00", ["2024-03-31T01:00"]),  # 02:00 -> 03:00
    ("0 3 * * *", BERLIN, "2024-03-30T23:00", ["2024-03-31T01:00"]),
    ("30 2 * * *", BERLIN, "2024-10-26T22:00", ["2024-10-27T00:30"]),  # 03:00 -> 02:00
    ("0 3 * * *", BERLIN, "2024-10-26T22:00", ["2024-10-27T02:00"]),
    ("15 2 * * *", LORD_HOWE, "2024-10-05T13:30", ["2024-10-05T15:30"]),  # 02:00 -> 02:30
    ("45 1 * * *", LORD_HOWE, "2024-04-06T13:00", ["2024-04-06T14:45"]),  # 02:00 -> 01:30
    ("0 2 * * *", LORD_HOWE, "2024-04-06T13:00", ["2024-04-06T15:30"]),
]


def latest_tick(expression: str, zone: str, at: datetime) -> datetime:
    """The last tick not later than `at`."""
    (tick,) = missed_ticks(expression, zone, at - timedelta(days=800), at, most=1)
    return tick


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("expression", "zone", "midnight", "expected"), CLOCK_CHANGES)
def test_ticks_between__day_of_a_clock_change__fixed_time_comes_once(
    expression: str, zone: str, midnight: str, expected: list[str]
) -> None:
    start = utc(midnight)
    ticks = list(ticks_between(expression, zone, start, start + timedelta(hours=12)))
    assert ticks == [utc(tick) for tick in expected]


@pytest.mark.parametrize(("expression", "zone", "midnight", "expected"), CLOCK_CHANGES)
def test_next_tick__day_of_a_clock_change__is_the_only_tick_then_one_of_another_day(
    expression: str, zone: str, midnight: str, expected: list[str]
) -> None:
    first = next_tick(expression, zone, utc(midnight))
    assert first == utc(expected[0])
    assert next_tick(expression, zone, first) > first + timedelta(hours=20)


@pytest.mark.parametrize(("expression", "zone", "midnight", "expected"), CLOCK_CHANGES)
def test_latest_tick__every_minute_after_a_clock_change__is_still_that_tick(
    expression: str, zone: str, midnight: str, expected: list[str]
) -> None:
    tick = utc(expected[0])
    later = [tick + timedelta(minutes=minute) for minute in range(180)]
    assert {latest_tick(expression, zone, at) for at in later} == {tick}


@pytest.mark.parametrize(("expression", "zone", "midnight", "expected"), CLOCK_CHANGES)
def test_next_tick__every_minute_after_a_clock_change__lies_ahead(
    expression: str, zone: str, midnight: str, expected: list[str]
) -> None:
    tick = utc(expected[0])
    for minute in range(180):
        at = tick + timedelta(minutes=minute)
        assert next_tick(expression, zone, at) > tick + timedelta(hours=20)


@pytest.mark.parametrize(
    ("zone", "midnight", "hours"),
    [
        (NEW_YORK, "2024-03-10T05:00", 23),
        (NEW_YORK, "2024-11-03T04:00", 25),
        (BERLIN, "2024-03-30T23:00", 23),
        (BERLIN, "2024-10-26T22:00", 25),
        (LORD_HOWE, "2024-10-05T13:30", 23.5),
        (LORD_HOWE, "2024-04-06T13:00", 24.5),
    ],
)
def test_ticks_between__wildcard_on_a_day_of_another_length__follows_elapsed_time(
    zone: str, midnight: str, hours: float
) -> None:
    start = utc(midnight)
    ticks = list(ticks_between("*/5 * * * *", zone, start, start + timedelta(hours=hours)))
    assert len(ticks) == hours * 12
    assert {later - earlier for earlier, later in pairwise(ticks)} == {timedelta(minutes=5)}


@pytest.mark.parametrize(
    ("zone", "changes"),
    [(NEW_YORK, "2024-11-03T06:00"), (BERLIN, "2024-10-27T01:00"), (LORD_HOWE, "2024-04-06T15:00")],
)
def test_latest_tick__every_minute_while_the_hour_repeats__is_this_minute(
    zone: str, changes: str
) -> None:
    minutes = [utc(changes) + timedelta(minutes=minute) for minute in range(-60, 61)]
    assert [latest_tick("* * * * *", zone, at + timedelta(seconds=20)) for at in minutes] == minutes


def test_ticks_between__starting_where_the_clock_jumps__keeps_the_first_hour() -> None:
    start = utc("2024-03-10T07:00")  # 03:00 in New York; 02:59 does not exist
    ticks = list(ticks_between("0 * * * *", NEW_YORK, start, start + timedelta(hours=2)))
    assert ticks == [start, start + timedelta(hours=1)]


def test_ticks_between__bounds_are_ticks__start_is_in_and_end_is_not() -> None:
    start, end = utc("2024-05-01T00:00"), utc("2024-05-02T00:00")
    assert list(ticks_between("0 0 * * *", "UTC", start, end)) == [start]


@pytest.mark.parametrize("search", [next_tick, latest_tick])
def test_tick__any_zone__is_in_utc(search: Callable[[str, str, datetime], datetime]) -> None:
    assert search("0 6 * * *", "Asia/Kolkata", utc("2024-05-01T12:00")).tzinfo is UTC


def test_next_tick__at_a_tick__is_the_one_after() -> None:
    assert next_tick("0 6 * * *", "UTC", utc("2024-05-01T06:00")) == utc("2024-05-02T06:00")


def test_latest_tick__at_a_tick__is_that_tick() -> None:
    assert latest_tick("0 6 * * *", "UTC", utc("2024-05-01T06:00")) == utc("2024-05-01T06:00")


def test_latest_tick__a_microsecond_before_a_tick__is_the_one_before() -> None:
    at = utc("2024-05-01T06:00") - timedelta(microseconds=1)
    assert latest_tick("0 6 * * *", "UTC", at) == utc("2024-04-30T06:00")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 12 * * 7", "2024-01-07T12:00"),  # 7 January 2024 is a Sunday
        ("0 12 * * 0", "2024-01-07T12:00"),
        ("0 12 * * sun", "2024-01-07T12:00"),
        ("0 12 * FEB MON-FRI", "2024-02-01T12:00"),
        (
            "0 0 13 * 5",
            "2024-01-05T00:00",
        ),  # a day of the month or a day of the week, when both are given
        ("0 0 29 2 *", "2024-02-29T00:00"),
        ("0 0 31 * *", "2024-01-31T00:00"),
        ("*/25 * * * *", "2024-01-01T00:25"),
        ("5-10/5 3,4 * * *", "2024-01-01T03:05"),
    ],
)
def test_next_tick__each_syntax__is_read_as_cron_reads_it(expression: str, expected: str) -> None:
    assert next_tick(expression, "UTC", utc("2024-01-01T00:00")) == utc(expected)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("* * * * * *", "five fields"),
        ("* * * *", "five fields"),
        ("", "five fields"),
        ("@daily", "five fields"),
        ("60 * * * *", "Bad minute"),
        ("0 24 * * *", "Bad hour"),
        ("0 0 0 * *", "Bad day-of-month"),
        ("0 0 * 13 *", "Bad month"),
        ("0 0 * * 8", "Bad day-of-week"),
        ("0 0 * * MOON", "Bad day-of-week"),
        ("*/0 * * * *", "Bad minute"),
        ("5-1 * * * *", "Bad minute"),
        ("1,,2 * * * *", "Bad minute"),
        ("0 0 30 2 *", "Bad day-of-month"),
        ("0 0 */31 2 1#5", "never comes due"),  # the 1st of February is never a fifth Monday
    ],
)
def test_check_schedule__bad_expression__says_why(expression: str, reason: str) -> None:
    with pytest.raises(BadSchedule, match=reason):
        check_schedule(expression, "UTC")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "europe/berlin ", "../UTC", "+02:00", "CEST"])
def test_check_schedule__unknown_zone__is_refused(zone: str) -> None:
    with pytest.raises(BadSchedule, match="not an IANA time zone"):
        check_schedule("0 0 * * *", zone)


@pytest.mark.parametrize(
    "zone", ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Antarctica/Troll"]
)
@pytest.mark.parametrize("expression", ["*/15 * * * *", "30 * * * *", "15 2 * * *", "0 0 * * 0"])
@pytest.mark.parametrize("until", ["2024-04-08T12:00:00+00:00", "2024-11-04T12:00:00+00:00"])
def test_missed_ticks__more_than_are_wanted__are_the_latest_of_all(
    expression: str, zone: str, until: str
) -> None:
    """All are counted from the beginning, over the changes of the clock."""
    end = datetime.fromisoformat(until)
    start = end - timedelta(days=60)
    forward = list(ticks_between(expression, zone, start, end + timedelta(microseconds=1)))
    if forward[0] == start:
        del forward[0]
    for most in (1, 5, len(forward) - 1):
        assert missed_ticks(expression, zone, start, end, most=most) == forward[-most:]


@pytest.mark.parametrize(
    ("expression", "runs"),
    [
        ("0 6 * * *", 30.4),
        ("* * * * *", 30.4 * 24 * 60),
        ("*/15 8-17 * * 1-5", 30.4 * 40 * 5 / 7),  # four an hour, ten hours, five days of seven
        ("0 0 * * 1", 30.4 / 7),
        ("0 0 1 * *", 30.4 * 12 * 4 / 1461),  # twelve a year of 365.25 days
        ("0 0 29 2 *", 30.4 / 1461),  # one in four years
        ("0 0 1 1 1", 30.4 * (1 + 30 / 7) / 365.25),  # the first of January, or its Mondays
        ("0 0 * * SUN,SAT", 30.4 * 2 / 7),
    ],
)
def test_runs_per_month__schedule__is_the_mean_over_all_years(expression: str, runs: float) -> None:
    assert runs_per_month(expression) == pytest.approx(runs, rel=0.003)


def test_runs_per_month__four_years_of_ticks__are_as_many() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    ticks = ticks_between("5 3,15 */2 * 2", BERLIN, start, start + 1461 * DAY)
    mean = sum(1 for _ in ticks) * MONTH / (1461 * DAY)
    assert runs_per_month("5 3,15 */2 * 2") == pytest.approx(mean, rel=0.01)
