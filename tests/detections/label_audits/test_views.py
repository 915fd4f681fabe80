"""The API of label audits; scikit-learn measures the same rows, and the window's own labels are the truth."""

import csv
import io
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rest_framework.test import APIClient
from sklearn.metrics import accuracy_score, mean_absolute_error, root_mean_squared_error

from detections.models import GivenLabel, LabelAudit
from drift_detector.tenancy.models import Tenant
from monitors.models import Job, Monitor
from tasks.monitors import answer_job
from tests.data import TIMESTAMPS
from tests.detections.label_audits.drawn_audits import (
    LIMITS,
    MONITOR_ID,
    WEEK_2,
    draw,
    of,
    priced,
    rows_of,
    send,
    url,
    with_ids,
)
from tests.detections.prediction_tables import classified, run_week, watch
from tests.factories import WEEK, make_monitor


@pytest.fixture
def truth() -> pa.Table:
    return with_ids(classified(2))


def true_labels(rows: list[dict[str, Any]], truth: pa.Table) -> list[int]:
    """The labels of rows that show the id of their flight."""
    known = dict(zip(truth["flight"].to_pylist(), truth["label"].to_pylist(), strict=True))
    return [known[row["values"]["flight"]] for row in rows]


def test_audit__its_whole_life__measures_as_scikit_learn_does(
    api: APIClient, monitor: Monitor, truth: pa.Table
) -> None:
    run_week(monitor, 2)
    made = api.post(url(monitor), {"rows": 120, "columns": ["flight"]})  # of the latest window
    assert made.status_code == 201, made.content
    audit = made.json()
    assert (audit["population"], audit["rows"], audit["labelled"]) == (truth.num_rows, 120, 0)
    rows = rows_of(api, audit)
    labels = true_labels(rows, truth)
    found = send(api, audit, labels).json()
    [metric] = found["metrics"]
    predictions = [row["prediction"] for row in rows]
    assert metric["value"] == pytest.approx(accuracy_score(labels, predictions))
    everywhere = accuracy_score(truth["label"], truth["prediction"])
    assert metric["lower"] < everywhere < metric["upper"]
    assert metric["upper"] - metric["lower"] < 0.3
    assert metric["estimate"]["value"] == pytest.approx(everywhere, abs=0.05)
    assert metric["reference"] == pytest.approx(
        accuracy_score(
            *(pa.concat_tables([classified(0), classified(1)])[n] for n in ("label", "prediction"))
        )
    )
    assert (found["status"], found["counted"], found["waiting"]) == ("complete", 120, 0)
    assert "120 of 120 rows labelled" in found["summary"]
    assert f"Accuracy is {metric['value']:.3g} (95 % interval" in found["summary"]
    assert api.get(of(audit)).json() == found
    [listed] = api.get(url(monitor)).json()["results"]
    assert {name: listed[name] for name in ("id", "labelled", "status", "created_by")} == {
        "id": audit["id"], "labelled": 120, "status": "complete", "created_by": "key:test-operator",
    }  # fmt: skip


def test_draw__other_window__other_rows_of_that_window(api: APIClient, monitor: Monitor) -> None:
    start = TIMESTAMPS[3].isoformat()
    window = {"start": start, "end": (TIMESTAMPS[3] + WEEK).isoformat()}
    times = [row["occurred_at"] for row in rows_of(api, draw(api, monitor, window=window))]
    assert all(time.replace(" ", "T") >= start[:19] for time in times)
    assert times != sorted(times)


def test_draw__half_width__gives_rows_whose_interval_is_so_wide(
    api: APIClient, monitor: Monitor, truth: pa.Table
) -> None:
    asked = {"window": WEEK_2, "half_width": 0.07, "columns": ["flight"]}
    audit = api.post(url(monitor), asked).json()
    rows = rows_of(api, audit)
    send(api, audit, true_labels(rows, truth))
    [metric] = api.get(of(audit)).json()["metrics"]
    assert (metric["upper"] - metric["lower"]) / 2 == pytest.approx(0.07, abs=0.015)


def test_labels__not_in_the_order_of_the_draw__wait_for_earlier_ones(
    api: APIClient, monitor: Monitor
) -> None:
    audit = draw(api, monitor)
    found = send(api, audit, [0, 1, 1], first=5).json()
    assert (found["labelled"], found["counted"], found["waiting"]) == (3, 0, 3)
    assert found["metrics"][0]["value"] is None
    found = send(api, audit, [0, 0, 0, 1]).json()
    assert (found["counted"], found["waiting"]) == (7, 0)


def test_labels__again_or_another__count_once_or_are_refused(
    api: APIClient, monitor: Monitor
) -> None:
    audit = draw(api, monitor)
    assert send(api, audit, [0, 1]).json()["labelled"] == 2
    assert send(api, audit, [False, 1.0, 1]).json()["labelled"] == 3
    refused = send(api, audit, [0, 1, 0, 1])
    assert refused.status_code == 409
    assert "Row 3 has the label 1.0" in refused.json()["detail"]
    assert GivenLabel.objects.count() == 3


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([{"row": 1, "label": "late"}], "label of row 1 is 'late'"),
        ([{"row": 1, "label": None}], ""),
        ([{"row": 1, "label": 2**60}], "up to 2**53"),
        ([{"row": 101, "label": 1}], "row must be from 1 to 100, not 101"),
        ([{"row": 0, "label": 1}], ""),
        ([{"row": 1, "label": 1}, {"row": 1, "label": 0}], "Row 1 must come once"),
        ([{"row": 1, "label": 1, "by": "ana"}], ""),
        ([{"row": 1, "label": [1]}], "label of row 1 is [1]"),
        ([{"row": 1}], ""),
        ([], ""),
        ([{"row": 1, "label": 1}] * 1001, "1000"),
    ],
)
def test_labels__wrong__are_refused_and_nothing_is_kept(
    api: APIClient, monitor: Monitor, labels: list[Any], said: str
) -> None:
    answer = api.post(of(draw(api, monitor), "/labels"), {"labels": labels})
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert not GivenLabel.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rows": 0}, "rows"),
        ({"rows": 10_001}, "rows"),
        ({"half_width": 0.1}, "rows"),
        ({"rows": None}, "rows"),
        ({"columns": ["nope"]}, "columns"),
        ({"columns": ["label"]}, "columns"),
        ({"columns": ["distance"] * 11}, "columns"),
        ({"window": {"start": WEEK_2["end"], "end": WEEK_2["start"]}}, "window.end"),
        ({"window": {"start": "1990-01-01T00:00:00Z", "end": "1990-01-02T00:00:00Z"}}, "window"),
        ({"seed": 3}, "seed"),
    ],
)
def test_draw__wrong_field__is_named_and_nothing_is_written(
    api: APIClient, monitor: Monitor, change: dict[str, Any], field: str
) -> None:
    answer = api.post(url(monitor), {"window": WEEK_2, "rows": 100} | change)
    assert answer.status_code == 400
    assert field in [each["field"] for each in answer.json()["errors"]]
    assert not LabelAudit.objects.exists()


@pytest.mark.parametrize("half_width", [0, -1])
def test_draw__width_that_is_no_distance__is_refused(
    api: APIClient, monitor: Monitor, half_width: float
) -> None:
    answer = api.post(url(monitor), {"window": WEEK_2, "half_width": half_width})
    assert [each["field"] for each in answer.json()["errors"]] == ["half_width"]


def test_csv__of_the_rows__guards_spreadsheets(api: APIClient, monitor: Monitor) -> None:
    audit = draw(api, monitor, columns=["flight"])
    send(api, audit, [1, 0])
    answer = api.get(of(audit, "/rows"), {"as": "csv"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert len(rows) == 100
    assert [row["label"] for row in rows[:3]] == ["1.0", "0.0", ""]
    assert {row["flight"][0] for row in rows} == {"f", "'"}
    shown = rows_of(api, audit)
    assert [row["flight"].lstrip("'") for row in rows] == [row["values"]["flight"] for row in shown]
    assert [row["distance"] for row in rows] == [str(row["values"]["distance"]) for row in shown]


def test_rows__a_page_of_them__has_their_numbers(api: APIClient, monitor: Monitor) -> None:
    audit = draw(api, monitor)
    page = rows_of(api, audit, first=91, rows=20)
    assert [row["row"] for row in page] == list(range(91, 101))
    assert page[0]["values"].keys() == {"distance"}
    for query in ({"as": "xml"}, {"first": 0}, {"rows": "many"}, {"page": 2}):
        assert api.get(of(audit, "/rows"), query).status_code == 400


def test_rows__feature_that_became_sensitive__is_not_shown(
    api: APIClient, monitor: Monitor
) -> None:
    audit = draw(api, monitor)
    Monitor.objects.update(sensitive_features=["distance"])
    assert "distance" not in api.get(of(audit, "/rows"), {"as": "csv"}).content.decode()
    assert rows_of(api, audit)[0]["values"] == {}
    assert rows_of(api, draw(api, monitor, rows=110))[0]["values"] == {}


def test_rows__sensitive_column__cannot_be_asked_for(api: APIClient, monitor: Monitor) -> None:
    Monitor.objects.update(sensitive_features=["distance"])
    asked = {"window": WEEK_2, "rows": 10, "columns": ["distance"]}
    assert api.post(url(monitor), asked).json()["errors"][0]["field"] == "columns"


def test_verdict__limit_beyond_the_interval__is_drift_and_opens_no_alert(
    api: APIClient, monitor: Monitor
) -> None:
    from alerts.models import Alert

    audit = draw(api, monitor)
    wrong = [1 - row["prediction"] for row in rows_of(api, audit)]
    few = send(api, audit, wrong[:3]).json()["metrics"][0]
    assert (few["verdict"], few["limit"]) == ("insufficient_data", 0.7)
    found = send(api, audit, wrong).json()
    assert found["metrics"][0]["verdict"] == "drift"
    assert "It is past the limit of 0.7." in found["summary"]
    assert not Alert.objects.exists()


def test_draw__no_worker__is_answered_with_a_job(
    api: APIClient, monitor: Monitor, in_tenant: Tenant, absent_worker: None
) -> None:
    answer = api.post(url(monitor), {"window": WEEK_2, "rows": 10})
    job = answer.json()
    assert (answer.status_code, job["kind"]) == (202, "draw_label_audit")
    answer_job(tenant_id=str(in_tenant.id), job_id=job["id"])
    found = api.get(f"/api/v1/jobs/{job['id']}").json()
    assert (found["answer_status"], found["answer"]["rows"]) == (201, 10)
    assert found["answer"]["id"] == str(LabelAudit.objects.get().id)


def test_draw__data_is_gone__says_so(api: APIClient, monitor: Monitor) -> None:
    for file in Path(monitor.current_data_uri).iterdir():
        file.unlink()
    answer = api.post(url(monitor), {"window": WEEK_2, "rows": 10})
    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["errors"]] == ["window"]


def test_draw__monitor_without_predictions_or_runs__409(api: APIClient, monitor: Monitor) -> None:
    assert api.post(url(monitor), {"rows": 10}).status_code == 409  # no run has read a window
    without = make_monitor()
    answer = api.post(url(without), {"window": WEEK_2, "rows": 10})
    assert (answer.status_code, "prediction_column" in answer.json()["detail"]) == (409, True)
    assert not Job.objects.filter(kind=Job.Kind.DRAW_LABEL_AUDIT).exists()


def test_audit__of_another_tenant_or_of_none__404(
    api: APIClient, other_api: APIClient, monitor: Monitor
) -> None:
    audit = draw(api, monitor)
    labels = {"labels": [{"row": 1, "label": 1}]}
    for one in (audit, {"id": str(uuid4())}):
        assert other_api.get(of(one)).status_code == 404
        assert other_api.get(of(one, "/rows")).status_code == 404
        assert other_api.post(of(one, "/labels"), labels).status_code == 404
    assert other_api.get(url(monitor)).status_code == 404
    assert other_api.post(url(monitor), {"rows": 5}).status_code == 404


def test_audit__viewer__reads_results_but_no_rows(
    api: APIClient, viewer_api: APIClient, monitor: Monitor
) -> None:
    audit = draw(api, monitor)
    assert viewer_api.get(of(audit)).status_code == 200
    assert viewer_api.get(of(audit, "/rows")).status_code == 403
    assert send(viewer_api, audit, [1]).status_code == 403
    assert viewer_api.post(url(monitor), {"rows": 5}).status_code == 403


def test_audit__monitor_removed__goes_with_it(api: APIClient, monitor: Monitor) -> None:
    send(api, draw(api, monitor), [1, 0])
    assert api.delete(f"/api/v1/monitors/{monitor.id}").status_code == 204
    assert not LabelAudit.objects.exists()
    assert not GivenLabel.objects.exists()


def test_regression__mean_errors__are_those_of_scikit_learn(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    tables = {week: priced(week) for week in range(4)}
    limits = {"mae": {"maximum": 9.0}}
    monitor = watch(flights, tables, id=MONITOR_ID, performance_limits=limits)
    answer = api.post(url(monitor), {"window": WEEK_2, "half_width": 0.8})
    assert answer.status_code == 201, answer.content
    audit, rows = answer.json(), rows_of(api, answer.json())
    known = dict(
        zip(tables[2]["prediction"].to_pylist(), tables[2]["label"].to_pylist(), strict=True)
    )
    predicted = [row["prediction"] for row in rows]
    labels = [known[each] for each in predicted]
    found = send(api, audit, labels).json()["metrics"]
    mae, rmse = found
    assert mae["value"] == pytest.approx(mean_absolute_error(labels, predicted))
    assert rmse["value"] == pytest.approx(root_mean_squared_error(labels, predicted))
    truth = (tables[2]["label"], tables[2]["prediction"])
    assert mae["lower"] < mean_absolute_error(*truth) < mae["upper"]
    assert rmse["lower"] < root_mean_squared_error(*truth) < rmse["upper"]
    assert (mae["upper"] - mae["lower"]) / 2 == pytest.approx(0.8, rel=0.15)
    assert (mae["verdict"], mae["limit"]) == ("ok", 9.0)


def test_classes_of_text__labels_of_text__are_compared(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    def named(week: int) -> pa.Table:
        names = pa.array(["no", "yes"])
        table = classified(week)
        for name in ("prediction", "label"):
            place = table.column_names.index(name)
            table = table.set_column(place, name, names.take(table[name].combine_chunks()))
        return table

    tables = {week: named(week) for week in range(4)}
    monitor = watch(flights, tables, positive_label="yes", performance_limits=LIMITS)
    audit = draw(api, monitor)
    first = rows_of(api, audit)[0]["prediction"]
    assert send(api, audit, [1]).status_code == 400
    assert send(api, audit, [first]).json()["metrics"][0]["value"] == 1


def test_predictions_of_booleans__labels_of_numbers_or_booleans__are_compared(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    def true_or_false(week: int) -> pa.Table:
        table = classified(week)
        place = table.column_names.index("prediction")
        return table.set_column(place, "prediction", table["prediction"].cast(pa.bool_()))

    tables = {week: true_or_false(week) for week in range(4)}
    audit = draw(api, watch(flights, tables, performance_limits=LIMITS))
    rows = rows_of(api, audit)[:2]
    labels = [rows[0]["prediction"], int(not rows[1]["prediction"])]
    assert send(api, audit, labels).json()["metrics"][0]["value"] == 0.5


def test_window__of_several_files_and_batches__is_drawn_from_as_a_whole(
    api: APIClient, monitor: Monitor, flights: Path
) -> None:
    whole = rows_of(api, draw(api, monitor, columns=["flight"]))
    path = flights / "week2.parquet"
    pq.write_table(pq.read_table(path), path, row_group_size=300)
    LabelAudit.objects.all().delete()
    assert rows_of(api, draw(api, monitor, columns=["flight"])) == whole
