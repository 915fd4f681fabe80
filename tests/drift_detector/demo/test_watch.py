from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from drift_detector.demo.flights import TIMESTAMP, YEAR_START, ZONE_NAME
from drift_detector.demo.model import TRAINED_UNTIL
from drift_detector.demo.watch import BACKFILL_END, BACKFILL_START, monitor_requests
from drift_detector.scheduling.cron import ticks_between
from monitors.models import Monitor
from monitors.serializers import MonitorSerializer

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
REQUESTS = monitor_requests("/data/flights", NOW)


def monitor(index: int) -> Monitor:
    serializer = MonitorSerializer(data=REQUESTS[index])
    serializer.is_valid(raise_exception=True)
    return Monitor(**serializer.validated_data)


def test_monitor_requests__backfill__reads_every_week_once(labelled_flights: pa.Table) -> None:
    """The clock change in November included, when the window lacks an hour in which nothing departs."""
    weekly = monitor(0)
    ticks = ticks_between(weekly.schedule_cron, weekly.timezone, BACKFILL_START, BACKFILL_END)
    windows = [weekly.window_at(tick) for tick in ticks]
    found = [
        labelled_flights.filter((pc.field(TIMESTAMP) >= start) & (pc.field(TIMESTAMP) < end))
        for start, end in windows
    ]
    weeks = [date(2013, 4, 1) + timedelta(weeks=number) for number in range(39)]
    assert [pc.unique(rows["week"]).to_pylist() for rows in found] == [[week] for week in weeks]
    assert sum(map(len, found)) == len(labelled_flights.filter(pc.field("week").isin(weeks)))


def test_monitor_requests__replay__reads_the_same_week_of_2013() -> None:
    start, end = monitor(2).window_at(NOW)
    assert end - start == timedelta(days=7)
    assert abs(end - datetime(2013, 6, 15, 12, tzinfo=UTC)) <= timedelta(days=3.5)


@pytest.mark.parametrize("index", range(3))
def test_monitor_requests__any__leaves_judgement_to_the_defaults(index: int) -> None:
    judgement = {"methods", "policy", "thresholds", "tolerances", "min_rows"}
    assert not judgement & set(REQUESTS[index])


@pytest.mark.parametrize("index", range(3))
def test_monitor_requests__any__baseline_is_january_to_march(index: int) -> None:
    fields = monitor(index)
    assert (fields.reference_start, fields.reference_end) == (YEAR_START, TRAINED_UNTIL)
    assert fields.timezone == ZONE_NAME
