from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_detector.demo.flights import (
    KEPT,
    TIMESTAMP,
    WEEK,
    YEAR_END,
    YEAR_START,
    ZONE,
    label_flights,
    replay_lag,
)

DELAYS = {"on time": (0, 0), "just in time": (15, 0), "late": (16, 1)}


def one_flight(raw: pa.Table, **changes: object) -> pa.Table:
    row = raw.slice(0, 1).to_pylist()[0] | changes
    return pa.Table.from_pylist([row], schema=raw.schema)


def test_read_flights__the_package__has_the_year_as_published(raw_flights: pa.Table) -> None:
    assert raw_flights.num_rows == 336_776
    assert (raw_flights["dep_delay"].null_count, raw_flights["arr_delay"].null_count) == (
        8_255,
        9_430,
    )


def test_label_flights__no_arrival__left_out(
    raw_flights: pa.Table, labelled_flights: pa.Table
) -> None:
    assert labelled_flights.num_rows == raw_flights.num_rows - raw_flights["arr_delay"].null_count
    assert all(labelled_flights[name].null_count == 0 for name in [TIMESTAMP, *KEPT])


@pytest.mark.parametrize(("minutes", "label"), DELAYS.values(), ids=DELAYS)
def test_label_flights__minutes_late__over_fifteen_is_late(
    raw_flights: pa.Table, minutes: int, label: int
) -> None:
    assert label_flights(one_flight(raw_flights, arr_delay=minutes))["label"].to_pylist() == [label]


def test_label_flights__any_flight__timestamp_is_its_scheduled_departure_in_new_york(
    raw_flights: pa.Table,
) -> None:
    """The package gives the local hour as well; zoneinfo is the oracle, on every hour of the year that has a flight."""
    hours = (
        raw_flights.group_by(["year", "month", "day", "hour", "time_hour"])
        .aggregate([])
        .to_pylist()
    )
    assert len(hours) == len({row["time_hour"] for row in hours})
    for row in hours:
        local = datetime(row["year"], row["month"], row["day"], row["hour"], tzinfo=ZONE)
        assert local.astimezone(UTC) == row["time_hour"]


def test_label_flights__minutes_past_the_hour__are_in_the_timestamp(raw_flights: pa.Table) -> None:
    labelled = label_flights(one_flight(raw_flights))
    assert labelled[TIMESTAMP].to_pylist() == [datetime(2013, 1, 1, 10, 15, tzinfo=UTC)]


def test_label_flights__first_and_last_flight_of_a_day__week_and_weekday_are_local(
    labelled_flights: pa.Table,
) -> None:
    days = labelled_flights.group_by(["week", "day_of_week"]).aggregate(
        [(TIMESTAMP, "min"), (TIMESTAMP, "max")]
    )
    assert len(days) == 365
    for row in days.to_pylist():
        for end in ("min", "max"):
            local = row[f"{TIMESTAMP}_{end}"].astimezone(ZONE)
            assert row["week"] == local.date() - timedelta(days=local.weekday())
            assert row["day_of_week"] == f"{local:%a}"


def test_label_flights__the_year__has_fifty_three_weeks_in_order(
    labelled_flights: pa.Table,
) -> None:
    weeks = pc.unique(labelled_flights["week"]).to_pylist()
    assert weeks == [date(2012, 12, 31) + timedelta(weeks=number) for number in range(53)]


@given(st.datetimes(datetime(2014, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_replay_lag__any_moment__leads_to_a_full_week_of_data(now: datetime) -> None:
    lag = replay_lag(now)
    assert lag % WEEK == timedelta(0)
    assert YEAR_START <= now - lag - WEEK < now - lag <= YEAR_END


@given(st.datetimes(datetime(2014, 1, 15), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_replay_lag__any_moment__leads_to_the_same_season(now: datetime) -> None:
    then = now - replay_lag(now)
    days = abs(then.timetuple().tm_yday - now.timetuple().tm_yday)
    # In the first days of January the replay begins after a week of data, and whole weeks are half a week off at most.
    assert min(days, 365 - days) <= 7 + 3.5 + 3.5
