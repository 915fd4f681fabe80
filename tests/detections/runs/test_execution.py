from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import DataError, OperationalError, connection
from django.utils import timezone

from alerts.models import Alert
from detections.evaluation.run import evaluate_run
from detections.ledger.runs import Claim
from detections.models import Detection, DetectionRun
from detections.results import RunResult
from detections.runs.execution import execute
from drift_detector.events.models import OutboxEvent
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Baseline, Monitor
from monitors.sources import SourceUnavailable
from tasks.monitors import build_baseline
from tests.factories import (
    expire_lease,
    make_flights_monitor,
    make_monitor,
    make_run,
    take,
    wake_ups,
)

AWAY = SourceUnavailable("The object store did not answer.")


def run_again(run: DetectionRun) -> DetectionRun:
    """One more attempt, whatever it was postponed to."""
    DetectionRun.objects.update(not_before=None)
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    run.refresh_from_db()
    return run


def seconds_to_wait(run: DetectionRun) -> float:
    assert run.not_before is not None
    return (run.not_before - timezone.now()).total_seconds()


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Make every read of a window fail."""

    def break_with(error: BaseException) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise error

        monkeypatch.setattr("detections.evaluation.context.open_window", fail)

    return break_with


def test_execute__drifted_week__leaves_run_detections_alert_and_events(
    flights_monitor: Monitor,
) -> None:
    run = run_again(make_run(flights_monitor, week=3))
    assert (run.status, run.verdict, run.rows, run.worker) == (
        "succeeded",
        "drift",
        2000,
        "worker-1",
    )
    assert set(Detection.objects.values_list("method", "is_drifted")) == {
        ("ks", True),
        ("psi", True),
        ("chi_squared", True),
    }
    assert Alert.objects.get().occurrences == 1
    topics = ["drift.detected", "drift.alert_raised", "drift.retraining_required"]
    assert list(OutboxEvent.objects.order_by("id").values_list("topic", flat=True)) == topics


def test_execute__delivered_twice__second_changes_nothing(flights_monitor: Monitor) -> None:
    run = run_again(make_run(flights_monitor, week=3))
    before = DetectionRun.objects.values().get()
    run_again(run)
    assert DetectionRun.objects.values().get() == before
    assert (Detection.objects.count(), OutboxEvent.objects.count()) == (3, 3)


def test_execute__unknown_run__does_nothing(tenant: Tenant, in_tenant: Tenant) -> None:
    execute(tenant_id=tenant.id, run_id=tenant.id, worker="worker-1")
    assert not DetectionRun.objects.exists()


def test_execute__damaged_file__fails_at_once_with_a_detection_per_method(
    flights: Path, in_tenant: Tenant
) -> None:
    monitor = make_flights_monitor(flights, current_data_uri=str(flights / "week3.parquet"))
    (flights / "week3.parquet").write_bytes(b"no Parquet at all")
    run = run_again(make_run(monitor))
    assert (run.status, run.verdict, run.attempt) == ("failed", "error", 1)
    assert "cannot be read" in run.reason
    assert dict(Detection.objects.values_list("method", "verdict")) == dict.fromkeys(
        monitor.effective_methods, "error"
    )


def test_execute__file_that_is_still_being_written__waits_for_its_end(
    flights: Path, in_tenant: Tenant
) -> None:
    monitor = make_flights_monitor(flights, current_data_uri=str(flights / "week3.parquet"))
    path = flights / "week3.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    run = run_again(make_run(monitor))
    assert (run.status, run.attempt) == ("queued", 1)
    path.write_bytes(whole)
    assert run_again(run).status == "succeeded"


def test_execute__source_away__wait_doubles_until_the_last_attempt_fails(
    flights_monitor: Monitor, broken: Callable[[BaseException], None]
) -> None:
    broken(AWAY)
    run = run_again(make_run(flights_monitor))
    assert (run.status, run.attempt, run.reason) == ("queued", 1, AWAY.reason)
    assert seconds_to_wait(run) == pytest.approx(30, abs=5)
    assert seconds_to_wait(run_again(run)) == pytest.approx(60, abs=5)
    run = run_again(run)
    assert (run.status, run.verdict, run.attempt, run.reason) == ("failed", "error", 3, AWAY.reason)
    assert set(Detection.objects.values_list("verdict", flat=True)) == {"error"}


def test_execute__source_back_again__second_attempt_ends_well(
    flights_monitor: Monitor,
    broken: Callable[[BaseException], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken(AWAY)
    run = run_again(make_run(flights_monitor, week=2))
    monkeypatch.undo()
    run = run_again(run)
    assert (run.status, run.verdict, run.attempt, run.reason) == ("succeeded", "ok", 2, "")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DataError("a value that no column takes"), "DataError: a value that no column takes"),
        (SoftTimeLimitExceeded(), "It took longer than 600 seconds."),
        (RuntimeError("a bug"), "RuntimeError: a bug"),
    ],
)
def test_execute__attempt_breaks__is_tried_again_with_the_reason(
    flights_monitor: Monitor, broken: Callable[[BaseException], None], error: Exception, reason: str
) -> None:
    broken(error)
    run = run_again(make_run(flights_monitor))
    assert (run.status, run.reason) == ("queued", reason)


def test_execute__no_memory_left__fails_at_once_with_the_bound(
    flights_monitor: Monitor, broken: Callable[[BaseException], None]
) -> None:
    broken(MemoryError("no more"))
    run = run_again(make_run(flights_monitor))
    assert (run.status, run.attempt) == ("failed", 1)
    assert run.reason.startswith("It needs more memory than the 4.0 GiB that a process may take.")


def test_execute__database_away__run_is_left_to_its_lease(
    flights_monitor: Monitor, broken: Callable[[BaseException], None]
) -> None:
    broken(OperationalError("server closed the connection"))
    run = make_run(flights_monitor)
    with pytest.raises(OperationalError):
        run_again(run)
    run.refresh_from_db()
    assert (run.status, run.attempt) == ("running", 1)


def test_execute__only_attempt_allowed__fails_at_once(
    flights_monitor: Monitor, broken: Callable[[BaseException], None], override: Callable[..., None]
) -> None:
    override(runs={"max_attempts": 1})
    broken(AWAY)
    assert run_again(make_run(flights_monitor)).status == "failed"


def test_execute__baseline_building__waits_without_using_an_attempt(in_tenant: Tenant) -> None:
    run = run_again(make_run(make_monitor()))
    assert (run.status, run.attempt, run.reason) == ("queued", 0, "Waiting for the baseline.")
    assert seconds_to_wait(run) == pytest.approx(30, abs=5)


def test_execute__lease_lost_meanwhile__nothing_is_written(
    flights_monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(flights_monitor)

    def evaluate_too_slowly(claim: Claim) -> RunResult:
        expire_lease(run)
        take(run, "thief")
        return evaluate_run(claim)

    monkeypatch.setattr("detections.runs.execution.evaluate_run", evaluate_too_slowly)
    run_again(run)
    assert (run.status, run.worker, run.attempt) == ("running", "thief", 2)
    assert not Detection.objects.exists()


def test_execute__nul_in_a_category__is_judged(flights: Path, flights_monitor: Monitor) -> None:
    """PostgreSQL keeps no NUL, neither in text nor in JSON."""
    table = pq.read_table(flights / "week3.parquet")
    pq.write_table(
        table.set_column(3, "carrier", pa.array(["A\x00"] * 2000)), flights / "week3.parquet"
    )
    assert run_again(make_run(flights_monitor)).verdict == "drift"


def test_build_baseline__run_has_waited__is_enqueued(
    committed_tenant: Tenant, flights: Path
) -> None:
    with tenant_scope(committed_tenant.id):
        monitor = make_monitor(reference_data_uri=str(flights), current_data_uri=str(flights))
        run, baseline = make_run(monitor), Baseline.objects.get()
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="w")
    build_baseline(tenant_id=str(run.tenant_id), baseline_id=str(baseline.id))
    assert {"tenant_id": str(run.tenant_id), "run_id": str(run.id)} in wake_ups(
        "detections.execute_run"
    )
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="w")
    with tenant_scope(run.tenant_id):
        assert DetectionRun.objects.values_list("status", "attempt").get() == ("succeeded", 1)


def test_execute__quiet_run__asks_the_database_a_bounded_number_of_times(
    committed_tenant: Tenant, flights: Path
) -> None:
    with tenant_scope(committed_tenant.id):
        first, second = (make_run(make_flights_monitor(flights), week=2) for _ in range(2))
    statements = []

    def note(proceed: Callable[..., Any], sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return proceed(sql, *rest)

    execute(tenant_id=first.tenant_id, run_id=first.id, worker="w")
    with connection.execute_wrapper(note):
        execute(tenant_id=second.tenant_id, run_id=second.id, worker="w")
    assert len(statements) <= 23  # one of them writes the frame of the baseline's pictures, once
