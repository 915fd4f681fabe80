from typing import Any

import pytest
from rest_framework.test import APIClient

from detections.models import DetectionRun, RunPart
from detections.runs.execution import execute
from monitors.models import Monitor
from tests.factories import make_finished_run, make_run, take


def read(api: APIClient, run: DetectionRun) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/api/v1/runs/{run.id}").json()
    return found


def test_progress__of_a_divided_run__counts_parts_and_rows(
    viewer_api: APIClient, run: DetectionRun
) -> None:
    take(run)
    for position, rows in enumerate((500, 700, None)):
        RunPart.objects.create(
            tenant_id=run.tenant_id, run=run, baseline=run.monitor.baselines.get(), spec=[],
            position=position, rows=rows, profile=b"counted" if rows else None,
        )  # fmt: skip
    found = read(viewer_api, run)["progress"]
    assert found == {"parts": 3, "parts_done": 2, "rows_read": 1200}


def test_progress__of_a_run_in_one_piece__is_one_part(
    viewer_api: APIClient, run: DetectionRun
) -> None:
    take(run)
    found = read(viewer_api, run)["progress"]
    assert found == {"parts": 1, "parts_done": 0, "rows_read": 0}


@pytest.mark.parametrize("make", [make_run, make_finished_run])
def test_progress__of_a_run_that_no_worker_has__is_null(
    viewer_api: APIClient, monitor: Monitor, make: Any
) -> None:
    assert read(viewer_api, make(monitor))["progress"] is None


def test_run__judged__tells_its_phases_and_bytes(
    viewer_api: APIClient, flights_monitor: Monitor
) -> None:
    run = make_run(flights_monitor)
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    found = read(viewer_api, run)
    assert set(found["phases"]) == {"load", "open", "evaluate", "outcomes"}
    assert found["bytes_read"] > 1000
