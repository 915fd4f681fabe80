"""The earlier times of a window, on a calendar read by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from algorithms.method_results import Reference
from monitors.models import Monitor
from monitors.time_references.calendar_time import Span
from monitors.time_references.time_references import TimeReference, list_time_references

BERLIN = "Europe/Berlin"
DAY = timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(start: str, end: str) -> Span:
    return at(start), at(end)


def day_of(text: str, days: int = 1) -> Span:
    """Whole days in UTC."""
    return at(text), at(text) + days * DAY


def found(window: Span, *entries: dict[str, Any], **fields: Any) -> list[TimeReference]:
    bad = fields.pop("bad_spans", ())
    values: dict[str, Any] = {"timezone": "UTC", "references_in_time": list(entries)}
    monitor = Monitor(**values | fields)
    monitor.bad_spans = tuple(bad)
    return list_time_references(monitor, window)


def spans(window: Span, *entries: dict[str, Any], **fields: Any) -> list[Span]:
    [reference] = found(window, *entries, **fields)
    return list(reference.spans)


def firsts(window: Span, *entries: dict[str, Any], **fields: Any) -> list[str]:
    """The first days of the times."""
    return [start.date().isoformat() for start, _ in spans(window, *entries, **fields)]


def months(number: int) -> dict[str, Any]:
    return {"kind": "day_of_month", "months": number}


def trailing(length: str, offset: str = "PT0S") -> dict[str, Any]:
    return {"kind": "trailing", "length": length, "offset": offset}


def test_seasonal__hour_that_clocks_skipped__is_no_time() -> None:
    """On 10 March 2024 New York went from two to three; a window from 2:30 to 3:00 has nothing a week before."""
    window = span("2024-03-17T06:30", "2024-03-17T07:00")
    one_week, two_weeks = (
        span("2024-03-10T07:30", "2024-03-10T07:00"),
        span("2024-03-03T07:30", "2024-03-03T08:00"),
    )
    found = spans(window, timezone="America/New_York", seasonal_weeks=2)
    assert one_week not in found
    assert found == [two_weeks]


@pytest.mark.parametrize(
    ("fields", "days"),
    [({"seasonal_weeks": 4}, ["2024-05-20", "2024-05-06"]), ({"seasonal_weeks": 1}, [])],
)
def test_seasonal__window_of_two_weeks__no_row_is_counted_twice(
    fields: dict[str, int], days: list[str]
) -> None:
    assert firsts(day_of("2024-06-03", days=14), **fields) == days


def test_seasonal__clock_change__same_hours_on_the_wall() -> None:
    window = span(
        "2024-04-01T07:00", "2024-04-01T08:00"
    )  # nine in Berlin, after its clocks went forward
    assert spans(window, timezone=BERLIN, seasonal_weeks=2) == [
        span("2024-03-25T08:00", "2024-03-25T09:00"),
        span("2024-03-18T08:00", "2024-03-18T09:00"),
    ]


def test_previous__day_of_the_clock_change__is_the_whole_day_before() -> None:
    window = span("2024-03-30T23:00", "2024-03-31T22:00")  # 31 March in Berlin has 23 hours
    assert spans(window, {"kind": "previous"}, timezone=BERLIN) == [
        span("2024-03-29T23:00", "2024-03-30T23:00")
    ]


def test_previous__hours__are_hours_by_the_clock() -> None:
    window = span("2024-03-31T00:00", "2024-03-31T02:00")  # one to four on the wall in Berlin
    assert spans(window, {"kind": "previous"}, timezone=BERLIN) == [
        span("2024-03-30T22:00", "2024-03-31T00:00")
    ]


def test_trailing__offset__ends_before_the_window() -> None:
    window = day_of("2024-03-10")
    found = spans(window, trailing("P3D", "P1D"))
    assert found == [day_of("2024-03-08"), day_of("2024-03-07"), day_of("2024-03-06")]


def test_trailing__across_the_clock_change__days_are_days_on_the_wall() -> None:
    window = span("2024-03-31T22:00", "2024-04-01T22:00")  # 1 April in Berlin
    assert spans(window, trailing("P2D"), timezone=BERLIN) == [
        span("2024-03-30T23:00", "2024-03-31T22:00"),
        span("2024-03-29T23:00", "2024-03-30T23:00"),
    ]


def test_trailing__many_windows__is_read_as_one() -> None:
    window = span("2024-03-10T00:00", "2024-03-10T01:00")
    assert spans(window, trailing("P28D")) == [day_of("2024-02-11", 28)]


def test_trailing__no_whole_number_of_windows__has_a_rest() -> None:
    window = day_of("2024-03-10", 2)
    assert spans(window, trailing("P3D")) == [day_of("2024-03-08", 2), day_of("2024-03-07", 1)]


def test_day_of_month__first__is_the_first_of_each_month() -> None:
    assert firsts(day_of("2024-03-01"), months(3)) == ["2024-02-01", "2024-01-01", "2023-12-01"]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2024-04-30", ["2024-03-31", "2024-02-29", "2024-01-31"]),  # last days
        ("2023-02-28", ["2023-01-31", "2022-12-31", "2022-11-30"]),
        ("2024-03-31", ["2024-02-29", "2024-01-31", "2023-12-31"]),
        ("2024-03-30", ["2024-01-30", "2023-12-30"]),  # February has no such day
        ("2024-03-29", ["2024-01-29", "2023-12-29"]),  # in February it is the last one
        ("2023-03-29", ["2023-01-29", "2022-12-29"]),
        ("2024-02-28", ["2024-01-28", "2023-12-28", "2023-11-28"]),
        ("2024-07-30", ["2024-05-30", "2024-04-30"][:1]),  # the last day of June and of April
    ],
)
def test_day_of_month__days_that_some_months_lack__match_by_the_rule(
    day: str, expected: list[str]
) -> None:
    assert firsts(day_of(day), months(3)) == expected


def test_day_of_month__clock_change__same_hour_on_the_wall() -> None:
    window = span("2024-04-15T07:00", "2024-04-15T08:00")  # nine in Berlin
    assert spans(window, months(1), timezone=BERLIN) == [
        span("2024-03-15T08:00", "2024-03-15T09:00")
    ]


def test_day_of_month__local_day__is_that_of_the_zone() -> None:
    window = span("2024-02-29T23:00", "2024-03-01T23:00")  # 1 March in Berlin
    assert spans(window, months(1), timezone=BERLIN) == [
        span("2024-01-31T23:00", "2024-02-01T23:00")
    ]


def test_month_of_year__is_all_of_the_month_in_the_years_before() -> None:
    window = day_of("2024-02-10", 7)
    found = spans(window, {"kind": "month_of_year", "years": 2})
    assert sum((end - start for start, end in found), timedelta()) == 56 * DAY
    assert min(found)[0] == at("2022-02-01")
    assert max(found)[1] == at("2023-03-01")


def test_holiday__on_a_holiday__latest_holidays_alone() -> None:
    window = day_of("2024-07-04")
    [reference] = found(window, trailing("P28D"), holidays="US", seasonal_weeks=4)
    assert reference.reference is Reference.HOLIDAY
    assert [start.date().isoformat() for start, _ in reference.spans] == [
        *("2024-06-19", "2024-05-27", "2024-02-19", "2024-01-15", "2024-01-01"),
        *("2023-12-25", "2023-11-23", "2023-11-11"),
    ]


def test_holiday__local_day__is_that_of_the_zone() -> None:
    window = span("2024-07-04T03:00", "2024-07-04T04:00")  # 3 July in New York
    assert not found(window, holidays="US", timezone="America/New_York")
    assert found(window, holidays="US", timezone="UTC")


def test_holiday__long_window__lies_around_earlier_ones_alike() -> None:
    window = day_of("2024-07-01", 7)  # its holiday is a Thursday, its fourth day
    [latest, *others] = spans(window, holidays="US")
    assert latest == day_of("2024-06-16", 7)
    assert others[0] == day_of("2024-05-24", 7)
    assert all(
        before[0] >= after[1] for before, after in zip([latest, *others], others, strict=False)
    )


def test_ordinary_day__holidays__are_left_out() -> None:
    assert firsts(day_of("2024-07-11"), seasonal_weeks=3, holidays="US") == [
        "2024-06-27", "2024-06-20",
    ]  # fmt: skip


def test_trailing__holiday_within__is_cut_out() -> None:
    window = span("2024-07-06T00:00", "2024-07-06T06:00")
    found = spans(window, trailing("P28D"), holidays="US")
    assert found == [
        span("2024-06-08T00:00", "2024-06-19T00:00"),
        span("2024-06-20T00:00", "2024-07-04T00:00"),
        span("2024-07-05T00:00", "2024-07-06T00:00"),
    ]


def test_holidays_alone__ordinary_day__baseline_alone() -> None:
    assert not found(day_of("2024-07-05"), holidays="US")


def test_bad_window__same_window__is_left_out_as_a_whole() -> None:
    bad = [span("2024-02-01T10:00", "2024-02-01T11:00")]
    assert firsts(day_of("2024-03-01"), months(2), bad_spans=bad) == ["2024-01-01"]


def test_bad_window__trailing__loses_its_rows_alone() -> None:
    bad = [span("2024-03-08T10:00", "2024-03-09T12:00")]
    assert spans(day_of("2024-03-10"), trailing("P2D"), bad_spans=bad) == [
        span("2024-03-09T12:00", "2024-03-10T00:00"),
        span("2024-03-08T00:00", "2024-03-08T10:00"),
    ]


def test_window_longer_than_a_month__is_not_compared_with_itself() -> None:
    # 40 days from 1 December would count the first of January again
    assert firsts(day_of("2024-03-01", 40), months(3)) == ["2024-01-01"]


def test_several__each_is_a_reference() -> None:
    kinds = found(day_of("2024-03-01"), {"kind": "previous"}, months(2), seasonal_weeks=1)
    assert [each.reference.value for each in kinds] == ["seasonal", "previous", "day_of_month"]
    assert kinds[2].words == "the same day of the 2 months before"
