from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from detections.models import Detection, DetectionRun
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.data import TIMESTAMPS
from tests.factories import make_detection, make_finished_run, make_monitor, make_run

RUNS, DETECTIONS = "/api/v1/runs", "/api/v1/detections"


def ids(api: APIClient, url: str, **query: Any) -> set[str]:
    answer = api.get(url, query)
    assert answer.status_code == 200, answer.content
    return {row["id"] for row in answer.json()["results"]}


def pages(api: APIClient, url: str) -> Iterator[list[str]]:
    """The ids on each page, as a client follows `next`."""
    following: str | None = url
    while following:
        page = api.get(following).json()
        assert set(page) == {"next", "previous", "results"}
        yield [row["id"] for row in page["results"]]
        following = page["next"]


@contextmanager
def statements() -> Iterator[list[str]]:
    found: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield found
    found.extend(query["sql"] for query in captured.captured_queries)


@pytest.fixture
def drifted(monitor: Monitor) -> DetectionRun:
    """A drifted run with a detection, among an ok one of another monitor."""
    other = make_finished_run(make_monitor())
    make_detection(other, "psi")
    run = make_finished_run(monitor, "drift")
    make_detection(run, "ks", "drift")
    return run


@pytest.mark.parametrize(
    "query",
    [
        lambda run: {"monitor": run.monitor_id},
        lambda run: {"verdict": "drift"},
        lambda run: {"status": "succeeded", "monitor": run.monitor_id},
        lambda run: {"since": run.created_at.isoformat()},
    ],
)
def test_list_runs__filter__finds_the_run_only(
    api: APIClient, drifted: DetectionRun, query: Callable[[DetectionRun], dict[str, Any]]
) -> None:
    assert ids(api, RUNS, **query(drifted)) == {str(drifted.id)}


def test_list_runs__until__leaves_the_newer_out(api: APIClient, drifted: DetectionRun) -> None:
    older = DetectionRun.objects.exclude(id=drifted.id).get()
    assert ids(api, RUNS, until=drifted.created_at.isoformat()) == {str(older.id)}


def test_list_runs__trigger__finds_those(api: APIClient, monitor: Monitor) -> None:
    make_run(monitor, week=1)
    manual = make_run(monitor, week=2, trigger="manual")
    assert ids(api, RUNS, trigger="manual") == {str(manual.id)}


@pytest.mark.parametrize(
    "query",
    [
        lambda found: {"monitor": found.monitor_id},
        lambda found: {"run": found.run_id},
        lambda found: {"method": "ks"},
        lambda found: {"verdict": "drift"},
        lambda found: {"is_drifted": "true"},
        lambda found: {"since": found.created_at.isoformat()},
        lambda found: {
            "window_from": found.window_start.isoformat(),
            "window_to": found.window_end.isoformat(),
        },
    ],
)
def test_list_detections__filter__finds_the_detection_only(
    api: APIClient, drifted: DetectionRun, query: Callable[[Detection], dict[str, Any]]
) -> None:
    Detection.objects.exclude(run=drifted).update(window_end=timezone.now())
    found = drifted.detections.get()
    assert ids(api, DETECTIONS, **query(found)) == {str(found.id)}


def test_list_detections__not_drifted__finds_the_other(
    api: APIClient, drifted: DetectionRun
) -> None:
    other = Detection.objects.exclude(run=drifted).get()
    assert ids(api, DETECTIONS, is_drifted="false") == {str(other.id)}


@pytest.mark.parametrize(
    ("url", "field"),
    [
        (RUNS, "monitor"),
        (RUNS, "monitor_id"),
        (DETECTIONS, "monitor"),
        (DETECTIONS, "monitor_id"),
        (DETECTIONS, "run"),
        (DETECTIONS, "run_id"),
    ],
)
def test_list__id_of_no_row_of_the_tenant__is_refused_under_both_names(
    api: APIClient, other_tenant: Tenant, drifted: DetectionRun, url: str, field: str
) -> None:
    with tenant_scope(other_tenant.id):
        theirs = make_run(make_monitor())
    foreign = theirs.monitor_id if "monitor" in field else theirs.id
    for value in (str(uuid4()), str(foreign), "seven", str(drifted.id)[:-1]):
        answer = api.get(url, {field: value})
        assert answer.status_code == 400
        assert [each["field"] for each in answer.json()["errors"]] == [field]
    own = drifted.monitor_id if "monitor" in field else drifted.id
    assert len(ids(api, url, **{field: own})) == 1


@pytest.mark.parametrize(
    ("url", "field", "value"),
    [
        (RUNS, "monitor", "seven"),
        (RUNS, "status", "asleep"),
        (RUNS, "verdict", "guilty"),
        (RUNS, "since", "yesterday"),
        (DETECTIONS, "method", "tea_leaves"),
        (DETECTIONS, "run", "1"),
        (DETECTIONS, "until", "2024-13-01T00:00:00Z"),
        (DETECTIONS, "window_from", "x"),
    ],
)
def test_list__bad_filter__names_the_field(
    api: APIClient, monitor: Monitor, url: str, field: str, value: str
) -> None:
    answer = api.get(url, {field: value})
    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["errors"]] == [field]


def test_list_runs__bad_cursor__is_a_problem_not_a_crash(api: APIClient, monitor: Monitor) -> None:
    answer = api.get(RUNS, {"cursor": "nonsense"})
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_list_runs__pages__cover_everything_once_newest_first(
    api: APIClient, monitor: Monitor
) -> None:
    runs = [make_run(monitor, week=week) for week in range(7)]
    found = list(pages(api, f"{RUNS}?page_size=3"))
    assert [len(page) for page in found] == [3, 3, 1]
    assert [run_id for page in found for run_id in page] == [str(run.id) for run in reversed(runs)]


def test_list_runs__all_made_at_one_instant__pages_still_cover_everything_once(
    api: APIClient, monitor: Monitor
) -> None:
    runs = {str(make_run(monitor, week=week).id) for week in range(7)}
    DetectionRun.objects.update(created_at=TIMESTAMPS[0])
    found = [run_id for page in pages(api, f"{RUNS}?page_size=2") for run_id in page]
    assert (set(found), len(found)) == (runs, 7)


def test_list_runs__row_made_between_pages__shifts_nothing(
    api: APIClient, monitor: Monitor
) -> None:
    runs = {str(make_run(monitor, week=week).id) for week in range(4)}
    first = api.get(RUNS, {"page_size": 2}).json()
    make_run(monitor, week=9)
    second = api.get(first["next"]).json()
    assert {row["id"] for row in first["results"] + second["results"]} == runs


def test_list_detections__pages__cover_everything_once(api: APIClient, monitor: Monitor) -> None:
    for week in range(3):
        run = make_finished_run(monitor, scheduled_for=TIMESTAMPS[0] + timedelta(days=week))
        for method in ("ks", "psi", "chi_squared"):
            make_detection(run, method)
    found = [row for page in pages(api, f"{DETECTIONS}?page_size=2") for row in page]
    assert (len(set(found)), len(found)) == (9, 9)


@pytest.mark.parametrize(("url", "column"), [(RUNS, "inline_data"), (DETECTIONS, "details")])
def test_list__large_column__is_neither_loaded_nor_shown(
    api: APIClient, drifted: DetectionRun, url: str, column: str
) -> None:
    with statements() as found:
        (row, *_) = api.get(url).json()["results"]
    assert column not in row
    assert not [sql for sql in found if f'"{column}"' in sql]


def test_get_run__inline_data__is_neither_loaded_nor_shown(
    api: APIClient, drifted: DetectionRun
) -> None:
    with statements() as found:
        assert "inline_data" not in api.get(f"{RUNS}/{drifted.id}").json()
    assert not [sql for sql in found if '"inline_data"' in sql]


@pytest.mark.parametrize("url", [RUNS, DETECTIONS])
def test_list__ten_times_the_rows__same_number_of_queries(
    api: APIClient, monitor: Monitor, url: str
) -> None:
    counts = []
    for _ in range(2):
        with statements() as found:
            api.get(url)
        counts.append(len(found))
        for _ in range(10):
            make_detection(make_finished_run(make_monitor()))
    assert counts[0] == counts[1]


def test_get_run__detections__are_summarised(api: APIClient, drifted: DetectionRun) -> None:
    run = api.get(f"{RUNS}/{drifted.id}").json()
    assert run["verdict"] == "drift"
    assert [(each["method"], each["is_drifted"]) for each in run["detections"]] == [("ks", True)]
    assert "details" not in run["detections"][0]


def test_get_detection__details__are_shown(api: APIClient, drifted: DetectionRun) -> None:
    answer = api.get(f"{DETECTIONS}/{drifted.detections.get().id}").json()
    assert answer["details"] == [{"feature": "delay"}]
    assert (answer["run_id"], answer["monitor_id"]) == (str(drifted.id), str(drifted.monitor_id))


@pytest.mark.parametrize("path", [RUNS, DETECTIONS])
def test_get__unknown_id__is_404(api: APIClient, path: str) -> None:
    assert api.get(f"{path}/{uuid4()}").status_code == 404
    assert api.get(f"{path}/seven").status_code == 404


def test_get__other_tenants_rows__are_404(other_api: APIClient, drifted: DetectionRun) -> None:
    detection = drifted.detections.get()
    assert other_api.get(f"{RUNS}/{drifted.id}").status_code == 404
    assert other_api.get(f"{RUNS}/{drifted.id}/report").status_code == 404
    assert other_api.get(f"{DETECTIONS}/{detection.id}").status_code == 404


@pytest.mark.parametrize("url", [RUNS, DETECTIONS])
def test_list__other_tenant__sees_nothing(
    other_api: APIClient, drifted: DetectionRun, url: str
) -> None:
    assert other_api.get(url).json()["results"] == []


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_runs__writing__is_not_offered(api: APIClient, drifted: DetectionRun, method: str) -> None:
    assert getattr(api, method)(f"{RUNS}/{drifted.id}").status_code == 405
    assert DetectionRun.objects.filter(id=drifted.id).exists()
