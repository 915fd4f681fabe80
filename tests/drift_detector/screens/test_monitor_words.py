from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from drift_detector.screens.monitor_words import in_words, moment_in_words, span_in_words

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ((2013, 12, 9), (2013, 12, 16), "in the week of 9 December 2013"),
        ((2013, 3, 4), (2013, 3, 11), "in the week of 4 March 2013"),  # 167 hours: DST begins
        ((2013, 12, 9), (2013, 12, 10), "on 9 December 2013"),
        ((2013, 12, 9, 14), (2013, 12, 9, 15), "in the hour from 14:00 on 9 December 2013"),
        ((2013, 12, 9, 6), (2013, 12, 16, 6), "from 2013-12-09 06:00 to 2013-12-16 06:00 EST"),
        ((2013, 12, 9), (2013, 12, 12), "from 2013-12-09 to 2013-12-12"),
    ],
)
def test_span__of_a_window__is_named_by_its_length(
    start: tuple[int, ...], end: tuple[int, ...], words: str
) -> None:
    first, last = datetime(*start, tzinfo=NEW_YORK), datetime(*end, tzinfo=NEW_YORK)  # type: ignore[arg-type, misc]
    assert span_in_words(first, last) == words


@pytest.mark.parametrize(
    ("days", "words"), [(3, "Monday 07:00 EST"), (10, "Monday 16 December 2013 07:00 EST")]
)
def test_moment__to_come__has_its_date_from_six_days_on(days: int, words: str) -> None:
    at = datetime(2013, 12, 9 if days == 3 else 16, 12, tzinfo=UTC)
    assert moment_in_words(at, at - timedelta(days=days), NEW_YORK) == words


def test_count__below_ten__is_a_word() -> None:
    assert [in_words(count) for count in (0, 1, 9, 10, 12_000)] == [
        "no",
        "one",
        "nine",
        "10",
        "12,000",
    ]
