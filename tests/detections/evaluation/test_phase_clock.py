from pathlib import Path
from time import sleep

import pyarrow.parquet as pq
import pytest

from detections.evaluation.phase_clock import PhaseClock
from detections.models import DetectionRun
from detections.runs.execution import execute
from monitors.models import Monitor
from tests.factories import make_run


def executed(monitor: Monitor, week: int = 3) -> DetectionRun:
    run = make_run(monitor, week=week)
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    run.refresh_from_db()
    return run


def test_clock__phase_that_an_error_ends__is_measured() -> None:
    clock = PhaseClock()

    def fail() -> None:
        with clock.phase("open"):
            sleep(0.02)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert 0.02 <= clock.seconds["open"] < 5


def test_clock__phase_inside_of_another__is_counted_once() -> None:
    clock = PhaseClock()
    with clock.phase("outcomes"), clock.phase("support"):
        sleep(0.05)
    assert list(clock.seconds) == ["outcomes", "support"]
    assert clock.seconds["support"] >= 0.05 > clock.seconds["outcomes"]


def test_run__evaluated__keeps_its_phases_in_less_than_it_took(flights_monitor: Monitor) -> None:
    run = executed(flights_monitor)
    phases = run.phases or {}
    assert list(phases) == ["load", "open", "evaluate", "outcomes"]
    assert run.finished_at is not None
    assert run.started_at is not None
    took = (run.finished_at - run.started_at).total_seconds()
    assert 0 < sum(phases.values()) <= took + 0.001


def test_run__of_parquet__keeps_about_the_bytes_of_its_columns(
    flights_monitor: Monitor, flights: Path
) -> None:
    run = executed(flights_monitor, week=2)
    groups = pq.ParquetFile(flights / "week2.parquet").metadata
    columns = [groups.row_group(0).column(place) for place in range(groups.num_columns)]
    stored = sum(column.total_uncompressed_size for column in columns)
    assert stored <= (run.bytes_read or 0) <= 1.5 * stored
