from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from detections.ledger import runs as ledger
from detections.ledger.runs import Claim
from detections.models import DetectionRun
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.data import TIMESTAMPS
from tests.drift_detector.samples import sample
from tests.factories import (
    at_once,
    expire_lease,
    make_finished_run,
    make_monitor,
    make_run,
    moment,
    rows_of,
    take,
    wake_ups,
)

TICK = moment("2024-01-22T00:00:00+00:00")


def stale_claim(run: DetectionRun) -> Claim:
    """The claim of a worker whose run another one has taken since."""
    first = take(run, "slow")
    expire_lease(run)
    take(run, "quick")
    return first


def waited(run: DetectionRun) -> float:
    """The seconds that the run has waited for the worker that takes it now, as the metrics are told."""
    before = sample("drift_run_wait_seconds_sum")
    take(run)
    return sample("drift_run_wait_seconds_sum") - before


def request(monitor: Monitor, key: str, window: tuple[str, str] | None = None) -> DetectionRun:
    with tenant_scope(monitor.tenant_id):
        asked = (moment(window[0]), moment(window[1])) if window else None
        return ledger.request_run(
            monitor=monitor, requested_by="key:test", window=asked, idempotency_key=key
        )


def test_claim_run__queued__is_running_with_a_lease(run: DetectionRun) -> None:
    claim = take(run, "worker-7")
    run.refresh_from_db()
    assert (run.status, run.attempt, run.worker, run.lease_token) == (
        "running",
        1,
        "worker-7",
        claim.token,
    )
    assert run.lease_expires_at is not None
    assert abs(run.lease_expires_at - timezone.now() - timedelta(seconds=60)) < timedelta(seconds=5)


def test_claim_run__put_off__has_waited_since_its_rest_was_over(run: DetectionRun) -> None:
    now = timezone.now()
    DetectionRun.objects.update(
        created_at=now - timedelta(hours=9), not_before=now - timedelta(minutes=5)
    )
    assert waited(run) == pytest.approx(300, abs=20)


def test_claim_run__skipped_long_ago__has_waited_since_the_backfill(monitor: Monitor) -> None:
    tick, missed_at = TICK + timedelta(hours=1), timezone.now() - timedelta(days=9)
    Monitor.objects.update(schedule_cron="0 * * * *")
    monitor.refresh_from_db()
    skipped = make_run(monitor, scheduled_for=tick, status="skipped")
    DetectionRun.objects.update(created_at=missed_at)
    ledger.request_backfill(
        monitor=monitor, start=tick, end=tick + timedelta(minutes=1), requested_by="key:test"
    )
    assert waited(skipped) < 60
    assert DetectionRun.objects.get().created_at == missed_at


def test_claim_run__eight_workers_at_once__one_wins(committed_run: DetectionRun) -> None:
    run = committed_run
    claims = at_once(
        *[lambda: ledger.claim_run(tenant_id=run.tenant_id, run_id=run.id, worker="w")] * 8
    )
    (winner,) = [claim for claim in claims if claim]
    assert rows_of(run.tenant_id, "SELECT lease_token, attempt FROM drf_runs") == [
        (winner.token, 1)
    ]


def test_claim_run__lease_still_good__none(run: DetectionRun) -> None:
    take(run)
    assert ledger.claim_run(tenant_id=run.tenant_id, run_id=run.id, worker="w") is None


def test_claim_run__lease_expired__is_the_next_attempt(run: DetectionRun) -> None:
    first = take(run)
    expire_lease(run)
    second = take(run, "worker-2")
    assert second.token != first.token
    assert (first.attempt, second.attempt) == (1, 2)


def test_claim_run__not_before_to_come__none(run: DetectionRun) -> None:
    DetectionRun.objects.update(not_before=timezone.now() + timedelta(seconds=30))
    assert ledger.claim_run(tenant_id=run.tenant_id, run_id=run.id, worker="w") is None


def test_claim_run__not_before_passed__is_taken(run: DetectionRun) -> None:
    DetectionRun.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    assert take(run).attempt == 1
    run.refresh_from_db()
    assert run.not_before is None


@pytest.mark.parametrize("abandoned", [False, True])
def test_claim_run__attempts_exhausted__none(run: DetectionRun, abandoned: bool) -> None:
    DetectionRun.objects.update(attempt=2)
    if abandoned:
        take(run)
        expire_lease(run)
    DetectionRun.objects.update(attempt=3)
    assert ledger.claim_run(tenant_id=run.tenant_id, run_id=run.id, worker="w") is None


def test_claim_run__finished__none(monitor: Monitor) -> None:
    run = make_finished_run(monitor)
    assert ledger.claim_run(tenant_id=run.tenant_id, run_id=run.id, worker="w") is None


def test_claim_run__other_tenant__none(run: DetectionRun, other_tenant: Tenant) -> None:
    assert ledger.claim_run(tenant_id=other_tenant.id, run_id=run.id, worker="w") is None


def test_renew_lease__mine__is_pushed_out(run: DetectionRun) -> None:
    claim = take(run)
    expire_lease(run)
    assert claim.lease.renew()
    run.refresh_from_db()
    assert run.lease_expires_at is not None
    assert run.lease_expires_at > timezone.now() + timedelta(seconds=50)


@pytest.mark.parametrize(
    "change",
    [
        lambda claim: claim.lease.renew(),
        lambda claim: ledger.postpone_run(claim, reason="late", seconds=1, is_attempt=True),
        lambda claim: ledger.finish_run(
            claim, status="succeeded", verdict="ok", reason="late", rows=1, baseline_id=None
        ),
    ],
    ids=["renew", "postpone", "finish"],
)
def test_ledger__old_token__changes_nothing(
    run: DetectionRun, change: Callable[[Claim], bool]
) -> None:
    old = stale_claim(run)
    before = DetectionRun.objects.values().get()
    assert change(old) is False
    assert DetectionRun.objects.values().get() == before


@pytest.mark.parametrize(("counts", "attempts"), [(True, 1), (False, 0)])
def test_postpone_run__mine__is_queued_for_later(
    run: DetectionRun, counts: bool, attempts: int
) -> None:
    assert ledger.postpone_run(take(run), reason="Not now.", seconds=90, is_attempt=counts)
    run.refresh_from_db()
    assert (run.status, run.attempt, run.reason, run.lease_token) == (
        "queued",
        attempts,
        "Not now.",
        None,
    )
    assert run.not_before is not None
    assert abs(run.not_before - timezone.now() - timedelta(seconds=90)) < timedelta(seconds=5)


def test_finish_run__mine__ends_with_verdict_and_time(run: DetectionRun) -> None:
    claim = take(run)
    assert ledger.finish_run(
        claim, status="succeeded", verdict="ok", reason="", rows=7, baseline_id=None
    )
    run.refresh_from_db()
    assert (run.status, run.verdict, run.rows, run.lease_token) == ("succeeded", "ok", 7, None)
    assert run.finished_at is not None


def test_release_postponed__postponed__can_be_claimed_at_once(committed_run: DetectionRun) -> None:
    run = committed_run
    ledger.postpone_run(take(run), reason="Waiting.", seconds=600, is_attempt=False)
    assert ledger.release_postponed(tenant_id=run.tenant_id, monitor_id=run.monitor_id) == 1
    assert {"tenant_id": str(run.tenant_id), "run_id": str(run.id)} in wake_ups(
        "detections.execute_run"
    )
    assert take(run).attempt == 1


def test_release_postponed__postponed_long_ago__has_waited_since_now(
    monitor: Monitor,
) -> None:
    postponed, queued = (make_run(monitor, week=week) for week in (2, 3))
    DetectionRun.objects.update(created_at=timezone.now() - timedelta(hours=9))
    ledger.postpone_run(take(postponed), reason="Waiting.", seconds=600, is_attempt=False)
    assert ledger.release_postponed(tenant_id=monitor.tenant_id, monitor_id=monitor.id) == 1
    assert waited(postponed) < 60
    assert waited(queued) == pytest.approx(9 * 3600, abs=60)


def test_release_postponed__running_or_of_another_monitor__are_left_alone(
    run: DetectionRun, monitor: Monitor
) -> None:
    take(run)
    make_run(make_monitor())
    assert ledger.release_postponed(tenant_id=run.tenant_id, monitor_id=monitor.id) == 0


def test_request_run__same_key_and_request__is_the_same_run(monitor: Monitor) -> None:
    assert request(monitor, "k").id == request(monitor, "k").id
    assert DetectionRun.objects.count() == 1


def test_request_run__same_key_other_request__is_refused(monitor: Monitor) -> None:
    request(monitor, "k")
    with pytest.raises(ledger.KeyReused, match="'k'"):
        request(monitor, "k", ("2024-01-01T00:00:00+00:00", "2024-01-02T00:00:00+00:00"))


def test_request_run__same_key_other_monitor__is_another_run(monitor: Monitor) -> None:
    assert request(monitor, "k").id != request(make_monitor(), "k").id


def test_request_run__without_a_key__is_a_run_each_time(monitor: Monitor) -> None:
    assert request(monitor, "").id != request(monitor, "").id


def test_request_run__key_used_by_four_at_once__is_one_run(committed_monitor: Monitor) -> None:
    runs = at_once(*[lambda: request(committed_monitor, "k")] * 4)
    assert rows_of(committed_monitor.tenant_id, "SELECT id FROM drf_runs") == [(runs[0].id,)]
    assert len({run.id for run in runs}) == 1


def test_request_backfill__too_many_ticks__is_refused(
    monitor: Monitor, override: Callable[..., None]
) -> None:
    override(runs={"max_backfill": 2})
    with pytest.raises(ValidationError, match="more than 2 ticks"):
        ledger.request_backfill(
            monitor=monitor, start=TIMESTAMPS[0], end=TIMESTAMPS[3], requested_by="x"
        )
    assert not DetectionRun.objects.exists()


@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("run_is_leased_while_running", "status = 'running'"),
        (
            "run_is_leased_while_running",
            "lease_token = gen_random_uuid(), lease_expires_at = now()",
        ),
        ("run_ends_with_a_verdict", "status = 'succeeded', finished_at = now()"),
        ("run_ends_with_a_verdict", "status = 'failed', verdict = 'error'"),
        ("run_ends_with_a_verdict", "verdict = 'ok'"),
        ("run_window_ordered", "window_end = window_start"),
    ],
)
def test_runs_table__impossible_state__is_refused(
    run: DetectionRun, constraint: str, change: str
) -> None:
    with (
        pytest.raises(IntegrityError, match=constraint),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE drf_runs SET {change} WHERE id = %s", [run.id])


def test_runs_table__same_tick_by_another_way__is_refused(run: DetectionRun) -> None:
    with pytest.raises(IntegrityError, match="run_once_per_tick"), transaction.atomic():
        make_run(run.monitor, trigger="backfill")


def test_runs_table__monitor_of_another_tenant__is_refused(
    run: DetectionRun, other_tenant: Tenant
) -> None:
    with pytest.raises(IntegrityError, match="monitor_id_tenant_fk"), tenant_scope(other_tenant.id):  # noqa: PT012
        DetectionRun.objects.create(
            id=uuid4(), tenant_id=other_tenant.id, monitor_id=run.monitor_id, trigger="manual",
            scheduled_for=TICK, window_start=TICK - timedelta(days=1), window_end=TICK,
        )  # fmt: skip
        connection.check_constraints()
