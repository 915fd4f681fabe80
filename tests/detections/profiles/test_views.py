from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow.parquet as pq
import pytest
from rest_framework.test import APIClient

from detections.models import BaselineFrame, DetectionRun, RunProfile
from detections.runs.execution import execute
from monitors.models import Monitor
from tests.data import TIMESTAMPS
from tests.factories import WEEK, make_detection, make_finished_run, make_run


def judged(monitor: Monitor, *, week: int, **fields: Any) -> DetectionRun:
    """A run that a worker has executed."""
    run = make_run(monitor, week=week, **fields)
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    run.refresh_from_db()
    assert run.status == "succeeded", run.reason
    return run


def profile_url(run: DetectionRun) -> str:
    return f"/api/v1/runs/{run.id}/profile"


def series_url(monitor: Monitor) -> str:
    return f"/api/v1/monitors/{monitor.id}/series"


def read(api: APIClient, url: str, **query: Any) -> dict[str, Any]:
    answer = api.get(url, query)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def feature_of(profile: dict[str, Any], name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = profile["features"]
    [only] = [each for each in found if each["feature"] == name]
    return only


def values_of(flights: Path, name: str, run: DetectionRun) -> Any:
    """A column of the run's window, read by pyarrow alone."""
    span = [("departs_at", ">=", run.window_start), ("departs_at", "<", run.window_end)]
    column = pq.read_table(flights, columns=[name], filters=span)[name]
    return column.drop_null().to_numpy()


def test_profile__of_a_judged_run__has_the_shares_of_its_window(
    viewer_api: APIClient, flights_monitor: Monitor, flights: Path
) -> None:
    run = judged(flights_monitor, week=3)
    distance = feature_of(read(viewer_api, profile_url(run)), "distance")
    values = values_of(flights, "distance", run)
    wanted = np.bincount(
        np.searchsorted(distance["edges"], values), minlength=len(distance["edges"]) + 1
    )
    np.testing.assert_allclose(distance["shares"]["current"], wanted / len(values), atol=5.1e-5)
    medians = [each for each in distance["quantiles"] if each["level"] == 0.5]
    assert medians[0]["current"] == pytest.approx(np.median(values), rel=0.05)
    assert {each["method"] for each in distance["methods"]} == {"ks", "psi"}


def test_profile__one_feature_asked_for__is_alone(api: APIClient, flights_monitor: Monitor) -> None:
    run = judged(flights_monitor, week=3)
    found = read(api, profile_url(run), feature="carrier")["features"]
    assert [each["feature"] for each in found] == ["carrier"]
    assert found[0]["categories"]["names"]
    assert read(api, profile_url(run), feature="no such")["features"] == []


def test_profile__fewer_features_asked_for__says_how_many_are_left_out(
    api: APIClient, flights_monitor: Monitor
) -> None:
    run = judged(flights_monitor, week=3)
    every = len(read(api, profile_url(run))["features"])
    found = read(api, profile_url(run), features=1)
    assert len(found["features"]) == 1
    assert found["features_left_out"] == every - 1


def test_profile__of_a_run_without_one__says_why(api: APIClient, monitor: Monitor) -> None:
    found = read(api, profile_url(make_finished_run(monitor)))
    assert found["features"] == []
    assert found["reason"].startswith("The run has no profile")


def test_profile__of_another_tenant__is_not_found(
    other_api: APIClient, flights_monitor: Monitor
) -> None:
    run = judged(flights_monitor, week=3)
    assert other_api.get(profile_url(run)).status_code == 404
    assert other_api.get(series_url(flights_monitor)).status_code == 404


@pytest.mark.parametrize("feature", [None, "carrier"])
def test_profile__of_a_divided_window__is_that_of_the_whole(
    api: APIClient, flights_monitor: Monitor, override: Any, feature: str | None
) -> None:
    whole = judged(flights_monitor, week=3)
    override(data={"stream_bytes": 1, "part_bytes": 1})
    divided = judged(flights_monitor, week=3, scheduled_for=TIMESTAMPS[0] + 9 * WEEK)
    query = {"feature": feature} if feature else {}
    shapes = ("feature", "shares", "quantiles", "null_rate", "categories")
    found = [
        [
            {name: each[name] for name in shapes}
            for each in sorted(features, key=lambda f: f["feature"])
        ]
        for features in (
            read(api, profile_url(run), **query)["features"] for run in (whole, divided)
        )
    ]
    assert found[0] == found[1]


def test_profile__run_is_removed__goes_with_it(flights_monitor: Monitor) -> None:
    run = judged(flights_monitor, week=3)
    assert RunProfile.objects.filter(run_id=run.id).exists()
    assert BaselineFrame.objects.filter(baseline_id__isnull=False).count() == 1
    run.delete()
    assert not RunProfile.objects.exists()


def test_series__of_all_features__is_a_heat_map(api: APIClient, flights_monitor: Monitor) -> None:
    runs = [judged(flights_monitor, week=week) for week in (3, 2)]
    found = read(api, series_url(flights_monitor))
    assert [each["run_id"] for each in found["windows"]] == [str(run.id) for run in runs[::-1]]
    assert {each["feature"] for each in found["features"]} >= {"delay", "distance", "carrier"}
    assert all(len(each["effect_ratios"]) == 2 for each in found["features"])


def test_series__features__are_worst_first_as_details_say(
    api: APIClient, flights_monitor: Monitor
) -> None:
    run = judged(flights_monitor, week=3)
    found = read(api, series_url(flights_monitor))["features"]
    details = [each for detection in run.detections.all() for each in detection.details]
    for row in found:
        own = [each for each in details if each["feature"] == row["feature"]]
        wanted = [e["effect_size"] / e["tolerance"] for e in own if e["effect_size"] is not None]
        assert row["effect_ratios"][0] == pytest.approx(max(wanted), rel=2e-3)
    ranks = [(each["verdicts"][0] == "drift", each["effect_ratios"][0]) for each in found]
    assert ranks == sorted(ranks, reverse=True)


def test_series__of_a_feature__has_quantiles_and_nulls(
    api: APIClient, flights_monitor: Monitor, flights: Path
) -> None:
    run = judged(flights_monitor, week=3)
    [point] = read(api, series_url(flights_monitor), feature="delay")["points"]
    values = values_of(flights, "delay", run)
    found = {each["level"]: each["current"] for each in point["quantiles"]}
    assert found[0.0] == pytest.approx(values.min(), abs=0.1)
    assert found[1.0] == pytest.approx(values.max(), abs=0.1)
    assert set(point["null_rate"]) == {"reference", "current"}


def test_series__window_judged_again__shows_the_newest_run(
    api: APIClient, flights_monitor: Monitor
) -> None:
    judged(flights_monitor, week=3)
    again = judged(flights_monitor, week=3, scheduled_for=TIMESTAMPS[0] + 9 * WEEK)
    [window] = read(api, series_url(flights_monitor))["windows"]
    assert window["run_id"] == str(again.id)


def test_series__span_and_number_of_windows__bound_it(
    api: APIClient, flights_monitor: Monitor
) -> None:
    runs = [judged(flights_monitor, week=week) for week in (2, 3)]
    url, start = series_url(flights_monitor), runs[1].window_start
    queries: list[dict[str, Any]] = [{"from": start.isoformat()}, {"windows": 1}]
    for query in queries:
        found = read(api, url, **query)
        assert [each["run_id"] for each in found["windows"]] == [str(runs[1].id)]
    assert read(api, url, windows=1)["has_older_windows"] is True
    assert read(api, url, to=start.isoformat())["windows"][0]["run_id"] == str(runs[0].id)


def test_series__performance__has_value_interval_and_limit(
    api: APIClient, monitor: Monitor
) -> None:
    run = make_finished_run(monitor)
    detail = {
        "feature": "accuracy", "verdict": "drift", "statistic": 0.8, "threshold": 0.9,
        "n_current": 100, "explanation": {"lower": 0.7, "upper": 0.88, "baseline": 0.95},
    }  # fmt: skip
    make_detection(run, "performance", "drift", detection_type="performance", details=[detail])
    [metric] = read(api, series_url(monitor))["performance"]
    [point] = metric["points"]
    wanted = {"value": 0.8, "lower": 0.7, "upper": 0.88, "limit": 0.9, "baseline": 0.95}
    assert point.items() >= wanted.items()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "2024-02-01T00:00:00Z", "to": "2024-01-01T00:00:00Z"}, "to"),
        ({"from": "2024-02-01T00:00:00Z", "to": "2024-02-01T00:00:00Z"}, "to"),
        ({"from": "yesterday"}, "from"),
        ({"to": "2024-01-01\0"}, "to"),
        ({"windows": "0"}, "windows"),
        ({"windows": "401"}, "windows"),
        ({"features": "x"}, "features"),
        ({"feature": ""}, "feature"),
        ({"nope": "1"}, "nope"),
    ],
)
def test_series__bad_query__is_refused_by_field(
    api: APIClient, monitor: Monitor, query: dict[str, str], field: str
) -> None:
    answer = api.get(series_url(monitor), query)
    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["errors"]] == [field]


def test_series__unknown_monitor__is_not_found(api: APIClient) -> None:
    assert api.get(f"/api/v1/monitors/{uuid4()}/series").status_code == 404


def test_series__many_windows__takes_few_statements(
    api: APIClient, monitor: Monitor, django_assert_max_num_queries: Any
) -> None:
    for week in range(4):
        make_finished_run(monitor, scheduled_for=TIMESTAMPS[0] + week * WEEK)
    with django_assert_max_num_queries(15):
        read(api, series_url(monitor))
