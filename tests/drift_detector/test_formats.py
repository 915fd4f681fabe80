from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from drift_detector import formats


@pytest.mark.parametrize(
    ("value", "words"), [(None, "–"), (0.0, "< 1e-12"), (1e-13, "< 1e-12"), (0.04321, "0.043")]
)
def test_p_value__tiny__says_only_that_it_is_tiny(value: float | None, words: str) -> None:
    assert formats.p_value(value) == words


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (None, "–"),
        (0.35, "350 ms"),
        (1.0, "1 second"),
        (2.345, "2.3 seconds"),
        (75, "1 minute 15 seconds"),
        (3600, "1 hour"),
        (timedelta(hours=2, minutes=5, seconds=9), "2 hours 5 minutes"),
        (timedelta(days=1, hours=1), "1 day 1 hour"),
        (-60, "−1 minute"),
    ],
)
def test_duration__span__is_in_two_units(span: timedelta | float | None, words: str) -> None:
    assert formats.duration(span) == words


def test_instant__time__is_shown_in_its_zone() -> None:
    at = datetime(2013, 12, 9, 5, tzinfo=UTC).astimezone(ZoneInfo("America/New_York"))
    assert formats.instant(at) == "2013-12-09 00:00 EST"


@pytest.mark.parametrize(("count", "words"), [(1, "1 run"), (0, "0 runs"), (20_000, "20,000 runs")])
def test_counted__count__has_its_noun(count: int, words: str) -> None:
    assert formats.counted(count, "run") == words
