"""Small made-up data for tests."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

ROWS_PER_WEEK = 2000
# Mondays at midnight UTC; the weekly tick at TIMESTAMPS[i] + 7 days reads week i.
TIMESTAMPS = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(weeks=week) for week in range(4)]
DRIFTED_WEEK = 3


def flights_like(*, week: int, start: datetime, rows: int = ROWS_PER_WEEK) -> pa.Table:
    """One week: numeric `delay` and `distance`, categorical `carrier`; week 3 has drifted in `delay` and `carrier`."""
    random = np.random.default_rng(week)
    is_drifted = week == DRIFTED_WEEK
    seconds = np.sort(random.integers(0, 7 * 86400, rows))
    first = np.datetime64(start.astimezone(UTC).replace(tzinfo=None), "us")
    return pa.table(
        {
            "departs_at": pa.array(first + seconds.astype("timedelta64[s]")).cast(
                pa.timestamp("us", "UTC")
            ),
            "delay": random.normal(10 + 8 * is_drifted, 10, rows),
            "distance": random.integers(100, 3000, rows),
            "carrier": random.choice(
                ["A", "B", "C"], rows, p=[0.7, 0.0, 0.3] if is_drifted else [0.5, 0.3, 0.2]
            ),
        }
    )
