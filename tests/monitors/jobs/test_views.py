"""`/api/v1/jobs`, and what the requests answer that a job answers, with and without a worker."""

import json
from typing import Any, NoReturn
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from django.db import connection
from rest_framework.test import APIClient

from drift_detector.tenancy.models import Tenant
from monitors.models import Job, Monitor
from tasks.monitors import answer_job
from tests.conftest import client_of
from tests.factories import rows_of

URL = "/api/v1/monitors"
JOBS = "/api/v1/jobs"


@pytest.fixture
def created(api: APIClient, monitor_fields: dict[str, Any], in_tenant: Tenant) -> dict[str, Any]:
    answer: dict[str, Any] = api.post(URL, monitor_fields).json()
    return answer


def work(job: dict[str, Any], tenant: Tenant) -> None:
    answer_job(tenant_id=str(tenant.id), job_id=job["id"])


def test_create__no_worker__is_answered_with_a_job_and_where_it_is(
    api: APIClient, monitor_fields: dict[str, Any], in_tenant: Tenant, absent_worker: None
) -> None:
    answer = api.post(URL, monitor_fields)
    job = answer.json()
    assert (answer.status_code, job["kind"], job["status"]) == (202, "create_monitor", "queued")
    assert answer["Location"] == f"http://testserver{JOBS}/{job['id']}"
    assert api.get(answer["Location"]).json() == job
    assert (job["answer"], job["answer_status"], job["finished_at"]) == (None, None, None)
    assert Monitor.objects.count() == 0


def test_create__worker_comes_later__the_job_has_the_monitor(
    api: APIClient, monitor_fields: dict[str, Any], in_tenant: Tenant, absent_worker: None
) -> None:
    job = api.post(URL, monitor_fields).json()
    work(job, in_tenant)
    found = api.get(f"{JOBS}/{job['id']}").json()
    assert (found["status"], found["answer_status"]) == ("succeeded", 201)
    assert found["answer"] == api.get(f"{URL}/{found['monitor_id']}").json()
    assert found["answer"]["created_by"] == found["requested_by"] == "key:test-operator"


def test_patch__about_data_without_a_worker__changes_the_monitor_later(
    api: APIClient, created: dict[str, Any], in_tenant: Tenant, absent_worker: None
) -> None:
    url = f"{URL}/{created['id']}"
    answer = api.patch(url, {"feature_columns": ["delay"]})
    job = answer.json()
    assert (answer.status_code, job["kind"], job["monitor_id"]) == (
        202, "update_monitor", created["id"]
    )  # fmt: skip
    assert api.get(url).json()["feature_columns"] == []
    work(job, in_tenant)
    found = api.get(f"{JOBS}/{job['id']}").json()
    assert (found["answer_status"], found["answer"]) == (200, api.get(url).json())
    assert found["answer"]["feature_columns"] == ["delay"]


def test_patch__not_about_data__needs_no_worker(
    api: APIClient, created: dict[str, Any], absent_worker: None
) -> None:
    before = Job.objects.count()
    same = {name: created[name] for name in ("current_data_uri", "csv_dialect", "methods")}
    answer = api.patch(f"{URL}/{created['id']}", same | {"min_rows": 7})
    assert (answer.status_code, answer.json()["min_rows"]) == (200, 7)
    assert Job.objects.count() == before


def test_preview__worker_comes_later__the_job_has_what_the_request_would_have(
    api: APIClient, monitor_fields: dict[str, Any], in_tenant: Tenant
) -> None:
    at_once = api.post(f"{URL}/preview", monitor_fields).json()
    job = Job.objects.get()
    found = api.get(f"{JOBS}/{job.id}").json()
    assert (found["kind"], found["answer_status"], found["answer"]) == ("preview", 200, at_once)
    assert Monitor.objects.count() == 0


def test_preview__features__stand_in_the_order_of_the_columns(
    api: APIClient, monitor_fields: dict[str, Any], flights: Any
) -> None:
    columns = pq.read_schema(flights / "week0.parquet").names
    features = api.post(f"{URL}/preview", monitor_fields).json()["features"]
    assert list(features) == [name for name in columns if name != "departs_at"]


@pytest.mark.parametrize(
    "change",
    [{"window": "PT0S"}, {"schedule_cron": "0 25 * * *"}, {"name": "Taken"}, {"tresholds": {}}],
)
def test_create__wrong_whatever_the_data_is__is_refused_without_a_worker(
    api: APIClient, monitor_fields: dict[str, Any], in_tenant: Tenant, absent_worker: None,
    change: dict[str, Any],
) -> None:  # fmt: skip
    if change == {"name": "Taken"}:
        job = api.post(URL, monitor_fields | change).json()
        work(job, in_tenant)
    before = Job.objects.count()
    answer = api.post(URL, monitor_fields | change)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, *change)
    assert Job.objects.count() == before


def test_create__data_that_is_not_there__is_the_problem_that_the_job_has(
    api: APIClient, monitor_fields: dict[str, Any], in_tenant: Tenant
) -> None:
    answer = api.post(URL, monitor_fields | {"current_data_uri": "/nothing"})
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    job = api.get(f"{JOBS}/{Job.objects.get().id}").json()
    assert (job["status"], job["answer_status"], job["monitor_id"]) == ("failed", 400, None)
    assert job["answer"] == answer.json()
    assert [each["field"] for each in job["answer"]["errors"]] == ["current_data_uri"]


@pytest.mark.parametrize("field", ["importances", "feature_kinds"])
@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_create__name_that_no_table_can_hold__is_refused(
    api: APIClient, monitor_fields: dict[str, Any], field: str, name: str
) -> None:
    value: Any = 1 if field == "importances" else "numeric"
    body = json.dumps(monitor_fields | {field: {name: value}})
    answer = api.generic("POST", URL, body, content_type="application/json")
    assert answer.status_code == 400


def test_job__of_another_tenant_or_of_none__404(
    api: APIClient, other_api: APIClient, monitor_fields: dict[str, Any], absent_worker: None
) -> None:
    job = api.post(URL, monitor_fields).json()
    theirs, absent = other_api.get(f"{JOBS}/{job['id']}"), api.get(f"{JOBS}/{uuid4()}")
    assert (theirs.status_code, theirs.json()) == (404, absent.json())


def test_job__read_by_a_viewer__is_shown(
    api: APIClient, viewer_api: APIClient, monitor_fields: dict[str, Any], absent_worker: None
) -> None:
    job = api.post(URL, monitor_fields).json()
    assert viewer_api.get(f"{JOBS}/{job['id']}").json() == job
    assert viewer_api.post(f"{URL}/preview", monitor_fields).status_code == 403


def test_create__while_it_waits__holds_no_connection_and_asks_less_and_less(
    committed_tenant: Tenant, monitor_fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch,
    absent_worker: None, override: Any,
) -> None:  # fmt: skip
    override(jobs={"wait_seconds": 10})
    clock, held = [0.0], []
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        held.append(connection.connection is not None)
        pauses.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr("monitors.jobs.selectors.time.sleep", sleep)
    monkeypatch.setattr("monitors.jobs.selectors.time.monotonic", lambda: clock[0])
    assert client_of(committed_tenant.id).post(URL, monitor_fields).status_code == 202
    assert not any(held)
    assert (pauses[0], max(pauses)) == (0.02, 0.25)
    assert sum(pauses) == pytest.approx(10)
    assert pauses[:-1] == sorted(pauses[:-1])


def test_create__client_leaves_while_it_waits__the_monitor_is_created_all_the_same(
    committed_tenant: Tenant, monitor_fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch,
    absent_worker: None, override: Any,
) -> None:  # fmt: skip
    override(jobs={"wait_seconds": 10})

    def leave(_: float) -> NoReturn:
        raise ConnectionResetError

    monkeypatch.setattr("monitors.jobs.selectors.time.sleep", leave)
    client = client_of(committed_tenant.id)
    assert client.post(URL, monitor_fields).status_code == 500
    [(job_id,)] = rows_of(committed_tenant.id, "SELECT id::text FROM drf_jobs")
    work({"id": job_id}, committed_tenant)
    assert len(client.get(URL).json()["results"]) == 1


def test_preview__as_many_jobs_wait_as_may__is_refused_until_one_has_ended(
    api: APIClient, monitor_fields: dict[str, Any], in_tenant: Tenant, absent_worker: None,
    override: Any,
) -> None:  # fmt: skip
    override(jobs={"max_unfinished": 2, "time_limit_seconds": 40, "wait_seconds": 0})
    jobs = [api.post(f"{URL}/preview", monitor_fields).json() for _ in range(2)]
    refused = api.post(f"{URL}/preview", monitor_fields)
    assert (refused.status_code, refused["Retry-After"]) == (429, "40")
    assert "2 jobs of this tenant have no answer yet" in refused.json()["detail"]
    assert Job.objects.count() == 2
    work(jobs[0], in_tenant)
    assert api.post(f"{URL}/preview", monitor_fields).status_code == 202
