"""Jobs are answered once, whatever happens to workers, and one tenant's do not stand before another's."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import LazySettings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from drift_detector.celery import Priority, app
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_tenant
from monitors import services as monitors
from monitors.features import check_sources
from monitors.jobs import services as jobs
from monitors.models import Baseline, Job, Monitor
from tasks.monitors import answer_job as answer_task
from tests.factories import at_once, make_job, make_monitor, rows_of, wake_ups

type BeforeReading = Callable[[Callable[[], object]], None]
RESULT = "SELECT status, answer_status, monitor_id IS NOT NULL, attempt FROM drf_jobs"


@pytest.fixture
def creation(committed_tenant: Tenant, flights: Path) -> Job:
    """A job that creates a monitor, seen by every connection."""
    with tenant_scope(committed_tenant.id):
        return make_job(flights, kind=Job.Kind.CREATE_MONITOR)


@pytest.fixture
def before_reading(monkeypatch: pytest.MonkeyPatch) -> BeforeReading:
    """Let something happen when a worker has begun to read."""

    def install(happen: Callable[[], object]) -> None:
        def check(*arguments: Any) -> None:
            check_sources(*arguments)
            happen()

        monkeypatch.setattr("monitors.jobs.kinds.check_sources", check)

    return install


def answer(job: Job, worker: str = "worker-1") -> None:
    jobs.answer_job(tenant_id=job.tenant_id, job_id=job.id, worker=worker)


def set_job(job: Job, **fields: Any) -> None:
    with tenant_scope(job.tenant_id):
        Job.objects.filter(id=job.id).update(**fields)


def expire(job: Job) -> None:
    set_job(job, lease_expires_at=timezone.now() - timedelta(seconds=1))


def written(job: Job) -> tuple[int, int, int]:
    counted = "SELECT (SELECT count(*) FROM drf_monitors), (SELECT count(*) FROM drf_baselines)"
    [(monitors, baselines)] = rows_of(job.tenant_id, counted)
    return monitors, baselines, PeriodicTask.objects.count()


def test_answer_job__delivered_twice__creates_one_monitor(creation: Job) -> None:
    answer(creation)
    answer(creation, "worker-2")
    assert written(creation) == (1, 1, 1)
    assert rows_of(creation.tenant_id, RESULT) == [("succeeded", 201, True, 1)]


def test_answer_job__two_workers_at_once__create_one_monitor(creation: Job) -> None:
    at_once(lambda: answer(creation, "worker-1"), lambda: answer(creation, "worker-2"))
    assert written(creation) == (1, 1, 1)
    assert rows_of(creation.tenant_id, RESULT) == [("succeeded", 201, True, 1)]


def test_answer_job__lease_lost_while_it_read__writes_nothing(
    creation: Job, before_reading: BeforeReading
) -> None:
    before_reading(lambda: set_job(creation, lease_token=uuid4()))
    answer(creation)
    assert written(creation) == (0, 0, 0)
    assert rows_of(creation.tenant_id, RESULT) == [("running", None, False, 1)]


def test_answer_job__worker_woke_too_late__the_other_ones_monitor_stays_the_only_one(
    creation: Job, before_reading: BeforeReading
) -> None:
    def other_worker() -> None:
        before_reading(lambda: None)
        expire(creation)
        answer(creation, "worker-2")

    before_reading(other_worker)
    answer(creation)
    assert written(creation) == (1, 1, 1)
    assert rows_of(creation.tenant_id, RESULT) == [("succeeded", 201, True, 2)]


def test_answer_job__worker_died__another_answers_when_the_lease_is_over(
    creation: Job, before_reading: BeforeReading
) -> None:
    def die() -> None:
        raise SystemExit

    before_reading(die)
    with pytest.raises(SystemExit):
        answer(creation)
    before_reading(lambda: None)
    answer(creation, "worker-2")  # too early
    assert rows_of(creation.tenant_id, RESULT) == [("running", None, False, 1)]
    expire(creation)
    answer(creation, "worker-2")
    assert rows_of(creation.tenant_id, RESULT) == [("succeeded", 201, True, 2)]
    assert written(creation) == (1, 1, 1)


def test_answer_job__killed_its_workers_too_often__is_answered_with_500(
    creation: Job, override: Callable[..., None]
) -> None:
    set_job(creation, attempt=3)
    answer(creation)
    assert rows_of(creation.tenant_id, RESULT) == [("failed", 500, False, 4)]
    assert written(creation) == (0, 0, 0)


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (SoftTimeLimitExceeded(), 400, "within 60 seconds"),
        (MemoryError(), 400, "more memory"),
        (RuntimeError("secret"), 500, "has been logged"),
    ],
)
def test_answer_job__reading_ends_badly__is_answered_with_the_reason(
    in_tenant: Tenant, flights: Path, before_reading: BeforeReading,
    error: Exception, status: int, said: str,
) -> None:  # fmt: skip
    def fail() -> None:
        raise error

    before_reading(fail)
    job = make_job(flights)
    answer(job)
    job.refresh_from_db()
    assert (job.status, job.answer_status, job.lease_token) == ("failed", status, None)
    assert said in job.answer
    assert "secret" not in job.answer


def test_answer_job__name_taken_meanwhile__is_refused_and_nothing_is_left(
    creation: Job, before_reading: BeforeReading
) -> None:
    def take_the_name() -> None:
        with tenant_scope(creation.tenant_id):
            make_monitor(name="Flights")

    before_reading(take_the_name)
    answer(creation)
    assert rows_of(creation.tenant_id, RESULT) == [("failed", 400, False, 1)]
    assert written(creation) == (1, 1, 1)


@pytest.fixture
def watched(in_tenant: Tenant, flights: Path) -> Monitor:
    return make_monitor(reference_data_uri=str(flights), current_data_uri=str(flights))


def change(monitor: Monitor, **fields: Any) -> Job:
    return jobs.request_job(
        kind=Job.Kind.UPDATE_MONITOR, fields=fields, requested_by="key:test", monitor_id=monitor.id
    )


def test_update__monitor_removed_before__is_answered_with_404(watched: Monitor) -> None:
    job = change(watched, feature_columns=["delay"])
    monitors.delete_monitor(monitor=watched)
    answer(job)
    job.refresh_from_db()
    assert (job.status, job.answer_status) == ("failed", 404)


def test_update__its_data_changed_while_it_read__is_answered_with_409(
    watched: Monitor, before_reading: BeforeReading
) -> None:
    job = change(watched, feature_columns=["delay"])
    before_reading(
        lambda: monitors.update_monitor(monitor=Monitor.objects.get(), timestamp_column="")
    )
    answer(job)
    job.refresh_from_db()
    assert (job.status, job.answer_status) == ("failed", 409)
    assert Monitor.objects.get().feature_columns == []


def test_update__something_else_changed_while_it_read__both_changes_are_kept(
    watched: Monitor, before_reading: BeforeReading
) -> None:
    job = change(watched, feature_columns=["delay"])
    before_reading(lambda: monitors.update_monitor(monitor=Monitor.objects.get(), min_rows=7))
    answer(job)
    monitor = Monitor.objects.get()
    assert (monitor.feature_columns, monitor.min_rows) == (["delay"], 7)
    assert Baseline.objects.count() == 2


def sent(job: Job) -> int:
    return sum(each["job_id"] == str(job.id) for each in wake_ups(jobs.JOB_TASK))


def test_request_job__more_than_the_tenants_limit__each_is_sent_after_the_one_before(
    committed_tenant: Tenant, flights: Path, empty_broker: None
) -> None:
    with tenant_scope(committed_tenant.id):
        first, second, third = [make_job(flights) for _ in range(3)]
    assert [sent(job) for job in (first, second, third)] == [1, 0, 0]
    answer(first)
    assert [sent(job) for job in (first, second, third)] == [1, 1, 0]
    answer(second)
    assert [sent(job) for job in (first, second, third)] == [1, 1, 1]


def test_request_job__other_tenant_has_many__is_sent_at_once(
    committed_tenant: Tenant, flights: Path, empty_broker: None
) -> None:
    other = create_tenant(slug="rival", name="Rival")
    with tenant_scope(other.id):
        theirs = [make_job(flights) for _ in range(3)]
    with tenant_scope(committed_tenant.id):
        ours = make_job(flights)
    assert [sent(job) for job in (*theirs, ours)] == [1, 0, 0, 1]


def test_request_job__backfills_wait_in_the_broker__is_taken_before_them(
    committed_tenant: Tenant, flights: Path, empty_broker: None
) -> None:
    app.send_task("detections.execute_run", priority=Priority.BACKFILL)
    with tenant_scope(committed_tenant.id):
        make_job(flights)
    with app.connection_for_read() as broker:
        first = broker.default_channel.basic_get(app.conf.task_default_queue, no_ack=True)
    assert first.headers["task"] == jobs.JOB_TASK


def test_task__of_a_job__may_take_no_longer_than_the_settings_say(settings: LazySettings) -> None:
    soft = settings.ENV.jobs.time_limit_seconds
    assert (answer_task.soft_time_limit, answer_task.time_limit) == (soft, soft + 30)


def test_release_job__of_a_worker_that_stops__is_sent_again_and_costs_no_attempt(
    creation: Job, before_reading: BeforeReading, empty_broker: None
) -> None:
    def stop() -> None:
        ids = {"tenant_id": creation.tenant_id, "job_id": creation.id}
        jobs.release_job(**ids, worker="worker-2")
        assert sent(creation) == 0
        jobs.release_job(**ids, worker="worker-1")

    before_reading(stop)
    answer(creation)
    assert rows_of(creation.tenant_id, RESULT) == [("queued", None, False, 0)]
    assert sent(creation) == 1
    assert written(creation) == (0, 0, 0)


def test_fail_job__of_a_worker_that_died_of_it__says_why_and_is_not_tried_again(
    creation: Job, before_reading: BeforeReading
) -> None:
    def die() -> None:
        ids = {"tenant_id": creation.tenant_id, "job_id": creation.id}
        jobs.fail_job(**ids, worker="worker-2", reason="Not mine.")
        jobs.fail_job(**ids, worker="worker-1", reason="Too large.")

    before_reading(die)
    answer(creation)
    answer(creation)
    assert rows_of(creation.tenant_id, RESULT) == [("failed", 400, False, 1)]
    assert "Too large." in rows_of(creation.tenant_id, "SELECT answer FROM drf_jobs")[0][0]
    assert written(creation) == (0, 0, 0)


@pytest.mark.parametrize(
    "fields", [{"status": "succeeded"}, {"answer_status": 200}, {"finished_at": timezone.now()}]
)
def test_job__half_finished__is_refused_by_the_database(
    in_tenant: Tenant, flights: Path, fields: dict[str, Any]
) -> None:
    job = make_job(flights)
    with pytest.raises(IntegrityError, match="job_finished_with_an_answer"), transaction.atomic():
        Job.objects.filter(id=job.id).update(**fields)
