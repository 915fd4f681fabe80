"""`POST /runs/{id}/explain`: a worker finds the slices that carry a drift; what was put into the data is the oracle."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rest_framework.test import APIClient

from algorithms.slices.parsing import parse_condition
from algorithms.slices.slice_conditions import terms_of
from detections.explanations.run_explanations import NOTHING_LOCAL
from detections.models import DetectionRun
from detections.runs.execution import execute
from drift_detector.tenancy.models import Tenant
from monitors import services as monitors
from monitors.jobs.sampled_values import FORGOTTEN, forget_conditions
from monitors.models import Job, Monitor
from tasks.monitors import answer_job
from tests.data import TIMESTAMPS
from tests.factories import make_flights_monitor, make_run

RUNS = "/api/v1/runs"
ROWS = 6000
WEEKS = 4
DRIFTED = 3


def week_of(number: int) -> pa.Table:
    """Six carriers; in the last week carrier B's distances are far longer."""
    random = np.random.default_rng(number)
    carrier = random.choice(list("ABCDEF"), ROWS)
    distance = random.normal(1000, 200, ROWS)
    distance += 400 * (number == DRIFTED) * (carrier == "B")
    seconds = random.integers(0, 7 * 86_400, ROWS)
    times = [TIMESTAMPS[number] + timedelta(seconds=each) for each in seconds.tolist()]
    return pa.table(
        {
            "departs_at": pa.array(times, pa.timestamp("us", "UTC")),
            "carrier": carrier,
            "distance": distance,
            "delay": random.exponential(10, ROWS),
        }
    )


@pytest.fixture
def monitor(tmp_path: Path, data_root: Path, in_tenant: Tenant) -> Monitor:
    folder = data_root / str(uuid4())
    folder.mkdir()
    for number in range(WEEKS):
        pq.write_table(week_of(number), folder / f"week{number}.parquet")
    return make_flights_monitor(folder)


def judged(monitor: Monitor, week: int = DRIFTED) -> DetectionRun:
    run = make_run(monitor, week=week)
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    run.refresh_from_db()
    return run


def explain(api: APIClient, run: DetectionRun) -> dict[str, Any]:
    answer = api.post(f"{RUNS}/{run.id}/explain")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_explain__one_carrier_drifts__it_is_the_first_slice(
    api: APIClient, monitor: Monitor
) -> None:
    found = explain(api, judged(monitor))
    first = found["slices"][0]
    assert (first["where"], first["feature"]) == ("carrier = 'B'", "distance")
    true_rows = int(np.count_nonzero(week_of(DRIFTED)["carrier"].to_numpy() == "B"))
    assert (found["rows"], first["rows"]) == (ROWS, true_rows)
    assert first["support"] == pytest.approx(true_rows / ROWS)
    assert first["share"] > 0.9
    assert first["psi"] > 1 > 0.1 > first["rest_psi"]
    assert found["features"] == ["distance"]
    assert "distance moved inside carrier = 'B'" in found["summary"]


def test_explain__slice_pasted_into_the_monitor__drifts_alone(
    api: APIClient, monitor: Monitor, data_root: Path
) -> None:
    first = explain(api, judged(monitor))["slices"][0]
    pasted = {name: first[name] for name in ("name", "where")}
    answer = api.patch(f"/api/v1/monitors/{monitor.id}", {"slices": [pasted]})
    assert (answer.status_code, answer.json()["slices"]) == (200, [pasted])


def test_explain__reference_changed_since__is_that_of_the_runs_baseline(
    api: APIClient, monitor: Monitor
) -> None:
    run = judged(monitor)
    start, end = TIMESTAMPS[DRIFTED], TIMESTAMPS[DRIFTED] + timedelta(weeks=1)
    monitors.update_monitor(monitor=monitor, reference_start=start, reference_end=end)
    assert explain(api, run)["slices"][0]["where"] == "carrier = 'B'"


def test_explain__no_drift__answers_that_there_is_none(api: APIClient, monitor: Monitor) -> None:
    found = explain(api, judged(monitor, week=2))
    assert (found["slices"], found["features"]) == ([], [])
    assert found["summary"] == NOTHING_LOCAL


def test_explain__sensitive_feature__is_in_no_condition(api: APIClient, monitor: Monitor) -> None:
    run = judged(monitor)
    monitors.update_monitor(monitor=monitor, sensitive_features=["carrier"])
    found = explain(api, run)
    conditions = [parse_condition(each["where"]) for each in found["slices"]]
    assert "carrier" not in {term.column for each in conditions for term in terms_of(each)}


def test_explain__answered_before_a_feature_became_sensitive__is_forgotten(
    api: APIClient, monitor: Monitor
) -> None:
    explain(api, judged(monitor))
    forget_conditions(monitor_id=monitor.id, columns=["carrier"])
    answer = Job.objects.get(kind=Job.Kind.EXPLAIN_RUN).answer
    assert json.loads(answer)["summary"] == FORGOTTEN
    assert "'B'" not in answer


def test_explain__no_worker__is_answered_with_a_job(
    api: APIClient, monitor: Monitor, in_tenant: Tenant, absent_worker: None
) -> None:
    run = judged(monitor)
    answer = api.post(f"{RUNS}/{run.id}/explain")
    job = answer.json()
    assert (answer.status_code, job["kind"], job["monitor_id"]) == (
        202, "explain_run", str(monitor.id)
    )  # fmt: skip
    answer_job(tenant_id=str(in_tenant.id), job_id=job["id"])
    found = api.get(f"/api/v1/jobs/{job['id']}").json()
    assert (found["status"], found["answer"]["run_id"]) == ("succeeded", str(run.id))


def test_explain__rows_sent_with_the_run__are_what_is_searched(
    api: APIClient, monitor: Monitor
) -> None:
    from monitors.sources import table_to_bytes

    run = make_run(monitor, inline_data=table_to_bytes(week_of(DRIFTED)[:3000]))
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    found = explain(api, run)
    assert (found["rows"], found["slices"][0]["where"]) == (3000, "carrier = 'B'")


def test_explain__data_is_gone__says_so(api: APIClient, monitor: Monitor, data_root: Path) -> None:
    run = judged(monitor)
    for file in Path(monitor.current_data_uri).iterdir():
        file.unlink()
    answer = api.post(f"{RUNS}/{run.id}/explain")
    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["errors"]] == ["run"]


def test_explain__run_that_was_not_judged__409(api: APIClient, monitor: Monitor) -> None:
    answer = api.post(f"{RUNS}/{make_run(monitor).id}/explain")
    assert answer.status_code == 409
    assert Job.objects.filter(kind=Job.Kind.EXPLAIN_RUN).count() == 0


def test_explain__of_another_tenant_or_of_none__404(other_api: APIClient, monitor: Monitor) -> None:
    run = judged(monitor)
    theirs = other_api.post(f"{RUNS}/{run.id}/explain")
    assert (theirs.status_code, theirs.json()) == (
        404, other_api.post(f"{RUNS}/{uuid4()}/explain").json()
    )  # fmt: skip


def test_explain__viewer_or_a_field__is_refused(
    viewer_api: APIClient, api: APIClient, monitor: Monitor
) -> None:
    run = judged(monitor)
    assert viewer_api.post(f"{RUNS}/{run.id}/explain").status_code == 403
    assert api.post(f"{RUNS}/{run.id}/explain", {"depth": 3}).status_code == 400
