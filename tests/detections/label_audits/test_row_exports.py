"""The CSV of drawn rows, and the same with labels on its way back; Python's csv module stands for a spreadsheet."""

import csv
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from rest_framework.test import APIClient

from detections.label_audits.row_exports import headings_of
from detections.models import GivenLabel
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tests.detections.label_audits.drawn_audits import (
    classifier,
    draw,
    named,
    of,
    regressor,
    rows_of,
    send,
)

type Records = list[dict[str, str]]


def records_of(api: APIClient, audit: dict[str, Any], **query: Any) -> Records:
    answer = api.get(of(audit, "/rows"), {"as": "csv"} | query)
    assert answer.status_code == 200, answer.content
    return list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))


def send_csv(api: APIClient, audit: dict[str, Any], body: str | bytes) -> Any:
    return api.post(of(audit, "/labels"), body, content_type="text/csv")


def send_records(api: APIClient, audit: dict[str, Any], records: Records) -> Any:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    return send_csv(api, audit, text.getvalue())


CLASSES = [
    ("-", "+"),
    ("=1+1", "@home"),
    ("\tyes", 'no,\r\n"no"'),
    ("'-", "-x"),
    ("yes ", " no"),
    (0, 1),
    (-2.5, 1e-7),
    (False, True),
]


@pytest.mark.parametrize("names", CLASSES, ids=str)
def test_csv__predictions_copied_into_the_labels__are_right(
    api: APIClient, in_tenant: Tenant, flights: Path, names: tuple[Any, Any]
) -> None:
    audit = draw(api, classifier(flights, named(*names), positive_label=""))
    records = records_of(api, audit)
    for record in records[:60]:
        record["label"] = record["prediction"]
    found = send_records(api, audit, records).json()
    assert (found["labelled"], found["counted"], found["metrics"][0]["value"]) == (60, 60, 1)
    shown = rows_of(api, audit)
    assert [row["label"] for row in shown[:60]] == [row["prediction"] for row in shown[:60]]
    again = send_records(api, audit, records_of(api, audit))
    assert (again.status_code, again.json()["labelled"]) == (200, 60)


def test_csv__negative_errors__come_back_as_they_were(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    audit = draw(api, regressor(flights))
    labels = [-1.5, 2.25, -0.1, 1e-300, 123456789.123]
    send(api, audit, labels)
    found = send_records(api, audit, records_of(api, audit))
    assert (found.status_code, found.json()["labelled"]) == (200, 5)
    assert [row["label"] for row in rows_of(api, audit)[:5]] == labels


@pytest.mark.parametrize(
    "body",
    [
        "\ufeffrow,label\r\n1,1\r\n\r\n2,\r\n3, \r\n",
        'label,note,row\n1,"a, b",1\n,,\n',
        "row,label\n1,1.0\n1,1.0\n",
    ],
)
def test_csv__empty_cells_and_other_columns__are_left_out(
    api: APIClient, monitor: Monitor, body: str
) -> None:
    found = send_csv(api, draw(api, monitor), body.encode())
    assert found.status_code == 200, found.content
    assert found.json()["labelled"] == 1
    assert GivenLabel.objects.get().label == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("\n", "columns row and label"),
        ("row;label\n1;1\n", "columns row and label"),
        ("row,label,label\n1,1,1\n", "columns row and label"),
        ("row,label\n1,\n", "not 0"),
        ("row,label\n" + "".join(f"{row},1\n" for row in range(1, 10_002)), "not 10,001"),
        ("row,label\n1,1\n1,0\n", "Row 1 must come once"),
        ("row,label\nfirst,1\n", "'first'"),
        ("row,label\n0,1\n", "'0'"),
        ("row,label\n101,1\n", "not 101"),
        ("row,label\n1,1,1\n", "one has 3"),
        ('row,label\n1,"1\n', "CSV in UTF-8"),
        (b"row,label\n1,\xff\n", "CSV in UTF-8"),
        ("row,label\n1," + 200_000 * "1", "CSV in UTF-8"),
        ("row,label\n1,late\n", "'late'"),
        ("row,label\n1,\x00\n", "row 1"),
    ],
)
def test_csv__that_cannot_be_read__is_refused_with_the_reason(
    api: APIClient, monitor: Monitor, body: str | bytes, said: str
) -> None:
    answer = send_csv(api, draw(api, monitor), body)
    assert answer.status_code == 400
    assert said in answer.json()["errors"][0]["reason"]
    assert not GivenLabel.objects.exists()


def test_csv__cell_that_can_be_two_classes__is_refused(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    audit = draw(api, classifier(flights, named("-", "'-"), positive_label=""))
    refused = send_csv(api, audit, "row,label\n1,'-\n")
    assert (refused.status_code, "come as JSON" in refused.content.decode()) == (400, True)
    assert send(api, audit, ["'-", "-"]).status_code == 200


def test_json__apostrophe_before_a_class__is_no_class_that_is_known(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    audit = draw(api, classifier(flights, named("-", "+"), positive_label="+"))
    found = send(api, audit, ["'+"]).json()
    assert rows_of(api, audit)[0]["label"] == "'+"
    assert found["metrics"][0]["value"] == 0


def test_csv__beyond_the_last_row__has_the_heading_alone(api: APIClient, monitor: Monitor) -> None:
    answer = api.get(of(draw(api, monitor), "/rows"), {"as": "csv", "first": "101"})
    assert answer.content.decode() == "row,occurred_at,prediction,score,distance,label\r\n"


def test_csv__columns_named_as_its_own__have_another_heading(
    api: APIClient, in_tenant: Tenant, flights: Path
) -> None:
    names = ["row", "label", "occurred_at", "feature:row"]

    def crowded(table: pa.Table) -> pa.Table:
        table = table.rename_columns({"label": "truth"})
        for name in names:
            table = table.append_column(name, pa.array([f"the {name}"] * table.num_rows))
        return table

    monitor = classifier(flights, crowded, label_column="truth")
    record = records_of(api, draw(api, monitor, columns=names))[0]
    assert (record["row"], record["label"]) == ("1", "")
    assert record["occurred_at"].startswith("2024")
    for name in ("row", "label", "occurred_at"):
        assert record[f"feature:{name}"] == f"the {name}"
    assert record["feature:feature:row"] == "the feature:row"


@pytest.mark.parametrize("names", [["row", "feature:row"], ["feature:row", "row"], ["score", "a"]])
def test_headings__of_any_names__are_all_different(names: list[str]) -> None:
    headings = ["row", "prediction", "score", "occurred_at", "label", *headings_of(names)]
    assert len(set(headings)) == len(headings)
