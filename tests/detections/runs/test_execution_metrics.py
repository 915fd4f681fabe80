"""What an attempt leaves in the metrics."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError

from detections.ledger.runs import LeaseLost
from detections.models import DetectionRun
from detections.runs.execution import execute
from monitors.models import Monitor
from monitors.sources import SourceUnavailable
from tests.drift_detector.samples import sample
from tests.factories import make_run

PHASES = ("claim", "load", "open", "evaluate", "outcomes", "settle")


def attempts() -> dict[str, float]:
    outcomes = ("succeeded", "failed", "postponed", "lost")
    return {outcome: sample("drift_run_attempts_total", outcome=outcome) for outcome in outcomes}


def phases() -> dict[str, float]:
    return {phase: sample("drift_run_phase_seconds_count", phase=phase) for phase in PHASES}


def change[Key](look: Callable[[], dict[Key, float]], run: DetectionRun) -> dict[Key, float]:
    """What one attempt adds."""
    before = look()
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    return {key: value - before[key] for key, value in look().items() if value != before[key]}


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    def fail_with(error: BaseException) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise error

        monkeypatch.setattr("detections.evaluation.context.open_window", fail)

    return fail_with


def test_execute__a_run__each_phase_is_timed_once(flights_monitor: Monitor) -> None:
    assert change(phases, make_run(flights_monitor)) == dict.fromkeys(PHASES, 1)


def test_execute__nothing_to_claim__is_no_attempt(flights_monitor: Monitor) -> None:
    run = make_run(flights_monitor)
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    assert change(attempts, run) == {}


def test_execute__ends_well__is_a_success_that_waited_once(flights_monitor: Monitor) -> None:
    before = sample("drift_run_wait_seconds_count")
    assert change(attempts, make_run(flights_monitor)) == {"succeeded": 1}
    assert sample("drift_run_wait_seconds_count") == before + 1


def test_execute__no_such_data__is_a_failure(monitor: Monitor) -> None:
    monitor.baselines.update(status="failed", reason="no data")
    assert change(attempts, make_run(monitor)) == {"failed": 1}


def test_execute__baseline_not_ready__is_postponed(monitor: Monitor) -> None:
    assert change(attempts, make_run(monitor)) == {"postponed": 1}


def test_execute__source_away_to_the_end__two_postponed_and_one_failure(
    flights_monitor: Monitor, failing: Callable[[BaseException], None]
) -> None:
    failing(SourceUnavailable("The object store did not answer."))
    run, found = make_run(flights_monitor), []
    for _ in range(3):
        DetectionRun.objects.update(not_before=None)
        found.append(change(attempts, run))
    assert found == [{"postponed": 1}, {"postponed": 1}, {"failed": 1}]


def test_execute__lease_lost__is_lost(
    flights_monitor: Monitor, failing: Callable[[BaseException], None]
) -> None:
    failing(LeaseLost())
    assert change(attempts, make_run(flights_monitor)) == {"lost": 1}


def test_execute__another_worker_finished_first__is_lost(
    flights_monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detections.runs.execution.complete_run", lambda *_: False)
    assert change(attempts, make_run(flights_monitor)) == {"lost": 1}


def test_execute__database_away__is_lost_and_no_longer_in_progress(
    flights_monitor: Monitor, failing: Callable[[BaseException], None]
) -> None:
    failing(OperationalError("the database is starting up"))
    before, run = attempts(), make_run(flights_monitor)
    with pytest.raises(OperationalError):
        execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    assert attempts()["lost"] == before["lost"] + 1
    assert sample("drift_run_attempts_in_progress") == 0
