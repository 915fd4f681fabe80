from dataclasses import replace

import pytest
from django.db import IntegrityError
from rest_framework.test import APIClient
from scipy import stats

from algorithms.verdicts import Verdict
from detections.models import Detection, DetectionRun
from detections.runs.completion import complete_run
from detections.runs.execution import execute
from monitors.models import Monitor
from tests.factories import make_finished_run, make_run, plain_result, take


def executed(run: DetectionRun) -> DetectionRun:
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    run.refresh_from_db()
    return run


def test_execute__quiet_week__keeps_the_p_value_of_simes(flights_monitor: Monitor) -> None:
    run = executed(make_run(flights_monitor, week=2))
    found = [row["p_value"] for each in Detection.objects.all() for row in each.details]
    expected = stats.false_discovery_control(found).min()
    assert run.p_value == pytest.approx(expected)


def test_execute__drifted_week__api_tells_a_small_p_value(
    flights_monitor: Monitor, viewer_api: APIClient
) -> None:
    run = executed(make_run(flights_monitor, week=3))
    found = viewer_api.get(f"/api/v1/runs/{run.id}").json()["p_value"]
    assert found == run.p_value
    assert found < 1e-6


def test_execute__policy_threshold__has_no_p_value(flights_monitor: Monitor) -> None:
    Monitor.objects.update(policy="threshold")
    assert executed(make_run(flights_monitor, week=3)).p_value is None


def test_complete_run__p_value__is_kept(run: DetectionRun) -> None:
    assert complete_run(take(run), replace(plain_result(Verdict.OK), p_value=0.25))
    run.refresh_from_db()
    assert run.p_value == 0.25


@pytest.mark.parametrize("p_value", [-0.1, 1.5, float("nan")])
def test_run__p_value_that_is_no_probability__is_refused(monitor: Monitor, p_value: float) -> None:
    with pytest.raises(IntegrityError, match="run_p_value_is_a_probability"):
        make_finished_run(monitor, p_value=p_value)
