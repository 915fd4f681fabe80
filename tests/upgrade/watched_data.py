"""The data that the monitors of the old database watch: made once, and committed as files."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

START = datetime(2024, 1, 1, tzinfo=UTC)
WEEK = timedelta(weeks=1)
WEEKS = 5
ROWS = 300
DRIFTED_WEEK = 3
GONE = "gone"


def write_data(root: Path) -> None:
    """Write the folders of both tenants: five weeks, of which the fourth has drifted."""
    for folder in ("acme/flights", f"acme/{GONE}", "rival/shops"):
        (root / folder).mkdir(parents=True)
    for week in range(WEEKS):
        flights = make_flights(week)
        pq.write_table(flights, root / f"acme/flights/week{week}.parquet")
        pacsv.write_csv(make_shops(week), root / f"rival/shops/week{week}.csv")
        if week < 2:
            pq.write_table(flights, root / f"acme/{GONE}/week{week}.parquet")


def make_flights(week: int) -> pa.Table:
    """Numbers, whole numbers, codes, text with nulls, dates, booleans, and a model's predictions."""
    random = np.random.default_rng(week)
    drift = week == DRIFTED_WEEK
    label = random.random(ROWS) < 0.4
    score = np.clip(random.normal(0.35 + 0.3 * label - 0.3 * (drift & label), 0.15), 0.01, 0.99)
    delays = pa.array(random.normal(10 + 9 * drift, 10, ROWS), mask=random.random(ROWS) < 0.05)
    carriers = random.choice(["A", "B", "C"], ROWS, p=[0.7, 0, 0.3] if drift else [0.5, 0.3, 0.2])
    booked = [date(2023, 10, 1) + timedelta(int(day)) for day in random.integers(0, 90, ROWS)]
    return pa.table(
        {
            "departs_at": _times(random, week),
            "delay": delays,
            "distance": random.integers(100, 3000, ROWS),
            "stops": random.choice([0, 1, 2, 3], ROWS, p=[0.6, 0.25, 0.1, 0.05]),
            "carrier": pa.array(carriers.tolist(), mask=random.random(ROWS) < 0.1),
            "booked_on": pa.array(booked),
            "is_night": random.random(ROWS) < 0.2,
            "label": label.astype(np.int64),
            "prediction": (score > 0.5).astype(np.int64),
            "score": score,
        }
    )


def make_shops(week: int) -> pa.Table:
    """Codes of digits, prices, and names that need quotes."""
    random = np.random.default_rng(100 + week)
    drift = week == DRIFTED_WEEK
    price = np.round(random.lognormal(2 + 0.6 * drift, 0.5, ROWS), 2)
    code = random.choice([2134, 10115, 80331, 50667], ROWS, p=[0.4, 0.3, 0.2, 0.1])
    goods = random.choice(["bread, rye", 'a "roll"', "tea"], ROWS)
    times = _times(random, week)
    return pa.table({"sold_at": times, "price": price, "code": code, "goods": goods.tolist()})


def _times(random: np.random.Generator, week: int) -> pa.Array:
    seconds = np.sort(random.integers(0, 7 * 86400, ROWS))
    times = [START + week * WEEK + timedelta(seconds=int(each)) for each in seconds]
    return pa.array(times, pa.timestamp("us", "UTC"))
