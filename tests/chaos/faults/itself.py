"""The checker, held against a service and a database whose safety has been taken away."""

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg
from confluent_kafka import Producer
from psycopg import sql

from tests.chaos.checker import Event, Report, check, read_events
from tests.chaos.faults.workers import SLOW_ROWS, finish_frozen
from tests.chaos.forms import Form, Row
from tests.chaos.waiting import wait_until
from tests.chaos.workload import EPOCH, MINUTE, Backfill, Ticks, ask_between, await_end, watch
from tests.chaos.world import ROOT, World

RUNS = 12
FENCE = "lease_token=self.token"
LEASE = "drift_detector/lease.py"
SOURCES = ("algorithms", "alerts", "detections", "drift_detector", "monitors", "tasks")

WITHOUT_CONSTRAINTS: LiteralString = """
    DROP INDEX run_once_per_tick;
    ALTER TABLE drf_alert_runs DROP CONSTRAINT alert_run_once;
    ALTER TABLE drf_profiles DROP CONSTRAINT profile_once_per_run;
    ALTER TABLE drf_detections DROP CONSTRAINT detection_once_per_run_method_and_reference"""

# A damage to a copy of the database, and what the checker has to call it.
DAMAGES: dict[str, LiteralString] = {
    "doubled tick": """
        DROP INDEX run_once_per_tick;
        ALTER TABLE drf_runs ALTER priority DROP EXPRESSION;
        INSERT INTO drf_runs SELECT (jsonb_populate_record(run, jsonb_build_object('id', gen_random_uuid()))).*
        FROM drf_runs run LIMIT 1""",
    "missing tick": "UPDATE drf_runs SET trigger = 'manual' WHERE id = (SELECT id FROM drf_runs LIMIT 1)",
    "unfinished run": """
        UPDATE drf_runs SET status = 'queued', verdict = '', finished_at = NULL
        WHERE id = (SELECT id FROM drf_runs LIMIT 1)""",
    "failed run": "UPDATE drf_runs SET status = 'failed' WHERE id = (SELECT id FROM drf_runs LIMIT 1)",
    "doubled detection": """
        ALTER TABLE drf_detections DROP CONSTRAINT detection_once_per_run_method_and_reference;
        INSERT INTO drf_detections SELECT (jsonb_populate_record(found, jsonb_build_object('id', gen_random_uuid()))).*
        FROM drf_detections found LIMIT 1""",
    "run without a detection": "DELETE FROM drf_detections WHERE id = (SELECT id FROM drf_detections LIMIT 1)",
    "verdict against its detections": "UPDATE drf_detections SET is_drifted = false, verdict = 'ok'",
    "drifted run without an event": """
        DELETE FROM drf_outbox WHERE id = (SELECT id FROM drf_outbox WHERE topic = 'drift.detected' LIMIT 1)""",
    "drifted run with other events": """
        UPDATE drf_outbox SET event_id = gen_random_uuid() WHERE topic = 'drift.detected'""",
    "unpublished event": "UPDATE drf_outbox SET published_at = NULL WHERE id = (SELECT id FROM drf_outbox LIMIT 1)",
    "message that is not what was written": 'UPDATE drf_outbox SET envelope = envelope || \'{"source": "/other"}\'',
}


def _without_the_last(events: Sequence[Event]) -> list[Event]:
    return list(events[:-1])


def _with_another_double(events: Sequence[Event]) -> list[Event]:
    return [*events, events[0]._replace(value=events[0].value.replace("1.0", "1.1", 1))]


def _backwards(events: Sequence[Event]) -> list[Event]:
    return list(reversed(events))


FALSIFICATIONS: dict[str, Callable[[Sequence[Event]], list[Event]]] = {
    "lost event": _without_the_last,
    "doubled message that differs": _with_another_double,
    "events out of order": _backwards,
}


@dataclass
class Tally:
    """What the checker was shown, and what it overlooked."""

    shown: int = 0
    overlooked: tuple[str, ...] = ()

    def note(self, kind: str, report: Report) -> None:
        """Whether the checker named it."""
        self.shown += 1
        self.overlooked += () if report.kinds[kind] else (kind,)


def check_the_checker(world: World, form: Form) -> Row:
    """Damaged copies of a database, falsified messages, and a service that runs without its fence."""
    tally = Tally()
    world.start("web", "worker.1", "reconciler", "relay")
    work = Backfill(world, watch(world, 2))
    work.ask(RUNS)
    await_end(world)
    world.clear()
    clean = _damage(world, work.ticks, tally)
    world.refresh()
    _run_without_safety(world, tally)
    return Row(
        fault="the checker itself: damaged copies, falsified messages, a service without its fence and constraints",
        expected="nothing wrong where nothing was done, everything else reported",
        measured=f"{tally.shown - len(tally.overlooked)} of {tally.shown} reported"
        f"{''.join(f'; overlooked: {kind}' for kind in tally.overlooked)}; untouched: {clean}",
        is_kept=not tally.overlooked and not clean.problems,
    )


def _damage(world: World, ticks: Ticks, tally: Tally) -> Report:
    """Show the checker what was damaged, and last what was not."""
    events = read_events(world.kafka.url)
    for kind, damage in DAMAGES.items():
        world.copy_database("drift", "damaged")
        with psycopg.connect(world.database_url("damaged")) as copy:
            copy.execute(sql.SQL(damage))
        tally.note(kind, check(world.database_url("damaged"), events, ticks))
    for kind, falsify in FALSIFICATIONS.items():
        tally.note(kind, check(world.database_url(), falsify(events), ticks))
    clean = check(world.database_url(), events, ticks)
    producer = Producer({"bootstrap.servers": world.kafka.url})
    producer.produce(events[0].topic, key=events[0].key, value='{"id": "of-nobody"}')
    producer.flush()
    tally.note(
        "message that nobody wrote",
        check(world.database_url(), read_events(world.kafka.url), ticks),
    )
    return clean


def _run_without_safety(world: World, tally: Tally) -> None:
    """Ask for the same ticks twice, and let a worker that lost its lease commit: nothing is there to stop it."""
    world.root = _copy_without_fence(world)
    world.change(WITHOUT_CONSTRAINTS)
    world.start("web", "worker.1", "worker.2", "reconciler", "relay")
    work = Backfill(world, watch(world, 1, rows=SLOW_ROWS))
    held = finish_frozen(world, work)
    world.thaw(held.worker)
    for monitor in work.ticks:
        ask_between(world, monitor, EPOCH, EPOCH + MINUTE)
    with suppress(TimeoutError):
        wait_until(
            lambda: _report(world, work).kinds["doubled detection"],
            "the second commit",
            seconds=60,
            pause=1,
        )
    await_end(world)
    for kind in ("doubled tick", "doubled detection"):
        tally.note(kind, _report(world, work))


def _report(world: World, work: Backfill) -> Report:
    return check(world.database_url(), [], work.ticks)


def _copy_without_fence(world: World) -> Path:
    copy = world.folder / "unfenced"
    for name in SOURCES:
        shutil.copytree(ROOT / name, copy / name)
    shutil.copy(ROOT / "manage.py", copy)
    lease = copy / LEASE
    code = lease.read_text()
    if code.count(FENCE) != 1:
        raise RuntimeError(f"The fence is not where it was in {LEASE}.")
    lease.write_text(code.replace(FENCE, ""))
    return copy
