"""Runs that feed the new rows of a monitor's data to its detectors."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from algorithms.concept_drift.detector_registry import ConceptMethod, new_detector
from detections.models import Detection, DetectionRun, DetectorState, OutcomeBatch, OutcomeStream
from detections.runs.execution import execute
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tests.data import TIMESTAMPS, flights_like
from tests.factories import make_flights_monitor, make_run, moment

RATES = (0.1, 0.1, 0.1, 0.5)


def week_of(week: int) -> pa.Table:
    table = flights_like(week=week, start=TIMESTAMPS[week])
    wrong = np.random.default_rng(week).random(table.num_rows) < RATES[week]
    label = np.where(np.arange(table.num_rows) % 10 == 0, np.nan, 1.0)  # some are not known yet
    return table.append_column("prediction", pa.array(1.0 - wrong)).append_column(
        "label", pa.array(label)
    )


def times_of(*weeks: int) -> list[datetime]:
    tables = [week_of(week).to_pydict() for week in weeks]
    pairs = [
        pair for table in tables for pair in zip(table["departs_at"], table["label"], strict=True)
    ]
    return [at for at, label in pairs if label == label]


@pytest.fixture
def monitor(in_tenant: Tenant, flights: Path) -> Monitor:
    for week in range(4):
        pq.write_table(week_of(week), flights / f"week{week}.parquet")
    return make_flights_monitor(
        flights, feature_columns=["distance"], prediction_column="prediction", label_column="label"
    )


def execute_week(monitor: Monitor, week: int) -> DetectionRun:
    run = make_run(monitor, week=week)
    execute(tenant_id=monitor.tenant_id, run_id=run.id, worker="w")
    run.refresh_from_db()
    return run


def errors_of(*weeks: int) -> list[float]:
    tables = [week_of(week).to_pydict() for week in weeks]
    pairs = [
        pair for table in tables for pair in zip(table["prediction"], table["label"], strict=True)
    ]
    return [float(prediction != label) for prediction, label in pairs if label == label]


def test_execute__two_weeks__feeds_each_row_once_and_in_order(monitor: Monitor) -> None:
    for week in (2, 3):
        assert execute_week(monitor, week).status == "succeeded"
    unbroken = new_detector(ConceptMethod.ADWIN)
    unbroken.update_many(errors_of(2, 3))
    assert DetectorState.objects.get(method="adwin").state == unbroken.as_json()


def test_execute__weeks_out_of_order__feeds_each_row_once(monitor: Monitor) -> None:
    for week in (3, 2):
        execute_week(monitor, week)
    assert OutcomeStream.objects.get().sequence == len(errors_of(2, 3))
    assert OutcomeStream.objects.get().read_until == TIMESTAMPS[3] + timedelta(weeks=1)


def test_execute__rate_rises__is_a_concept_detection_with_its_change_point(
    monitor: Monitor,
) -> None:
    for week in (2, 3):
        execute_week(monitor, week)
    found = Detection.objects.filter(detection_type="concept").order_by("created_at").first()
    assert found is not None
    change = found.details[0]["explanation"]
    sequence = change["change_point"]["sequence"]
    assert sequence == pytest.approx(len(errors_of(2)), abs=60)
    changed_at, expected = (
        moment(change["change_point"]["occurred_at"]),
        times_of(2, 3)[sequence - 1],
    )
    assert (
        expected - timedelta(minutes=20) < changed_at <= expected
    )  # of 1800 rows, every other time is kept
    assert change["error_rate_before"] == pytest.approx(0.1, abs=0.03)


def test_execute__means_of_errors__learns_from_the_reference_what_is_usual(
    monitor: Monitor,
) -> None:
    Monitor.objects.filter(id=monitor.id).update(error_batch=100, concept_methods=["page_hinkley"])
    for week in (2, 3):
        execute_week(monitor, week)
    means = np.array(errors_of(0, 1)).reshape(-1, 100).mean(axis=1)
    averaging = OutcomeStream.objects.get().averaging
    assert averaging is not None
    assert (averaging["mean"], averaging["deviation"]) == pytest.approx(
        (means.mean(), means.std(ddof=1))
    )
    assert DetectorState.objects.get().observations == len(errors_of(2, 3)) // 100
    change = Detection.objects.get(detection_type="concept").details[0]["explanation"]
    assert len(errors_of(2)) < change["detected_at"] <= len(errors_of(2)) + 200
    assert change["error_rate_before"] == pytest.approx(0.1, abs=0.03)


def test_execute__predictions_that_are_no_labels__judges_the_window_and_says_so(
    monitor: Monitor,
) -> None:
    Monitor.objects.filter(id=monitor.id).update(prediction_column="carrier")
    run = execute_week(monitor, 2)
    assert (run.status, run.verdict) == ("succeeded", "error")
    assert "prediction holds text that is no number, such as 'B'" in run.reason
    assert set(
        Detection.objects.filter(run=run, verdict="error").values_list("method", flat=True)
    ) == set(monitor.concept_methods)


def test_execute__columns_missing__judges_the_window_and_says_so(monitor: Monitor) -> None:
    Monitor.objects.filter(id=monitor.id).update(label_column="truth")
    run = execute_week(monitor, 2)
    assert (run.status, run.verdict) == ("succeeded", "error")
    assert not OutcomeBatch.objects.exists()
    assert "Outcomes were not read" in run.reason
