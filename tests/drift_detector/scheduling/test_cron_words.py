from datetime import UTC, datetime

import pytest

from drift_detector.scheduling.cron_words import cron_in_words, next_ticks


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 7 * * 1", "at 07:00 on Monday"),
        ("0 18 * * *", "at 18:00 every day"),
        ("0 * * * *", "at the start of every hour"),
        ("30 5 1 * *", "at 05:30 on the first day of every month"),
        ("0 6 * * 0", "at 06:00 on Sunday"),
    ],
)
def test_words__of_a_schedule__say_when(expression: str, words: str) -> None:
    assert cron_in_words(expression) == words


@pytest.mark.parametrize("expression", ["", "nonsense", "99 99 99 99 99", "0 7 * * 1 2 3 4"])
def test_words__of_no_schedule__are_the_text(expression: str) -> None:
    assert cron_in_words(expression) == expression


def test_next_ticks__over_a_clock_change__keep_the_hour_of_the_zone() -> None:
    ticks = next_ticks("0 7 * * *", "America/New_York", datetime(2024, 3, 8, 13, tzinfo=UTC), 3)
    assert [tick.hour for tick in ticks] == [12, 11, 11]  # 07:00 EST, then EDT from 10 March


def test_next_ticks__of_no_schedule__are_none() -> None:
    assert next_ticks("nonsense", "UTC", datetime(2024, 3, 8, tzinfo=UTC), 5) == []
