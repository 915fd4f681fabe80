from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from monitors.models import Monitor

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(("month", "change"), [(10, 26), (3, 30)])
def test_window_at__daily_over_a_clock_change__windows_meet(month: int, change: int) -> None:
    monitor = Monitor(timezone="Europe/Berlin", window=timedelta(days=1), window_lag=timedelta(0))
    eve = datetime(2025, month, change - 1, tzinfo=BERLIN)
    midnights = [(eve + timedelta(days=days)).astimezone(UTC) for days in range(4)]
    windows = [monitor.window_at(tick) for tick in midnights]
    assert all(earlier[1] == later[0] for earlier, later in pairwise(windows))
    assert {end - start for start, end in windows} == {
        timedelta(hours=24),
        midnights[2] - midnights[1],
    }


def test_window_at__hours_and_lag__are_counted_in_real_time() -> None:
    monitor = Monitor(
        timezone="Europe/Berlin", window=timedelta(hours=6), window_lag=timedelta(days=1, hours=1)
    )
    tick = datetime(2025, 10, 27, 12, tzinfo=UTC)
    # A day earlier on the calendar is 12:00 in Berlin all the same: 25 hours after the change.
    assert monitor.window_at(tick) == (
        datetime(2025, 10, 26, 5, tzinfo=UTC),
        datetime(2025, 10, 26, 11, tzinfo=UTC),
    )
