"""Exports of lists: the rows of the filters, safe cells, a limit that is said."""

import csv
import io
from datetime import datetime
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client
from django.urls import reverse

from drift_detector.tenancy import exports
from drift_detector.tenancy.models import ApiKey, Tenant, TenantQuota, User
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.site import site
from tests.drift_detector.screens.test_home import html, make_alert
from tests.factories import make_detection, make_finished_run, make_monitor

RUNS = "/admin/detections/detectionrun/"
LISTS = [
    f"admin:{model._meta.app_label}_{model._meta.model_name}_export"
    for model in site._registry
    if model is not TenantQuota
]


@pytest.fixture
def person(client: Client, staff: User, in_tenant: Tenant) -> Client:
    client.force_login(staff)
    return client


def body(answer: Any) -> bytes:
    assert answer.status_code == 200, answer
    return b"".join(answer.streaming_content)


def csv_rows(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body(answer).decode(), newline="")))


def test_export__csv_of_runs__has_the_rows_of_the_list(person: Client) -> None:
    run = make_finished_run(make_monitor(name="Flights"), "drift", rows=1234567)
    (row,) = csv_rows(person.get(f"{RUNS}export/csv"))
    assert row["id"] == str(run.id)
    assert (row["monitor"], row["verdict"], row["rows"]) == ("Flights", "drift", "1234567")
    assert datetime.fromisoformat(row["window_end"]) == run.window_end


def test_export__parquet_of_detections__has_types(person: Client) -> None:
    run = make_finished_run(make_monitor(), "drift")
    make_detection(run, "ks", "drift", statistic=0.25)
    make_detection(run, "psi", "ok")
    answer = person.get("/admin/detections/detection/export/parquet")
    table = pq.read_table(io.BytesIO(body(answer)))
    assert str(table.schema.field("window_end").type) == "timestamp[us, tz=UTC]"
    rows = sorted(table.to_pylist(), key=lambda row: str(row["method"]))
    assert [row["statistic"] for row in rows] == [0.25, None]
    assert [row["window_end"] for row in rows] == [run.window_end] * 2


def test_export__filters_and_order__are_those_of_the_list(person: Client) -> None:
    monitor = make_monitor()
    runs = [make_finished_run(monitor, verdict) for verdict in ("ok", "drift", "ok")]
    asked = f"?monitor__id__exact={monitor.id}&verdict__exact=ok&o=1"
    found = [row["id"] for row in csv_rows(person.get(f"{RUNS}export/csv{asked}"))]
    assert set(found) == {str(runs[0].id), str(runs[2].id)}
    assert f"{RUNS}export/csv{asked.replace('&', '&amp;')}" in html(person, f"{RUNS}{asked}&p=1")


def test_export__alerts__leave_out_what_the_list_does(person: Client) -> None:
    run = make_finished_run(make_monitor(), "drift")
    make_alert(run, phase="pending", opened_at=None)
    assert csv_rows(person.get("/admin/alerts/alert/export/csv")) == []


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_export__cell_that_begins_a_formula__is_prefixed(person: Client, start: str) -> None:
    name = f"{start}cmd|' /C calc'!A0"
    make_finished_run(make_monitor(name=name))
    (row,) = csv_rows(person.get(f"{RUNS}export/csv"))
    assert row["monitor"] == f"'{name}"


def test_export__negative_number__stays_a_number(person: Client) -> None:
    make_detection(make_finished_run(make_monitor()), effect_size=-0.5)
    (row,) = csv_rows(person.get("/admin/detections/detection/export/csv"))
    assert row["effect_size"] == "-0.5"


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_export__more_rows_than_the_limit__says_so(
    person: Client, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(exports, "MOST_ROWS", 2)
    monitor = make_monitor()
    for _ in range(3):
        make_finished_run(monitor)
    answer = person.get(f"{RUNS}export/{form}")
    assert (answer["X-Rows"], answer["X-Rows-Left-Out"], answer["X-Row-Limit"]) == (
        "2",
        "true",
        "2",
    )
    assert f"-first-2.{form}" in answer["Content-Disposition"]
    content = body(answer)
    count = (
        pq.read_table(io.BytesIO(content)).num_rows
        if form == "parquet"
        else content.count(b"\r\n") - 1
    )
    assert count == 2


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("name", LISTS)
def test_export__each_list__answers(person: Client, name: str, form: str) -> None:
    run = make_finished_run(make_monitor(), "drift")
    make_detection(run)
    make_alert(run)
    assert body(person.get(reverse(name, args=[form])))


def test_export__other_tenants_rows__are_not_there(person: Client, other_tenant: Tenant) -> None:
    with tenant_scope(other_tenant.id):
        make_finished_run(make_monitor(name="Secret monitor"))
    assert csv_rows(person.get(f"{RUNS}export/csv")) == []


def test_export__stranger__is_asked_to_sign_in(client: Client, db: None) -> None:
    assert client.get(f"{RUNS}export/csv")["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("path", ["export/xlsx", "export/csv?reason__regex=(a*)*b"])
def test_export__format_or_lookup_that_is_none__is_refused(person: Client, path: str) -> None:
    assert person.get(f"{RUNS}{path}").status_code in (400, 404)


def test_export__api_keys__have_no_hash(person: Client, in_tenant: Tenant) -> None:
    stored = {"prefix": "dd_abc", "sha256": "f" * 64, "scopes": ["admin"]}
    ApiKey.objects.create(tenant=in_tenant, name="ci", **stored)
    content = body(person.get("/admin/tenancy/apikey/export/csv"))
    assert b"dd_abc" in content
    assert b"f" * 64 not in content
