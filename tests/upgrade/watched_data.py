"""The data that the monitors of the old database watch: made once, and committed as files."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
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
# Not every way to divide their digits by 100 gives the same float.
TARIFFS = [Decimal("0.29"), Decimal("1.15"), Decimal("4.35"), Decimal("19.99")]


def write_data(root: Path) -> None:
    """Write the folders of both tenants: five weeks, of which the fourth has drifted."""
    folders = ("acme/flights", f"acme/{GONE}", "rival/shops", "rival/parts", "rival/codes")
    for folder in folders:
        (root / folder).mkdir(parents=True)
    for week in range(WEEKS):
        flights = make_flights(week)
        pq.write_table(flights, root / f"acme/flights/week{week}.parquet")
        pacsv.write_csv(make_shops(week), root / f"rival/shops/week{week}.csv")
        pq.write_table(make_parts(week), root / f"rival/parts/week{week}.parquet")
        (root / f"rival/codes/week{week}.csv").write_text(make_codes(week))
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


def make_parts(week: int) -> pa.Table:
    """Values in the types that files have, compared by order or by name."""
    random = np.random.default_rng(200 + week)
    high = 3 if week == DRIFTED_WEEK else 2
    cents = random.integers(100, 100 * high + 900, ROWS)
    level = random.integers(0, high + 1, ROWS)
    prices = pa.array([Decimal(int(each)).scaleb(-2) for each in cents], pa.decimal128(10, 2))
    labels = pa.array(np.array(["x", "y", "z", "w"])[level].tolist()).dictionary_encode()
    moments = [START + timedelta(minutes=int(each)) for each in random.integers(0, 10**5, ROWS)]
    return pa.table(
        {
            "made_at": _times(random, week),
            "price": prices,
            "tariff": pa.array(np.array(TARIFFS)[level].tolist(), pa.decimal128(10, 2)),
            "price_name": pa.array(
                [Decimal(int(each)) for each in random.choice([1, 10, 250], ROWS)],
                pa.decimal128(10, 2),
            ),
            "weight": random.normal(high, 1, ROWS).astype(np.float32),
            "level": pa.array(level, pa.int8()),
            "level_name": pa.array(level, pa.uint16()),
            "ratio_name": level / 2 - 0.5,
            "small_name": (level / 4).astype(np.float32),
            "label": labels,
            "is_new": level > 1,
            "ordered_at": pa.array(moments, pa.timestamp("ms")),
            "day_name": pa.array([date(2024, 1, 1 + int(each)) for each in level]),
            "moment_name": pa.array([moments[each] for each in level], pa.timestamp("s", "UTC")),
            "serial": pa.array(2**60 + level.astype(np.int64) * 1000),
            "nothing": pa.nulls(ROWS, pa.float64()),
        }
    )


def make_codes(week: int) -> str:
    """CSV, whose types were guessed from the values: codes of digits, prices, truths, days, times."""
    random = np.random.default_rng(300 + week)
    high = 3 if week == DRIFTED_WEEK else 2
    lines = ["sold_at,zip,rate,flag,day,moment,mixed,gap,word,quoted"]
    times = _times(random, week).to_pylist()
    for time, level in zip(times, random.integers(0, high + 1, ROWS), strict=True):
        each = int(level)
        zip_code, rate = f"0{2134 + each}", f"{1 + each / 10:.2f}"
        flag, day = ["true", "False", "TRUE", "false"][each], f"2024-01-0{1 + each}"
        moment, mixed = f"2024-01-01 10:0{each}:00", ["a1", "7", "007", "1.50"][each]
        gap, word = ["NA", "", "5", "6"][each], ["a", "NA", "", "null"][each]
        quoted = ['"b, c"', '""', '"NA"', "None"][each]
        instant = f"{time:%Y-%m-%dT%H:%M:%SZ}"
        fields = [instant, zip_code, rate, flag, day, moment, mixed, gap, word, quoted]
        lines.append(",".join(fields))
    return "\n".join([*lines, ""])


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
