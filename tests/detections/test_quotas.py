"""The quotas where they bite: monitors, runs, ticks, outcomes, baselines, backtests and storage."""

from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from detections.ledger.ticks import record_ticks
from detections.models import DetectionRun, OutcomeBatch
from detections.runs.execution import execute
from detections.storage import measure_storage
from drift_detector.tenancy import quotas
from drift_detector.tenancy.models import Quota, Tenant
from drift_detector.tenancy.quotas import next_midnight
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import set_quotas
from monitors.baselines.builds import build_baseline
from monitors.jobs.services import answer_job
from monitors.models import Job, Monitor
from monitors.sources import SourceNotFound
from tests.conftest import connected_as, role_url
from tests.data import TIMESTAMPS
from tests.factories import make_flights_monitor, make_job, make_monitor, make_run

SPAN = {"from": "2024-01-22T00:00:00Z", "to": "2024-02-06T00:00:00Z"}
OUTCOMES = {"outcomes": [{"prediction": 1, "label": 0}] * 3}


@pytest.fixture
def monitor(tenant: Tenant, flights: Path) -> Monitor:
    with tenant_scope(tenant.id):
        return make_flights_monitor(flights)


def limit(tenant: Tenant, **limits: int) -> None:
    with tenant_scope(tenant.id):
        set_quotas(**limits)


def used(tenant: Tenant, quota: Quota) -> int:
    with tenant_scope(tenant.id):
        [standing] = quotas.list_standings([quota])
    return standing.used


def refused(answer: Any, quota: Quota) -> dict[str, Any]:
    assert answer.status_code == 429, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["quota"]["quota"] == quota.value
    return problem


def path(monitor: Monitor, end: str) -> str:
    return f"/api/v1/monitors/{monitor.id}/{end}"


def test_create_monitor__over_the_quota__is_refused_without_a_time(
    api: APIClient, tenant: Tenant, monitor_fields: dict[str, Any]
) -> None:
    limit(tenant, monitors=1)
    assert api.post("/api/v1/monitors", monitor_fields).status_code == 201
    answer = api.post("/api/v1/monitors", monitor_fields | {"name": "Second"})
    problem = refused(answer, Quota.MONITORS)
    assert problem["quota"] == {"quota": "monitors", "limit": 1, "used": 1, "until": None}
    assert "Retry-After" not in answer
    with tenant_scope(tenant.id):
        assert Monitor.objects.count() == 1


def test_run__over_the_quota__is_refused_until_midnight(
    api: APIClient, tenant: Tenant, monitor: Monitor
) -> None:
    limit(tenant, runs_per_day=1)
    assert api.post(path(monitor, "run"), {}).status_code == 202
    answer = api.post(path(monitor, "run"), {})
    problem = refused(answer, Quota.RUNS)
    seconds = (next_midnight() - timezone.now()).total_seconds()
    assert abs(int(answer["Retry-After"]) - seconds) < 60
    assert f"until {next_midnight():%Y-%m-%d} 00:00 UTC" in problem["detail"]
    with tenant_scope(tenant.id):
        assert DetectionRun.objects.count() == 1


def test_run__same_request_again__counts_once(
    api: APIClient, tenant: Tenant, monitor: Monitor
) -> None:
    limit(tenant, runs_per_day=1)
    answers = [
        api.post(path(monitor, "run"), {}, headers={"Idempotency-Key": "one"}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert used(tenant, Quota.RUNS) == 1


def test_backfill__more_than_is_left__makes_no_run(
    api: APIClient, tenant: Tenant, monitor: Monitor
) -> None:
    limit(tenant, runs_per_day=2)
    refused(api.post(path(monitor, "backfill"), SPAN), Quota.RUNS)
    assert used(tenant, Quota.RUNS) == 0
    limit(tenant, runs_per_day=3)
    assert api.post(path(monitor, "backfill"), SPAN).json()["created"] == 3
    assert used(tenant, Quota.RUNS) == 3


def test_backtest__more_ticks_than_runs_are_left__is_refused(
    api: APIClient, tenant: Tenant, monitor: Monitor
) -> None:
    limit(tenant, runs_per_day=2)
    refused(api.post(path(monitor, "backtest"), SPAN), Quota.RUNS)
    limit(tenant, runs_per_day=3)
    assert api.post(path(monitor, "backtest"), SPAN).status_code == 202


def test_ticks__over_the_quota__are_skipped_with_the_reason(committed_tenant: Tenant) -> None:
    with tenant_scope(committed_tenant.id):
        set_quotas(runs_per_day=1)
        for name in ("a", "b"):
            make_monitor(name=name, schedule_cron="* * * * *")
    schedules = _overdue_schedules()
    with connected_as(role_url("scheduler")):
        record_ticks(schedules)
    with tenant_scope(committed_tenant.id):
        runs = DetectionRun.objects.order_by("status").values_list("status", "reason")
        (_, queued), (_, skipped) = runs
        assert [status for status, _ in runs] == ["queued", "skipped"]
    assert queued == ""
    assert "The quota of 1 runs a day" in skipped
    assert f"until {next_midnight():%Y-%m-%d} 00:00 UTC" in skipped
    assert used(committed_tenant, Quota.RUNS) == 1


def _overdue_schedules() -> list[int]:
    """The schedules, each with one tick that is due."""
    from django_celery_beat.models import PeriodicTask

    minute = timezone.now().replace(second=0, microsecond=0)
    PeriodicTask.objects.update(last_run_at=minute - timedelta(seconds=1))
    return list(PeriodicTask.objects.values_list("id", flat=True))


def test_outcomes__over_the_quota__are_refused_whole(
    api: APIClient, tenant: Tenant, monitor: Monitor
) -> None:
    limit(tenant, outcome_rows_per_day=5)
    assert api.post(path(monitor, "outcomes"), OUTCOMES).status_code == 200
    refused(api.post(path(monitor, "outcomes"), OUTCOMES), Quota.OUTCOME_ROWS)
    assert used(tenant, Quota.OUTCOME_ROWS) == 3
    with tenant_scope(tenant.id):
        assert OutcomeBatch.objects.get().rows == 3


def test_outcomes__same_batch_again__counts_once(
    api: APIClient, tenant: Tenant, monitor: Monitor
) -> None:
    limit(tenant, outcome_rows_per_day=3)
    batch = OUTCOMES | {"batch_id": "b"}
    assert [api.post(path(monitor, "outcomes"), batch).status_code for _ in range(2)] == [200] * 2


def test_execute__window__counts_the_bytes_of_its_columns(
    committed_tenant: Tenant, flights: Path
) -> None:
    tenant = committed_tenant
    with tenant_scope(tenant.id):
        monitor = make_flights_monitor(flights)
        run = make_run(monitor, week=2)
    before = used(tenant, Quota.BYTES_READ)
    execute(tenant_id=tenant.id, run_id=run.id, worker="worker-1")
    decoded = _bytes_of(flights / "week2.parquet")
    assert decoded <= used(tenant, Quota.BYTES_READ) - before <= 1.2 * decoded


def _bytes_of(file: Path) -> int:
    """The bytes of the columns that a run reads, decoded, as pyarrow counts them."""
    import pyarrow.parquet as pq

    return int(pq.read_table(file, columns=["departs_at", "delay", "distance", "carrier"]).nbytes)


def test_execute__bytes_used_up__waits_for_midnight_and_is_no_attempt(
    committed_tenant: Tenant, flights: Path
) -> None:
    tenant = committed_tenant
    with tenant_scope(tenant.id):
        run = make_run(make_flights_monitor(flights), week=2)
        set_quotas(bytes_read_per_day=0)
    execute(tenant_id=tenant.id, run_id=run.id, worker="worker-1")
    with tenant_scope(tenant.id):
        run.refresh_from_db()
    assert (run.status, run.attempt, run.lease_token) == ("queued", 0, None)
    assert "bytes read a day" in run.reason
    assert run.not_before is not None
    assert abs(run.not_before - next_midnight()) < timedelta(seconds=5)


def test_run__bytes_used_up__is_refused(api: APIClient, tenant: Tenant, monitor: Monitor) -> None:
    limit(tenant, bytes_read_per_day=0)
    refused(api.post(path(monitor, "run"), {}), Quota.BYTES_READ)


def test_build__reference__counts_its_bytes(committed_tenant: Tenant, flights: Path) -> None:
    from monitors.baselines.builds import request_baseline

    with tenant_scope(committed_tenant.id):
        baseline = request_baseline(monitor=make_flights_monitor(flights))
    before = used(committed_tenant, Quota.BYTES_READ)
    build_baseline(tenant_id=committed_tenant.id, baseline_id=baseline.id, worker="worker-1")
    assert used(committed_tenant, Quota.BYTES_READ) > before


def test_execute__window_that_cannot_be_judged__counts_what_was_read(
    committed_tenant: Tenant, flights: Path
) -> None:
    with tenant_scope(committed_tenant.id):
        run = make_run(make_flights_monitor(flights), week=2)
    week = flights / "week2.parquet"
    _damage_last_column(week)
    before = used(committed_tenant, Quota.BYTES_READ)
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    with tenant_scope(run.tenant_id):
        run.refresh_from_db()
    assert run.status == "failed"
    assert (
        0
        < used(committed_tenant, Quota.BYTES_READ) - before
        <= 2 * _bytes_of(flights / "week1.parquet")
    )


def _damage_last_column(file: Path) -> None:
    """Overwrite the data of a feature, and leave the times and the footer as they are."""
    import pyarrow.parquet as pq

    group = pq.ParquetFile(file).metadata.row_group(0)
    places = {group.column(each).path_in_schema: each for each in range(group.num_columns)}
    chunk = group.column(places["carrier"])
    data = bytearray(file.read_bytes())
    first = chunk.dictionary_page_offset or chunk.data_page_offset
    data[first : first + 20] = b"\xff" * 20
    file.write_bytes(data)


@pytest.mark.parametrize("error", [SourceNotFound, MemoryError, RuntimeError])
def test_execute__attempt_that_an_error_ends__counts_what_was_read(
    committed_tenant: Tenant,
    flights: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
) -> None:
    def judge(_: object, window: Any, *others: object) -> NoReturn:
        window.column("delay")
        raise error("It ended.")

    with tenant_scope(committed_tenant.id):
        run = make_run(make_flights_monitor(flights), week=2)
    monkeypatch.setattr("detections.evaluation.run.judge_window", judge)
    before = used(committed_tenant, Quota.BYTES_READ)
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    assert used(committed_tenant, Quota.BYTES_READ) > before


def test_answer_job__preview_of_csv__counts_its_bytes(
    committed_tenant: Tenant, data_root: Path
) -> None:
    path = data_root / "numbers.csv"
    path.write_text("a,b\n" + "1,x\n" * 1000)
    before = used(committed_tenant, Quota.BYTES_READ)
    assert _answered(committed_tenant, path) == 200
    assert used(committed_tenant, Quota.BYTES_READ) - before >= path.stat().st_size


def _answered(tenant: Tenant, path: Path) -> int | None:
    """The status of the answer to a preview of a file."""
    with tenant_scope(tenant.id):
        job = make_job(path, kind=Job.Kind.PREVIEW, fields=_fields_of(path))
    answer_job(tenant_id=job.tenant_id, job_id=job.id, worker="worker-1")
    with tenant_scope(tenant.id):
        return Job.objects.get(id=job.id).answer_status


def test_answer_job__that_is_refused__counts_what_was_read(
    committed_tenant: Tenant, data_root: Path
) -> None:
    path = data_root / "late.csv"
    path.write_text("a,b\n" + "1,x\n" * 600_000 + "1,x,y\n")
    before = used(committed_tenant, Quota.BYTES_READ)
    assert _answered(committed_tenant, path) == 400
    assert used(committed_tenant, Quota.BYTES_READ) > before


def _fields_of(path: Path) -> dict[str, Any]:
    uris = {"reference_data_uri": str(path), "current_data_uri": str(path)}
    return {"name": path.name, "model_id": str(uuid4()), **uris}


def test_storage__measured__refuses_what_is_stored_and_nothing_else(
    api: APIClient, tenant: Tenant, monitor: Monitor
) -> None:
    size = measure_storage(tenant_id=tenant.id)
    with tenant_scope(tenant.id), connection.cursor() as cursor:
        cursor.execute("SELECT sum(length(content)) FROM drf_baselines")
        assert size == cursor.fetchone()[0] > 0
    limit(tenant, storage_bytes=size)
    refused(api.post(path(monitor, "baseline")), Quota.STORAGE)
    refused(api.post(path(monitor, "outcomes"), OUTCOMES), Quota.STORAGE)
    sent = {"delay": [1.5], "distance": [740], "carrier": ["A"]}
    refused(api.post(path(monitor, "run"), {"current_data": sent}), Quota.STORAGE)
    window = {"start": TIMESTAMPS[2].isoformat(), "end": TIMESTAMPS[3].isoformat()}
    assert api.post(path(monitor, "run"), {"window": window}).status_code == 202


def test_create_key__over_the_quota__says_so(tenant: Tenant) -> None:
    from django.core.management import CommandError, call_command

    limit(tenant, keys=0)
    with pytest.raises(CommandError, match="The quota of 0 API keys"):
        call_command("create_api_key", str(tenant.id), f"key {uuid4()}")
