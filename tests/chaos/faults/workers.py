"""Workers that are killed, and workers that are stopped until somebody else has done their work."""

import random
import time
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import LiteralString
from uuid import UUID

import numpy as np

from tests.chaos.checker import check, read_events
from tests.chaos.forms import Form, Row
from tests.chaos.waiting import wait_until
from tests.chaos.workload import Backfill, await_end, queued, unfinished, watch
from tests.chaos.world import World

MONITORS = 5
MOST_RECOVERY_SECONDS = 90
MOST_STOP_SECONDS = 30
# By design a run fails when its third worker dies, in case it is the run that kills them; that worker is spared.
LAST_ATTEMPT = 3
LONGEST_RUN_SECONDS = 0.05
RUNS_AT_ONCE = 40
SLOW_ROWS = 1_000_000
REFUSALS = ("run_refused", "run_given_up")
DICE = random.Random(1)

HELD: LiteralString = """
    SELECT id, split_part(worker, '@', 1), attempt, started_at FROM drf_runs WHERE status = 'running'"""
STARTED: LiteralString = "SELECT started_at FROM drf_runs WHERE id = %s"
FINISHED: LiteralString = "SELECT finished_at FROM drf_runs WHERE id = %s"
OPEN: LiteralString = """SELECT pid FROM pg_stat_activity
    WHERE client_port = ANY(%s) AND state LIKE 'idle in transaction%%'"""
# A worker counts its tenant's runs under a lock; while it has that, nobody else of the tenant gets on.
LOCKED: LiteralString = (
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = ANY(%s)"
)


@dataclass(frozen=True)
class Held:
    """A run in a worker's hands."""

    run_id: UUID
    worker: str
    attempt: int
    since: datetime


def kill_workers(world: World, form: Form) -> Row:
    """kill -9 of whichever worker has a run, at any moment of it, again and again."""
    killed: dict[Held, datetime] = {}
    world.start("web", "worker.1", "worker.2", "reconciler", "relay")
    work = Backfill(world, watch(world, MONITORS))
    for kill in range(form.worker_kills):
        work.ask(
            form.runs * (kill + 1) // form.worker_kills - form.runs * kill // form.worker_kills
        )
        _kill_one(world, work, killed)
    await_end(world)
    report = check(world.database_url(), read_events(world.kafka.url), work.ticks)
    recoveries = [
        (_begun_again(world, held, killed) - at).total_seconds() for held, at in killed.items()
    ]
    p99 = float(np.percentile(recoveries or [0.0], 99))
    counts = report.counts
    return Row(
        fault=f"kill -9 a worker {form.worker_kills} times during {form.runs:,} runs",
        expected=f"{form.runs:,} runs succeed with each detection once, no event lost; "
        f"recovery p99 ≤ {MOST_RECOVERY_SECONDS} s",
        measured=f"{counts['succeeded']:,} succeeded, {counts['detections']:,} detections; {counts['outbox']:,} "
        f"events, {counts['messages']:,} messages; {report}; {len(killed)} kills hit a run, which was at work again "
        f"after p50 {np.median(recoveries or [0.0]):.1f} s, p99 {p99:.1f} s",
        is_kept=not report.problems and counts["succeeded"] >= form.runs,
        is_quick=p99 <= MOST_RECOVERY_SECONDS,
    )


def freeze_workers(world: World, form: Form) -> Row:
    """Stop a worker while it computes, until another has finished its run; then let it try to commit."""
    refused = 0
    world.start("web", "worker.1", "worker.2", "reconciler", "relay")
    work = Backfill(world, watch(world, 1, rows=SLOW_ROWS))
    for _ in range(form.freezes):
        held = finish_frozen(world, work)
        world.thaw(held.worker)
        refused += _is_refused(world, held)
    await_end(world)
    report = check(world.database_url(), read_events(world.kafka.url), work.ticks)
    return Row(
        fault=f"a worker stopped (SIGSTOP) past its lease, then woken, {form.freezes} times",
        expected=f"{form.freezes} commits refused, each run done once by another",
        measured=f"{refused} refused; {report.counts['succeeded']} runs succeeded; {report}",
        is_kept=not report.problems and refused == form.freezes,
    )


def finish_frozen(world: World, work: Backfill) -> Held:
    """Freeze a worker with a run in its hands and wait until another one has done it."""
    held = _freeze_one(world, work)
    _await_finish(world, held)
    return held


def _await_finish(world: World, held: Held) -> datetime:
    """When another worker has ended the run."""
    finished: datetime = wait_until(
        lambda: world.rows(FINISHED, held.run_id)[0][0], "another worker's turn", pause=0.1
    )
    return finished


def freeze_in_transaction(world: World, form: Form) -> Row:
    """Stop a worker that holds locks, and leave it so: others have to get past it."""
    world.start("web", "worker.1", "worker.2", "reconciler", "relay")
    work = Backfill(world, watch(world, 2))
    _freeze_holding_locks(world, work)
    began = time.monotonic()
    blocked = ""
    try:
        wait_until(
            lambda: not unfinished(world), "other workers", seconds=MOST_RECOVERY_SECONDS, pause=0.2
        )
    except TimeoutError:
        blocked = f"{unfinished(world)} runs still wait for it after {MOST_RECOVERY_SECONDS} s"
    seconds = time.monotonic() - began
    report = check(world.database_url(), [])
    wrong = {
        kind: count
        for kind, count in report.kinds.items()
        if "detection" in kind or kind == "failed run"
    }
    return Row(
        fault="a worker stopped (SIGSTOP) for good in the middle of a transaction",
        expected=f"all other work goes on; its run is done by another ≤ {MOST_RECOVERY_SECONDS} s",
        measured=f"{blocked or f'everything done after {seconds:.1f} s'}; {wrong or 'nothing wrong'}",
        is_kept=not blocked and not wrong,
    )


def stop_workers(world: World, form: Form) -> Row:
    """TERM to a worker whose run will not end: its child stands still."""
    seconds: list[float] = []
    taken_over: list[float] = []
    world.start("web", "worker.1", "worker.2", "reconciler", "relay")
    work = Backfill(world, watch(world, 1, rows=SLOW_ROWS))
    for _ in range(form.stops):
        held = _freeze_one(world, work)
        began = datetime.now(UTC)
        world.terminate(held.worker)
        seconds.append((datetime.now(UTC) - began).total_seconds())
        taken_over.append((_await_finish(world, held) - began).total_seconds())
        world.start(held.worker)
    await_end(world)
    report = check(world.database_url(), read_events(world.kafka.url), work.ticks)
    attempts = world.count("SELECT max(attempt) FROM drf_runs")
    return Row(
        fault=f"a worker told to stop (TERM) with a run that hangs, {form.stops} times",
        expected=f"it ends ≤ {MOST_STOP_SECONDS} s; the run is handed back at once, no attempt is lost",
        measured=f"ended after at most {max(seconds):.1f} s, the run done by another after at most "
        f"{max(taken_over):.1f} s, by attempt {attempts}; {report}",
        is_kept=not report.problems and attempts == 1,
        is_quick=max(seconds) <= MOST_STOP_SECONDS,
    )


def _freeze_holding_locks(world: World, work: Backfill) -> None:
    """Catch a worker while it has a transaction open under its tenant's lock, and others have work left to do."""
    while True:
        if unfinished(world) < RUNS_AT_ONCE // 2:
            work.ask(RUNS_AT_ONCE)
        worker = _anyone_busy(world, work).worker
        time.sleep(DICE.uniform(0, LONGEST_RUN_SECONDS))
        world.freeze(worker)
        if unfinished(world) and world.rows(LOCKED, _open_transactions(world, worker)):
            return
        world.thaw(worker)


def _kill_one(world: World, work: Backfill, killed: dict[Held, datetime]) -> None:
    """Kill a worker soon after it was seen with a run, and start it again; note the run that it had in that moment."""
    while True:
        worker = _anyone_busy(world, work, besides=killed).worker
        time.sleep(DICE.uniform(0, LONGEST_RUN_SECONDS))
        world.freeze(worker)  # so that what it has now is what it has when it is killed
        held = [each for each in _held(world) if each.worker == worker and each not in killed]
        if all(each.attempt < LAST_ATTEMPT for each in held):
            break
        world.thaw(worker)
    world.kill(worker)
    killed |= dict.fromkeys(held, datetime.now(UTC))
    world.start(worker)


def _freeze_one(world: World, work: Backfill) -> Held:
    """Catch a worker with a run in its hands and no transaction open."""
    while True:
        held = _anyone_busy(world, work)
        world.freeze(held.worker)
        if held in _held(world) and not _open_transactions(world, held.worker):
            return held
        world.thaw(held.worker)


def _open_transactions(world: World, worker: str) -> list[int]:
    """The sessions in which a frozen worker has left a transaction open."""
    time.sleep(0.05)  # what it had asked for is answered by now
    return [pid for (pid,) in world.rows(OPEN, world.ports(worker))]


def _begun_again(world: World, held: Held, killed: Iterable[Held]) -> datetime:
    """When a worker had the run again, which may have been killed with it, too."""
    for other in killed:
        if (other.run_id, other.attempt) == (held.run_id, held.attempt + 1):
            return other.since
    started: datetime = world.rows(STARTED, held.run_id)[0][0]
    return started


def _anyone_busy(world: World, work: Backfill, *, besides: Container[Held] = ()) -> Held:
    """A run that some worker has now; another run is asked for when there is none left.

    Args:
        besides: What workers had that were killed, in whose names it stands until its lease has run out.
    """

    def look() -> list[Held]:
        held = [each for each in _held(world) if each not in besides]
        if not held and not queued(world):
            work.ask(1)
        return held

    return DICE.choice(wait_until(look, "a worker with a run", pause=0.0))


def _held(world: World) -> list[Held]:
    rows = world.rows(HELD)
    return [
        Held(run_id, worker.replace("worker", "worker."), *rest) for run_id, worker, *rest in rows
    ]


def _is_refused(world: World, held: Held) -> bool:
    """Whether the ledger refused what the worker wrote when it was woken; its log says so."""

    def tells() -> bool:
        lines = world.log_of(held.worker)
        return any(
            line.get("event") in REFUSALS and line.get("run_id") == str(held.run_id)
            for line in lines
        )

    return wait_until(tells, "the refusal", seconds=120)
