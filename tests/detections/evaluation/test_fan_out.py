"""A window divided over workers gives what one worker gives, whoever counts the parts and whoever is lost."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow.parquet as pq
import pytest
from django.utils import timezone

from detections.evaluation.fan_out import help_run
from detections.evaluation.run import evaluate_run
from detections.ledger import parts
from detections.ledger import runs as ledger
from detections.ledger.runs import Claim, LeaseLost, finish_run, postpone_run
from detections.models import DetectionRun, RunPart
from detections.results import RunResult
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from monitors.sources import SourcePolicy, WindowSpec, open_window
from tests.factories import (
    at_once,
    expire_lease,
    make_flights_monitor,
    make_run,
    rows_of,
    take,
    wake_ups,
)


@pytest.fixture
def streamed(override: Callable[..., None], data_root: Path) -> Callable[[int], None]:
    """Every window counts as large; `streamed(bytes)` divides it into parts of so many bytes."""

    def divide(part_bytes: int) -> None:
        data = {"allowed_roots": [str(data_root)], "stream_bytes": 1, "part_bytes": part_bytes}
        override(data=data)

    return divide


@pytest.fixture
def grouped(flights: Path) -> Path:
    """The drifted week in ten row groups of 200 rows."""
    path = flights / "week3.parquet"
    pq.write_table(pq.read_table(path), path, row_group_size=200)
    return flights


@pytest.fixture
def run(grouped: Path, committed_tenant: Tenant) -> DetectionRun:
    """A queued run that other connections see."""
    with tenant_scope(committed_tenant.id):
        methods = [
            "ks",
            "psi",
            "chi_squared",
            "wasserstein",
            "null_rate",
            "range",
            "new_categories",
        ]
        return make_run(make_flights_monitor(grouped, methods=methods))


def counted(run: DetectionRun) -> list[tuple[Any, ...]]:
    """Of each part: how often it was taken, by whom last, and whether it is counted."""
    return rows_of(
        run.tenant_id,
        "SELECT attempt, worker, profile IS NOT NULL FROM drf_run_parts ORDER BY position",
    )


def again(claim: Claim) -> Claim:
    """The run's next attempt, at once."""
    assert postpone_run(claim, reason="again", seconds=-1, is_attempt=False)
    return take(DetectionRun(id=claim.run_id, tenant_id=claim.tenant_id))


def next_part(run: DetectionRun, worker: str = "worker-2") -> parts.PartClaim:
    claim = parts.claim_part(tenant_id=run.tenant_id, run_id=run.id, worker=worker)
    assert claim is not None
    return claim


@pytest.fixture
def undivided(run: DetectionRun, streamed: Callable[[int], None]) -> RunResult:
    """What one worker finds that counts the window as a whole; the run is queued again afterwards."""
    streamed(2**30)
    claim = take(run)
    result = evaluate_run(claim)
    assert result.verdict == "drift"
    assert not counted(run)
    postpone_run(claim, reason="again", seconds=-1, is_attempt=False)
    return result


@pytest.fixture
def divided(run: DetectionRun, undivided: RunResult, streamed: Callable[[int], None]) -> Claim:
    """The claimed run, its ten parts written down and none counted."""
    streamed(1)
    claim = take(run)
    with tenant_scope(run.tenant_id):
        monitor = Monitor.objects.get()
        baseline_id = monitor.baselines.get().id
    policy = SourcePolicy(allowed_roots=(str(Path(monitor.current_data_uri)),))
    bounds = (monitor.timestamp_column, run.window_start, run.window_end)
    with open_window(
        WindowSpec(monitor.current_data_uri, policy, ["delay", "distance", "carrier"], *bounds)
    ) as window:
        parts.write_parts(claim, baseline_id=baseline_id, parts=window.parts(1))
    return claim


def test_evaluate_run__divided__is_the_undivided_outcome_to_the_last_bit(
    divided: Claim, undivided: RunResult
) -> None:
    assert evaluate_run(divided) == undivided


def test_evaluate_run__divided__asks_a_helper_for_each_other_part_up_to_the_setting(
    run: DetectionRun,
    undivided: RunResult,
    streamed: Callable[[int], None],
    override: Callable[..., None],
) -> None:
    streamed(1)
    override(runs={"max_helpers": 4})
    evaluate_run(take(run))
    assert (
        wake_ups("detections.help_run").count(
            {"tenant_id": str(run.tenant_id), "run_id": str(run.id)}
        )
        == 4
    )


def test_evaluate_run__three_workers_at_once__each_part_is_counted_once(
    divided: Claim, undivided: RunResult, run: DetectionRun
) -> None:
    helper = partial(help_run, tenant_id=run.tenant_id, run_id=run.id)
    found: list[RunResult | int] = at_once(
        partial(evaluate_run, divided),
        partial(helper, worker="worker-2"),
        partial(helper, worker="worker-3"),
    )
    assert found[0] == undivided
    assert [attempt for attempt, _, _ in counted(run)] == [1] * 10
    assert sum(worker in {"worker-2", "worker-3"} for _, worker, _ in counted(run)) == sum(
        each for each in found if isinstance(each, int)
    )


def test_evaluate_run__helper_is_lost__its_part_alone_is_counted_again(
    divided: Claim, undivided: RunResult, run: DetectionRun
) -> None:
    next_part(run)
    with tenant_scope(run.tenant_id):
        RunPart.objects.filter(position=0).update(
            lease_expires_at=timezone.now() - timedelta(minutes=1)
        )
    assert evaluate_run(divided) == undivided
    assert [attempt for attempt, _, _ in counted(run)] == [2] + [1] * 9


def test_evaluate_run__second_attempt__keeps_what_the_first_has_counted(
    divided: Claim, undivided: RunResult, run: DetectionRun
) -> None:
    assert help_run(tenant_id=run.tenant_id, run_id=run.id, worker="worker-2") == 10
    result = evaluate_run(again(divided))
    assert result == undivided
    assert counted(run) == [(1, "worker-2", True)] * 10


def test_evaluate_run__data_changed_between_attempts__nothing_old_is_kept(
    divided: Claim, run: DetectionRun, grouped: Path
) -> None:
    help_run(tenant_id=run.tenant_id, run_id=run.id, worker="worker-2")
    path = grouped / "week3.parquet"
    pq.write_table(pq.read_table(path).slice(0, 900), path, row_group_size=300)
    assert evaluate_run(again(divided)).rows == 900
    assert counted(run) == [(1, "worker-1", True)] * 3


def test_help_run__file_has_changed__stops_and_frees_the_part(
    divided: Claim, run: DetectionRun
) -> None:
    with tenant_scope(run.tenant_id):
        RunPart.objects.filter(position=4).update(spec=[["week3.parquet", 1, 4]])
    assert help_run(tenant_id=run.tenant_id, run_id=run.id, worker="worker-2") == 0
    assert [done for _, _, done in counted(run)] == [True] * 4 + [False] * 6
    assert rows_of(run.tenant_id, "SELECT count(lease_token) FROM drf_run_parts") == [(0,)]


def test_evaluate_run__run_taken_by_another__gives_up(divided: Claim, run: DetectionRun) -> None:
    expire_lease(run)
    take(run, worker="worker-9")
    with pytest.raises(LeaseLost):
        evaluate_run(divided)


def test_claim_part__lease_of_the_run_has_run_out__there_is_nothing_to_take(
    divided: Claim, run: DetectionRun
) -> None:
    expire_lease(run)
    assert parts.claim_part(tenant_id=run.tenant_id, run_id=run.id, worker="worker-2") is None


@pytest.mark.parametrize("hand_back", [ledger.release_parts, ledger.release_run])
def test_hand_back__worker_with_a_part__lets_another_count_it_at_once(
    divided: Claim, run: DetectionRun, hand_back: Callable[..., None]
) -> None:
    first, other = next_part(run, "stopped"), next_part(run, "going on")
    hand_back(tenant_id=run.tenant_id, run_id=run.id, worker="stopped")
    taken = next_part(run, "next")
    assert taken.lease.row_id == first.lease.row_id != other.lease.row_id
    assert not first.lease.renew()
    assert other.lease.renew()


def test_claim_part__at_once__each_gets_another(divided: Claim, run: DetectionRun) -> None:
    claims = at_once(*(partial(next_part, run) for _ in range(8)))
    assert len({claim.lease.row_id for claim in claims}) == 8


def test_claim_part__other_tenant__sees_none(divided: Claim, run: DetectionRun) -> None:
    assert parts.claim_part(tenant_id=UUID(int=1), run_id=run.id, worker="worker-2") is None


def test_renew_part__taken_by_another_meanwhile__is_refused(
    divided: Claim, run: DetectionRun
) -> None:
    slow = next_part(run)
    assert slow.lease.renew()
    with tenant_scope(run.tenant_id):
        RunPart.objects.update(lease_expires_at=timezone.now() - timedelta(minutes=1))
    next_part(run, "worker-3")
    assert not slow.lease.renew()


def test_finish_run__divided__leaves_no_part(divided: Claim, run: DetectionRun) -> None:
    with tenant_scope(run.tenant_id):
        assert finish_run(
            divided, status="succeeded", verdict="ok", reason="", rows=1, baseline_id=None
        )
    assert not counted(run)


def test_help_run__run_is_finished__does_nothing(run: DetectionRun) -> None:
    assert help_run(tenant_id=run.tenant_id, run_id=run.id, worker="worker-2") == 0
