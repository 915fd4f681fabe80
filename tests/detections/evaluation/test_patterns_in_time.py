"""Daily windows with a pattern that the baseline does not know, and drifts that are put into it.

`make calibration` judges whole years of them.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detections.backtests.services import build_backtest
from detections.models import Backtest
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tests.factories import make_flights_monitor

DAY = timedelta(days=1)
FIRST, YEAR, END = date(2023, 1, 1), date(2024, 1, 1), date(2025, 1, 1)
ROWS = 800
US_HOLIDAYS = {
    *("2023-01-01", "2023-01-02", "2023-01-16", "2023-02-20", "2023-05-29", "2023-06-19"),
    *("2023-07-04", "2023-09-04", "2023-10-09", "2023-11-10", "2023-11-11", "2023-11-23"),
    *("2023-12-25", "2024-01-01", "2024-01-15", "2024-02-19", "2024-05-27", "2024-06-19"),
    *("2024-07-04", "2024-09-02", "2024-10-14", "2024-11-11", "2024-11-28", "2024-12-25"),
}
"""By the U.S. Office of Personnel Management, with the days on which they are observed."""

pytestmark = pytest.mark.slow

type Shift = Callable[[date], float]


def write_days(folder: Path, shift: Shift) -> Path:
    """A file of days whose `delay` is normal with a mean of its own; a row group holds a month."""
    folder.mkdir()
    random = np.random.default_rng(5)
    days = [FIRST + number * DAY for number in range((END - FIRST).days)]
    table = pa.concat_tables([_day(random, day, shift(day)) for day in days])
    pq.write_table(table, folder / "days.parquet", row_group_size=30 * ROWS)
    return folder


def _day(random: np.random.Generator, day: date, shift: float) -> pa.Table:
    start = np.datetime64(day, "us")
    times = start + np.sort(random.integers(0, 86_400, ROWS)).astype("timedelta64[s]")
    return pa.table(
        {
            "departs_at": pa.array(times, pa.timestamp("us", "UTC")),
            "delay": random.normal(shift, 1, ROWS),
            "carrier": random.choice(["A", "B", "C"], ROWS),
        }
    )


def make_daily_monitor(folder: Path, **fields: Any) -> Monitor:
    """A daily monitor whose baseline is the first half of 2023."""
    values: dict[str, Any] = {
        "window": DAY,
        "schedule_cron": "0 0 * * *",
        "methods": ["ks", "psi"],
        "tolerances": {"ks": {"default": 0.1}},  # so that chance makes no drift in a year
        "reference_start": datetime(2023, 1, 1, tzinfo=UTC),
        "reference_end": datetime(2023, 7, 1, tzinfo=UTC),
    }
    return make_flights_monitor(folder, **values | fields)


def drifted_days(monitor: Monitor, start: date = YEAR, *, end: date, **changes: Any) -> list[str]:
    """The days that a backtest over some days calls drifted."""
    first, last = (datetime(day.year, day.month, day.day, tzinfo=UTC) + DAY for day in (start, end))
    backtest = Backtest.objects.create(
        tenant_id=monitor.tenant_id,
        monitor=monitor,
        baseline=monitor.baselines.defer("content").first(),
        requested_by="key:test",
        start=first,
        end=last,
        changes=changes,
    )
    while backtest.status == Backtest.Status.RUNNING:
        build_backtest(tenant_id=backtest.tenant_id, backtest_id=backtest.id, worker="worker-1")
        backtest.refresh_from_db()
    assert len(backtest.windows) == (end - start).days
    drifted = [each for each in backtest.windows if each["verdict"] == "drift"]
    assert {each["verdict"] for each in backtest.windows} <= {"ok", "drift"}
    return [each["window_start"][:10] for each in drifted]


IN_TIME = {"judged_by": "references_in_time"}
DAYS_OF_MONTH = {"references_in_time": [{"kind": "day_of_month", "months": 6}]}
TRAILING = {"references_in_time": [{"kind": "trailing", "length": "P7D", "offset": "PT0S"}]}


def test_day_of_month__firsts_differ_hugely__no_alarm(data_root: Path, in_tenant: Tenant) -> None:
    folder = write_days(data_root / "days", lambda day: 5.0 * (day.day == 1))
    monitor = make_daily_monitor(folder, **DAYS_OF_MONTH | IN_TIME)
    assert not drifted_days(monitor, end=date(2024, 3, 3))
    firsts = [f"2024-{month:02}-01" for month in range(1, 4)]
    assert drifted_days(monitor, end=date(2024, 3, 3), judged_by="either") == firsts


def test_day_of_month__drifts_in_it__are_found(data_root: Path, in_tenant: Tenant) -> None:
    drifted = {date(2024, 9, 10): 1.0, date(2024, 10, 1): 0.0, date(2024, 11, 1): 8.0}
    shift: Shift = lambda day: drifted.get(day, 5.0 * (day.day == 1))  # noqa: E731
    monitor = make_daily_monitor(write_days(data_root / "days", shift), **DAYS_OF_MONTH | IN_TIME)
    found = drifted_days(monitor, date(2024, 9, 8), end=date(2024, 11, 3))
    assert found == ["2024-09-10", "2024-10-01", "2024-11-01"]


def test_holidays__differ_hugely__no_alarm(data_root: Path, in_tenant: Tenant) -> None:
    shift: Shift = lambda day: 5.0 * (day.isoformat() in US_HOLIDAYS)  # noqa: E731
    monitor = make_daily_monitor(
        write_days(data_root / "days", shift), **TRAILING | IN_TIME, holidays="US"
    )
    assert not drifted_days(monitor, end=date(2024, 1, 20))
    assert not drifted_days(monitor, date(2024, 11, 9), end=date(2024, 12, 1))


def test_holidays__one_like_an_ordinary_day__is_found(data_root: Path, in_tenant: Tenant) -> None:
    quiet = US_HOLIDAYS - {"2024-07-04"} | {"2024-07-09"}
    shift: Shift = lambda day: 5.0 * (day.isoformat() in quiet)  # noqa: E731
    monitor = make_daily_monitor(
        write_days(data_root / "days", shift), **TRAILING | IN_TIME, holidays="US"
    )
    found = drifted_days(monitor, date(2024, 7, 1), end=date(2024, 7, 10))
    assert found == ["2024-07-04", "2024-07-09"]


def test_trailing__slow_trend__follows_it_and_finds_a_jump(
    data_root: Path, in_tenant: Tenant
) -> None:
    jump = date(2024, 10, 1)
    shift: Shift = lambda day: (day - FIRST).days / 365 + 1.0 * (day >= jump)  # noqa: E731
    monitor = make_daily_monitor(write_days(data_root / "days", shift), **TRAILING | IN_TIME)
    assert not drifted_days(monitor, jump - 60 * DAY, end=jump)
    assert drifted_days(monitor, jump, end=jump + 3 * DAY)[0] == "2024-10-01"
    week = [f"2024-09-{day:02}" for day in range(24, 31)]
    assert drifted_days(monitor, date(2024, 9, 24), end=jump, judged_by="either") == week
