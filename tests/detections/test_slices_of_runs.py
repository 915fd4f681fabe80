"""A slice that drifts alone: from the run to its detections, event, alert and page."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.test import Client
from rest_framework.test import APIClient

from alerts.models import Alert
from detections.models import Detection, DetectionRun
from detections.runs.execution import execute
from drift_detector.events.models import OutboxEvent
from drift_detector.tenancy.models import Tenant, User
from monitors.models import Monitor
from tests.drift_detector.screens.reading import page_text
from tests.factories import make_flights_monitor, make_run

SLICES = [
    {"name": "C only", "where": "carrier = 'C'"},
    {"name": "far", "where": "distance > 1500"},
    {"name": "nowhere", "where": "distance > 5000"},
]
WEEK = 2


@pytest.fixture
def monitor(flights: Path, in_tenant: Tenant) -> Monitor:
    """A monitor whose week 2 has other distances of the carrier C alone."""
    path = flights / f"week{WEEK}.parquet"
    table = pq.read_table(path)
    is_c = table["carrier"].to_numpy() == "C"
    random = np.random.default_rng(0)
    nulls = is_c & (random.random(len(is_c)) < 0.2)
    distance = pa.array(table["distance"].to_numpy(), mask=nulls)
    pq.write_table(table.set_column(2, "distance", distance), path)
    return make_flights_monitor(flights, slices=SLICES, methods=["null_rate", "ks"])


@pytest.fixture
def run(monitor: Monitor) -> DetectionRun:
    run = make_run(monitor, week=WEEK)
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    run.refresh_from_db()
    return run


def drifted(run: DetectionRun) -> list[tuple[str, str, str]]:
    found = Detection.objects.filter(run=run).order_by("method")
    return [
        (each.method, record["slice"], record["feature"])
        for each in found
        for record in each.slices
        if record["verdict"] == "drift"
    ]


def test_build__slices__rows_are_those_of_the_reference(monitor: Monitor, flights: Path) -> None:
    from monitors.baselines.cache import frozen_baselines

    frozen = frozen_baselines.get(monitor.baselines.get())
    weeks = [pq.read_table(flights / f"week{week}.parquet").to_pandas() for week in (0, 1)]
    expected = sum(int((week["carrier"] == "C").sum()) for week in weeks)
    assert frozen.slices["C only"].rows == expected


def test_execute__slice_drifts__is_stored_beside_the_whole(run: DetectionRun) -> None:
    assert run.verdict == "drift"
    assert ("null_rate", "C only", "distance") in drifted(run)
    nulls = Detection.objects.get(run=run, method="null_rate")
    assert all(each["verdict"] == "ok" for each in nulls.details if each["feature"] != "distance")


def test_execute__slice_drifts__event_names_it(run: DetectionRun) -> None:
    event = OutboxEvent.objects.get(topic="drift.detected")
    features = event.envelope["data"]["drifted_features"]
    assert {"distance"} == {each["feature"] for each in features}
    assert "C only" in {each.get("slice") for each in features}


def test_execute__slice_drifts__alert_says_so(run: DetectionRun) -> None:
    alert = Alert.objects.get()
    assert "distance in the slice C only" in alert.summary


def test_execute__next_window_is_ok__alert_of_slice_resolves(
    run: DetectionRun, flights: Path
) -> None:
    week1 = pq.read_table(flights / "week1.parquet")
    times = pq.read_table(flights / "week3.parquet")["departs_at"][: week1.num_rows]
    pq.write_table(week1.set_column(0, "departs_at", times), flights / "week3.parquet")
    after = make_run(run.monitor, week=3)
    execute(tenant_id=after.tenant_id, run_id=after.id, worker="worker-1")
    assert Alert.objects.get().phase == "resolved"


def test_execute__divided_window__slices_have_the_same_answers(
    run: DetectionRun, override: Callable[..., None], data_root: Path
) -> None:
    override(data={"allowed_roots": [str(data_root)], "stream_bytes": 1, "part_bytes": 1})
    DetectionRun.objects.filter(id=run.id).update(scheduled_for=run.window_start)
    divided = make_run(run.monitor, week=WEEK)
    execute(tenant_id=divided.tenant_id, run_id=divided.id, worker="worker-1")
    assert drifted(divided) == drifted(run)


def test_detection__api__has_slices_with_details(run: DetectionRun, api: APIClient) -> None:
    found: dict[str, Any] = api.get("/api/v1/detections?include=details").json()
    slices = [each for row in found["results"] for each in row["slices"]]
    assert {each["slice"] for each in slices} == {"C only", "far", "nowhere"}
    assert "slices" not in api.get("/api/v1/detections").json()["results"][0]


def test_run_page__slices__have_a_table(run: DetectionRun, staff: User, client: Client) -> None:
    client.force_login(staff)
    text = page_text(client.get(f"/admin/runs/{run.id}/"))
    assert "carrier = 'C'" in text
    assert "slices drifted" in text
    assert "The slice has no row in the window." in text or "0 usable rows" in text
