"""The page around Evidently's report."""

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from detections.models import DetectionRun, Report
from detections.runs.execution import execute
from drift_detector.tenancy.models import Membership, Role, Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.factories import make_finished_run, make_flights_monitor, make_monitor, make_run

SUMMARY = {
    "metrics": [
        {"config": {"type": "evidently:metric_v2:DriftedColumnsCount", "drift_share": 0.5}, "value": {"count": 1}},
        {"config": {"type": "evidently:metric_v2:ValueDrift", "column": "delay", "method": "K-S p_value",
                    "threshold": 0.05}, "value": 0.2},
        {"config": {"type": "evidently:metric_v2:ValueDrift", "column": "<b>", "threshold": 0.1,
                    "method": "Jensen-Shannon distance"}, "value": 0.3},
        {"config": {"type": "evidently:metric_v2:ValueDrift", "column": "carrier", "threshold": 0.1,
                    "method": "Jensen-Shannon distance"}, "value": 0.01},
    ]
}  # fmt: skip


@pytest.fixture
def ana(staff: User, client: Client) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def judged(flights: Path, in_tenant: Tenant) -> DetectionRun:
    """A run that a worker has executed over the drifted week."""
    run = make_run(make_flights_monitor(flights), week=3)
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    run.refresh_from_db()
    return run


def make_report(run: DetectionRun, **fields: Any) -> Report:
    return Report.objects.create(tenant_id=run.tenant_id, run=run, **fields)


def address(run: DetectionRun) -> str:
    return f"/admin/runs/{run.id}/report/"


def words(page: Any) -> str:
    content = page.content.decode()
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", content)))


def test_report_page__without_a_report__offers_to_make_it(
    ana: Client, judged: DetectionRun
) -> None:
    assert "Make the report" in words(ana.get(address(judged)))
    answer = ana.post(address(judged))
    assert (answer.status_code, answer["Location"]) == (302, address(judged))
    assert Report.objects.get().status == "building"


def test_report_page__being_made__asks_again_by_itself(ana: Client, judged: DetectionRun) -> None:
    make_report(judged)
    page = ana.get(address(judged)).content.decode()
    assert f'hx-get="{address(judged)}" hx-trigger="every' in page
    assert "<iframe" not in page


def test_report_page__ready__stands_in_a_sandbox_below_our_verdict(
    ana: Client, judged: DetectionRun
) -> None:
    make_report(judged, status="ready", html="<p>theirs</p>", summary=SUMMARY, reference_rows=500)
    page = ana.get(address(judged)).content.decode()
    [frame] = re.findall(r"<iframe[^>]*>", page)
    assert f'src="/api/v1/runs/{judged.id}/report"' in frame
    assert 'sandbox="allow-scripts allow-downloads"' in frame
    assert page.index("We say drift") < page.index("<iframe")
    assert f'hx-get="{address(judged)}"' not in page
    assert ana.get(f"/api/v1/runs/{judged.id}/report").content == b"<p>theirs</p>"


def test_report_page__verdicts_that_differ__are_shown_first(
    ana: Client, judged: DetectionRun
) -> None:
    make_report(judged, status="ready", summary=SUMMARY)
    page = ana.get(address(judged))
    rows = {row.feature: row for row in page.context["rows"]}
    assert (rows["delay"].verdict, rows["delay"].column.is_drifted) == ("drift", False)
    assert rows["<b>"].column.is_drifted
    assert rows["distance"].column is None
    assert {row.feature for row in page.context["disagreed"]} == {"delay", "carrier"}
    assert "1 of 3 columns drifted (33.3 %), and its limit is 50 % of the columns" in words(page)
    assert "<b>" not in page.content.decode().split("</head>")[1]


def test_report_page__failed__says_why_and_may_be_tried_again(
    ana: Client, judged: DetectionRun
) -> None:
    make_report(judged, status="failed", reason="There is nothing at <b>.")
    assert "There is nothing at <b>." in words(ana.get(address(judged)))
    ana.post(address(judged))
    assert Report.objects.get().status == "building"


def test_report_page__viewer__sees_it_and_may_not_ask(ana: Client, judged: DetectionRun) -> None:
    Membership.objects.update(role=Role.VIEWER)
    assert "Make the report" not in words(ana.get(address(judged)))
    assert ana.post(address(judged)).status_code == 403
    assert not Report.objects.exists()


def test_report_page__run_without_rows__offers_nothing(ana: Client, in_tenant: Tenant) -> None:
    run = make_finished_run(make_monitor(), "no_data", rows=0)
    assert "needs a succeeded run with rows" in words(ana.get(address(run)))
    assert "needs a succeeded run" in words(ana.post(address(run), follow=True))


def test_report_page__of_another_tenant__is_not_found(ana: Client, other_tenant: Tenant) -> None:
    with tenant_scope(other_tenant.id):
        theirs = make_finished_run(make_monitor())
    assert ana.get(address(theirs)).status_code == 404
    assert ana.post(address(theirs)).status_code == 404


def test_report_page__queries__are_few(
    ana: Client, judged: DetectionRun, django_assert_max_num_queries: Any
) -> None:
    make_report(judged, status="ready", summary=SUMMARY)
    ana.get(address(judged))
    with django_assert_max_num_queries(30) as captured:
        ana.get(address(judged))
    asked = [each["sql"] for each in captured.captured_queries]
    assert len([sql for sql in asked if " FROM " in sql]) <= 15


def test_report_page__feature_sensitive_since__is_hidden_and_remade(
    ana: Client, judged: DetectionRun
) -> None:
    make_report(judged, status="ready", html="<p>values</p>", summary=SUMMARY)
    Monitor.objects.update(sensitive_features=["delay"])
    page = ana.get(address(judged))
    assert "<iframe" not in page.content.decode()
    assert "Make it again without that feature" in words(page)
    ana.post(address(judged))
    found = Report.objects.values_list("status", "html", "summary").get()
    assert found == ("building", "", {})
