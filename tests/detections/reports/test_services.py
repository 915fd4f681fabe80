"""Reports by the real Evidently, in a process of their own: it warns on import, and no other process should pay."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from detections.models import DetectionRun, Report
from detections.reports import services as reports
from detections.runs.execution import execute
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.data import TIMESTAMPS
from tests.factories import make_finished_run, make_flights_monitor, make_run, rows_of, wake_ups

MOST_ROWS = 500
MODULES = """
import django, sys
django.setup()
import tasks.detections, detections.reports.services
print(*sys.modules)
"""
# For each line, the test's database and folder, then the task's one service call.
BUILDER = """
import json, sys, django
django.setup()
from django.conf import settings
from django.db import connection
from tasks.detections import build_report
for line in sys.stdin:
    name, root, tenant, report, most = json.loads(line)
    connection.close()
    connection.settings_dict["NAME"] = name
    data = settings.ENV.data.model_copy(update={"allowed_roots": [root]})
    most = settings.ENV.reports.model_copy(update={"max_rows": most})
    settings.ENV = settings.ENV.model_copy(update={"data": data, "reports": most})
    build_report(tenant_id=tenant, report_id=report)
    print("built", flush=True)
"""
ENVIRONMENT = os.environ | {"DJANGO_SETTINGS_MODULE": "drift_detector.settings"}


def in_a_process(code: str, *arguments: object) -> str:
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def url(run: DetectionRun, query: str = "") -> str:
    return f"/api/v1/runs/{run.id}/report{query}"


@pytest.fixture
def judged(committed_tenant: Tenant, flights: Path) -> DetectionRun:
    """A committed run over the drifted week."""
    with tenant_scope(committed_tenant.id):
        run = make_run(make_flights_monitor(flights))
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="w")
    with tenant_scope(committed_tenant.id):
        return DetectionRun.objects.get(id=run.id)


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """A process that builds one report after the other."""
    log = tmp_path_factory.mktemp("builder") / "log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", BUILDER],
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        yield process
        assert process.stdin
        process.stdin.close()
    assert process.returncode == 0, log.read_text()


def build(builder: subprocess.Popen[str], run: DetectionRun, root: Path) -> None:
    ((report_id,),) = rows_of(run.tenant_id, "SELECT id FROM drf_reports")
    asked = [connection.settings_dict["NAME"], root, run.tenant_id, report_id, MOST_ROWS]
    assert builder.stdin
    assert builder.stdout
    print(json.dumps(asked, default=str), file=builder.stdin, flush=True)
    assert any(line == "built\n" for line in builder.stdout)


def test_report__asked_and_built__is_served_sandboxed_and_as_json(
    builder: subprocess.Popen[str], judged: DetectionRun, committed_api: APIClient, data_root: Path
) -> None:
    asked = committed_api.post(url(judged))
    assert (asked.status_code, asked.json()["status"]) == (202, "building")
    build(builder, judged, data_root)
    page, figures = (
        committed_api.get(url(judged)),
        committed_api.get(url(judged, "?as=json")).json(),
    )
    assert page["Content-Type"].startswith("text/html")
    assert b"carrier" in page.content
    policy = page["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts allow-downloads; default-src 'none'")
    assert "allow-same-origin" not in policy
    assert (figures["status"], figures["reference_rows"], figures["current_rows"]) == (
        "ready",
        500,
        500,
    )
    assert "delay" in json.dumps(figures["summary"])


def test_report__columns_without_a_value__are_left_out_and_named(
    builder: subprocess.Popen[str],
    committed_tenant: Tenant,
    committed_api: APIClient,
    data_root: Path,
    flights: Path,
) -> None:
    for path in flights.glob("*.parquet"):
        table = pq.read_table(path)
        is_last = pc.greater_equal(table["departs_at"], TIMESTAMPS[3])
        fee = pc.if_else(is_last, None, table["distance"])
        kind = pc.if_else(is_last, None, table["carrier"])
        pq.write_table(table.append_column("fee", fee).append_column("kind", kind), path)
    with tenant_scope(committed_tenant.id):
        run = make_run(make_flights_monitor(flights))
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="w")
    committed_api.post(url(run))
    build(builder, run, data_root)
    figures, page = committed_api.get(url(run, "?as=json")).json(), committed_api.get(url(run))
    empty = "as each value is null in the current window"
    assert figures["status"] == "ready"
    assert figures["reason"] == f"Left out: fee, {empty}; kind, {empty}."
    assert "delay" in json.dumps(figures["summary"])
    assert f"<p>Left out: fee, {empty}".encode() in page.content


def test_report__column_on_which_evidently_fails__is_left_out_and_named(
    builder: subprocess.Popen[str],
    committed_tenant: Tenant,
    committed_api: APIClient,
    data_root: Path,
    flights: Path,
) -> None:
    for path in flights.glob("*.parquet"):
        table = pq.read_table(path)
        # Numbers that floats hold apart by hundreds: numpy finds no cells for a histogram.
        ids = pa.array(range(2**62, 2**62 + table.num_rows))
        pq.write_table(table.append_column("id", ids), path)
    with tenant_scope(committed_tenant.id):
        run = make_run(make_flights_monitor(flights, feature_kinds={"id": "numeric"}))
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="w")
    committed_api.post(url(run))
    build(builder, run, data_root)
    figures = committed_api.get(url(run, "?as=json")).json()
    assert figures["reason"] == "Left out: id, as Evidently fails on it (ValueError)."
    assert figures["status"] == "ready"
    assert "delay" in json.dumps(figures["summary"])


def test_report__asked__enqueues_the_task_once(
    judged: DetectionRun, committed_api: APIClient
) -> None:
    first, second = committed_api.post(url(judged)).json(), committed_api.post(url(judged)).json()
    assert first["id"] == second["id"]
    sent = [
        each for each in wake_ups("detections.build_report") if each["report_id"] == first["id"]
    ]
    assert sent == [{"tenant_id": str(judged.tenant_id), "report_id": first["id"]}]


def test_report__data_gone__fails_with_the_reason_and_may_be_asked_again(
    builder: subprocess.Popen[str],
    judged: DetectionRun,
    committed_api: APIClient,
    data_root: Path,
    flights: Path,
) -> None:
    committed_api.post(url(judged))
    flights.rename(data_root / "moved")
    build(builder, judged, data_root)
    report = committed_api.get(url(judged)).json()
    assert report["status"] == "failed"
    assert report["reason"] == "There is nothing at ‘flights’."
    again = committed_api.post(url(judged)).json()
    assert (again["id"], again["status"], again["reason"]) == (report["id"], "building", "")


def test_release_report__being_made__is_enqueued_again(
    judged: DetectionRun, committed_api: APIClient
) -> None:
    report_id = committed_api.post(url(judged)).json()["id"]
    leased(judged, "first")
    reports.release_report(tenant_id=judged.tenant_id, report_id=UUID(report_id), worker="first")
    assert [each["report_id"] for each in wake_ups("detections.build_report")].count(report_id) == 2


def test_release_report__another_worker_has_it_by_now__changes_nothing(
    judged: DetectionRun, committed_api: APIClient
) -> None:
    report_id = committed_api.post(url(judged)).json()["id"]
    token = leased(judged, "second")
    reports.release_report(tenant_id=judged.tenant_id, report_id=UUID(report_id), worker="first")
    with tenant_scope(judged.tenant_id):
        assert Report.objects.get().lease_token == token
    assert [each["report_id"] for each in wake_ups("detections.build_report")].count(report_id) == 1


def leased(run: DetectionRun, worker: str) -> UUID:
    """Let a worker hold the report of a run."""
    token = uuid4()
    expires_at = timezone.now() + timedelta(minutes=1)
    with tenant_scope(run.tenant_id):
        Report.objects.update(lease_token=token, lease_expires_at=expires_at, worker=worker)
    return token


def test_report__crash_inside__is_kept_as_the_reason(
    flights_monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of course")

    report = Report.objects.create(
        tenant_id=flights_monitor.tenant_id, run=make_run(flights_monitor)
    )
    monkeypatch.setattr(reports, "_build", crash)
    reports.build_report(tenant_id=report.tenant_id, report_id=report.id, worker="worker-1")
    report.refresh_from_db()
    assert (report.status, report.reason) == ("failed", "ZeroDivisionError: of course")


def test_report__baseline_gone_bad__says_so(run: DetectionRun, monitor: Monitor) -> None:
    monitor.baselines.update(status="failed", reason="No rows.")
    report = Report.objects.create(tenant_id=run.tenant_id, run=run)
    reports.build_report(tenant_id=run.tenant_id, report_id=report.id, worker="worker-1")
    report.refresh_from_db()
    assert (report.status, report.reason) == ("failed", "The monitor has no baseline: No rows.")


def test_build_report__unknown_or_built__does_nothing(run: DetectionRun) -> None:
    report = Report.objects.create(
        tenant_id=run.tenant_id, run=run, status="ready", html="<p>old</p>"
    )
    for report_id in (report.id, uuid4()):
        reports.build_report(tenant_id=run.tenant_id, report_id=report_id, worker="worker-1")
    assert Report.objects.get().html == "<p>old</p>"


@pytest.mark.parametrize(("verdict", "rows"), [("no_data", 0), ("error", None)])
def test_report__run_without_rows__is_409(
    api: APIClient, monitor: Monitor, verdict: str, rows: int | None
) -> None:
    answer = api.post(url(make_finished_run(monitor, verdict, rows=rows)))
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "A report needs a succeeded run with rows.",
    )
    assert not Report.objects.exists()


def test_report__queued_run__is_409(api: APIClient, run: DetectionRun) -> None:
    assert api.post(url(run)).status_code == 409


def test_report__evidently_missing__says_how_to_install(
    api: APIClient, monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "find_spec", lambda name: None)
    answer = api.post(url(make_finished_run(monitor)))
    assert answer.status_code == 409
    assert "uv pip install" in answer.json()["detail"]


def test_report__viewer__reads_but_does_not_ask(viewer_api: APIClient, monitor: Monitor) -> None:
    run = make_finished_run(monitor)
    Report.objects.create(tenant_id=run.tenant_id, run=run, status="ready", html="<p>here</p>")
    assert viewer_api.post(url(run)).status_code == 403
    assert viewer_api.get(url(run)).content == b"<p>here</p>"


def test_report__not_asked_for__is_404(api: APIClient, monitor: Monitor) -> None:
    answer = api.get(url(make_finished_run(monitor)))
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_worker__begun__has_imported_nothing_that_takes_seconds() -> None:
    loaded = in_a_process(MODULES).split()
    assert "detections.reports.services" in loaded
    assert not {"evidently", "plotly", "sklearn", "scipy.stats", "jsonschema"} & set(loaded)
