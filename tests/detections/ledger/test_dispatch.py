"""Runs are enqueued within limits; messages are read from Valkey, in the order in which a worker would get them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError

from detections.ledger import dispatch
from detections.ledger import runs as ledger
from detections.ledger.dispatch import enqueue_due
from detections.models import DetectionRun
from drift_detector.celery import app
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_tenant
from monitors.models import Monitor
from tests.conftest import connected_as, role_url
from tests.factories import make_monitor, make_run, moment, rows_of, wake_ups

START = moment("2024-01-01T00:00:00+00:00")


@pytest.fixture(autouse=True)
def two_at_once(override: Callable[..., None], empty_broker: None) -> None:
    override(runs={"max_per_tenant": 2})


@pytest.fixture
def monitor(committed_tenant: Tenant) -> Monitor:
    with tenant_scope(committed_tenant.id):
        return make_monitor(schedule_cron="0 * * * *")


def backfill(monitor: Monitor, hours: int) -> list[UUID]:
    with tenant_scope(monitor.tenant_id):
        end = START + timedelta(hours=hours)
        runs = ledger.request_backfill(
            monitor=monitor, start=START, end=end, requested_by="key:test"
        )
    return [run.id for run in runs]


def ask(monitor: Monitor) -> UUID:
    with tenant_scope(monitor.tenant_id):
        return ledger.request_run(monitor=monitor, requested_by="key:test").id


def claim(monitor: Monitor, run_id: UUID) -> ledger.Claim | None:
    return ledger.claim_run(tenant_id=monitor.tenant_id, run_id=run_id, worker="w")


def end(claim: ledger.Claim | None) -> None:
    assert claim is not None
    with tenant_scope(claim.tenant_id):
        assert ledger.finish_run(
            claim, status="succeeded", verdict="ok", reason="", rows=1, baseline_id=None
        )


def enqueued() -> list[UUID]:
    return [UUID(each["run_id"]) for each in wake_ups("detections.execute_run")]


def refuse(*_: object, **__: object) -> None:
    raise OperationalError("away")


def enqueued_rows(monitor: Monitor) -> int:
    ((count,),) = rows_of(
        monitor.tenant_id, "SELECT count(*) FROM drf_runs WHERE enqueued_at IS NOT NULL"
    )
    return int(count)


def test_backfill__larger_than_the_limit__oldest_are_enqueued_and_the_rest_waits(
    monitor: Monitor,
) -> None:
    runs = backfill(monitor, 5)
    assert sorted(enqueued(), key=runs.index) == runs[:2]


def test_finish_run__others_wait__enqueues_the_next(monitor: Monitor) -> None:
    runs = backfill(monitor, 5)
    end(claim(monitor, runs[0]))
    assert sorted(enqueued(), key=runs.index) == runs[:3]
    end(claim(monitor, runs[1]))
    assert sorted(enqueued(), key=runs.index) == runs[:4]


def test_request_run__behind_a_backfill__is_the_first_that_a_worker_gets(monitor: Monitor) -> None:
    backfill(monitor, 5)
    asked = ask(monitor)
    assert enqueued()[0] == asked


def test_backfill__of_another_tenant_with_hundreds__is_enqueued_at_once(monitor: Monitor) -> None:
    backfill(monitor, 300)
    other = create_tenant(slug="rival", name="Rival")
    with tenant_scope(other.id):
        rival = make_monitor(schedule_cron="0 * * * *")
    runs = backfill(rival, 1)
    assert enqueued().index(runs[0]) <= 2


def test_request_run__again_and_again__overtakes_nobody_elses_tick(monitor: Monitor) -> None:
    asked = [ask(monitor) for _ in range(3)]
    rival = create_tenant(slug="rival", name="Rival")
    with tenant_scope(rival.id):
        tick = make_run(make_monitor()).id
    enqueue_due(rival.id)
    for run_id in asked:
        end(claim(monitor, run_id))
        ask(monitor)
    assert enqueued().index(tick) == 2


def test_enqueue_due__as_the_scheduler_with_a_long_queue__reads_the_first_of_each_class(
    monitor: Monitor,
) -> None:
    rival = create_tenant(slug="rival", name="Rival")
    with tenant_scope(rival.id):
        other = make_monitor(schedule_cron="0 * * * *")
    for each in (monitor, other):
        backfill(each, 900)
        ask(each)
    with psycopg.connect(role_url("owner"), autocommit=True) as owner:
        owner.execute("UPDATE drf_runs SET enqueued_at = NULL")
        owner.execute("VACUUM ANALYZE drf_runs")
    with psycopg.connect(role_url("scheduler")) as scheduler:
        scheduler.execute("SET LOCAL enable_seqscan = off")
        explained = "EXPLAIN (ANALYZE, FORMAT JSON) " + dispatch.NEXT_OF_ALL
        ((plan,),) = scheduler.execute(explained, {"most": 2}).fetchall()
    assert most_rows_of_a_node(plan[0]["Plan"]) < 50


def most_rows_of_a_node(plan: dict[str, Any]) -> float:
    """Of any step of a plan: how many rows it read or passed on, over all its rounds."""
    read = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    inner = [most_rows_of_a_node(each) for each in plan.get("Plans", [])]
    return max([float(read * plan["Actual Loops"]), *inner])


def test_claim_run__limit_is_reached__waits_until_one_has_ended(monitor: Monitor) -> None:
    runs = backfill(monitor, 2)
    first, second = (claim(monitor, run_id) for run_id in runs)
    asked = ask(monitor)
    assert claim(monitor, asked) is None
    before = enqueued().count(asked)
    end(first)
    assert enqueued().count(asked) == before + 1
    assert claim(monitor, asked) is not None
    assert second is not None


def test_claim_run__others_lost_their_workers__they_do_not_count(monitor: Monitor) -> None:
    for run_id in backfill(monitor, 2):
        assert claim(monitor, run_id) is not None
    with tenant_scope(monitor.tenant_id):
        DetectionRun.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert claim(monitor, ask(monitor)) is not None


def test_postpone_run__its_place__is_for_the_next(monitor: Monitor) -> None:
    runs = backfill(monitor, 3)
    taken = claim(monitor, runs[0])
    assert taken is not None
    ledger.postpone_run(taken, reason="Waiting.", seconds=60, is_attempt=False)
    assert sorted(set(enqueued()), key=runs.index) == runs


def test_enqueue_due__as_the_scheduler__keeps_each_tenants_limit(monitor: Monitor) -> None:
    rival = create_tenant(slug="rival", name="Rival")
    with tenant_scope(rival.id):
        other = make_monitor(schedule_cron="0 * * * *")
    for each in (monitor, other):
        backfill(each, 4)
        with tenant_scope(each.tenant_id):
            DetectionRun.objects.update(enqueued_at=None)
    with connected_as(role_url("scheduler")):
        assert (enqueue_due(), enqueue_due()) == (4, 0)
    for each in (monitor, other):
        assert enqueued_rows(each) == 2


def test_enqueue_due__broker_away__what_was_not_sent_waits_and_is_enqueued_the_next_time(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(app, "send_task", refuse)
        runs = backfill(monitor, 4)
    assert (enqueued(), enqueued_rows(monitor)) == ([], 0)
    assert enqueue_due(monitor.tenant_id) == 2
    assert sorted(enqueued(), key=runs.index) == runs[:2]


def test_enqueue_due__as_the_scheduler_with_the_broker_away__what_was_not_sent_waits(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "send_task", refuse)
    backfill(monitor, 4)
    with connected_as(role_url("scheduler")):
        assert enqueue_due() == 2
    assert enqueued_rows(monitor) == 0


def test_enqueue_due__not_due_yet__is_not_enqueued(monitor: Monitor) -> None:
    (run_id,) = backfill(monitor, 1)
    with tenant_scope(monitor.tenant_id):
        DetectionRun.objects.update(
            enqueued_at=None, not_before=timezone.now() + timedelta(minutes=1)
        )
    assert enqueue_due(monitor.tenant_id) == 0
    assert enqueued() == [run_id]
