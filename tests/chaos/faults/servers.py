"""Servers that are emptied and restarted while the service works."""

import os
import signal
import time
from concurrent.futures import Future
from datetime import UTC, datetime
from threading import Event, Thread
from typing import LiteralString

import redis

from tests.chaos.checker import check, read_events
from tests.chaos.forms import Form, Row, tell
from tests.chaos.waiting import wait_until
from tests.chaos.workload import (
    MINUTE,
    Backfill,
    await_end,
    every_minute,
    minute_after,
    unfinished,
    watch,
)
from tests.chaos.world import World

MONITORS = 5
WORKERS = ("worker.1", "worker.2")
MOST_SECONDS_TO_COMPLETE = 60
MOST_SECONDS_TO_CONSUME = 30
PORTION = 5
PAUSE_SECONDS = 0.5
LOAD_SECONDS = 5

BUSY_SINCE: LiteralString = (
    "SELECT DISTINCT split_part(worker, '@', 1) FROM drf_runs WHERE started_at > %s"
)
WRITTEN: LiteralString = (
    "SELECT count(*) FROM drf_runs WHERE trigger = 'schedule' AND scheduled_for = %s"
)
SUCCEEDED: LiteralString = "SELECT count(*) FROM drf_runs WHERE status = 'succeeded'"


class Load:
    """Runs asked for all the time, until told to stop."""

    def __init__(self, work: Backfill) -> None:
        self._work = work
        self._stopped = Event()
        self._end: Future[None] = Future()
        Thread(target=self._run, daemon=True).start()

    def end(self) -> None:
        """Ask for no more.

        Raises:
            Exception: What kept it from asking.
        """
        self._stopped.set()
        self._end.result()

    def _run(self) -> None:
        try:
            while not self._stopped.wait(PAUSE_SECONDS):
                self._work.ask(PORTION)
            self._end.set_result(None)
        except Exception as error:
            self._end.set_exception(error)


def empty_broker(world: World, form: Form) -> Row:
    """FLUSHALL while all runs wait; the workers start just then."""
    world.start("web", *WORKERS, "reconciler", "relay")
    work = Backfill(world, watch(world, MONITORS))
    world.stop(*WORKERS)
    work.ask(form.queued)
    with redis.Redis.from_url(world.stack.valkey.url) as broker:
        lost = sum(broker.llen(queue) for queue in broker.keys("celery*"))  # one for each priority
        broker.flushall()
    emptied = time.monotonic()
    world.start(*WORKERS)
    wait_until(lambda: not unfinished(world), "the end of the runs", pause=0.1)
    seconds = time.monotonic() - emptied
    await_end(world)
    report = check(world.database_url(), read_events(world.kafka.url), work.ticks)
    return Row(
        fault=f"broker emptied (FLUSHALL) with {form.queued} queued",
        expected=f"all complete ≤ {MOST_SECONDS_TO_COMPLETE} s after",
        measured=f"{lost} messages lost; {report.counts['succeeded']} runs complete after {seconds:.1f} s; {report}",
        is_kept=not report.problems,
        is_quick=seconds <= MOST_SECONDS_TO_COMPLETE,
    )


def restart_broker(world: World, form: Form) -> Row:
    """Valkey, which keeps nothing, stopped and started under load."""
    seconds: list[float] = []
    world.start("web", *WORKERS, "reconciler", "relay")
    work = Backfill(world, watch(world, MONITORS))
    load = Load(work)
    for _ in range(form.broker_restarts):
        world.stack.valkey.stop()
        world.stack.valkey.start()
        seconds.append(_seconds_to_consume(world))
        time.sleep(LOAD_SECONDS)  # or the restarts would follow each other too closely for a load
    load.end()
    ended = world.ended()
    began = time.monotonic()
    await_end(world)
    rest = time.monotonic() - began
    report = check(world.database_url(), read_events(world.kafka.url), work.ticks)
    return Row(
        fault=f"broker (Valkey) restarted {form.broker_restarts} times under load",
        expected=f"every worker consuming again ≤ {MOST_SECONDS_TO_CONSUME} s, all complete "
        f"≤ {MOST_SECONDS_TO_COMPLETE} s after",
        measured=f"consuming again after at most {max(seconds):.1f} s; all {report.counts['succeeded']:,} runs "
        f"complete {rest:.1f} s after the load; {report}{tell(ended)}",
        is_kept=not report.problems and not ended,
        is_quick=max(seconds) <= MOST_SECONDS_TO_CONSUME and rest <= MOST_SECONDS_TO_COMPLETE,
    )


def restart_database(world: World, form: Form) -> Row:
    """PostgreSQL stopped under load, in turn in order and at once as in a crash, and started again."""
    world.start("web", *WORKERS, "beat", "reconciler", "relay")
    work = Backfill(world, watch(world, MONITORS))
    first = minute_after(datetime.now(UTC))
    load = Load(work)
    for restart in range(form.database_restarts):
        time.sleep(LOAD_SECONDS)
        if restart % 2:
            os.kill(
                world.stack.postgres.pid or 0, signal.SIGQUIT
            )  # "immediate": no checkpoint, nothing finished
        world.stack.postgres.stop()
        world.stack.postgres.start()
    before = world.count(SUCCEEDED)
    wait_until(lambda: world.count(SUCCEEDED) > before, "a run after the last restart", pause=0.2)
    load.end()
    last = max(first, minute_after(datetime.now(UTC)) - MINUTE)
    wait_until(
        lambda: world.count(WRITTEN, last) >= MONITORS, "the tick after the last restart", pause=0.5
    )
    ended = world.ended()
    world.start(*ended)
    world.kill("beat")
    await_end(world)
    events = read_events(world.kafka.url)
    minutes = (last - first) // MINUTE + 1
    report = check(world.database_url(), events, work.ticks)
    by_cron = check(world.database_url(), events, every_minute(work.ticks, first, minutes))
    return Row(
        fault=f"PostgreSQL restarted {form.database_restarts} times under load",
        expected="gap 0: each tick and each run asked for succeeds once, no event lost",
        measured=f"gap {report.kinds['missing tick'] + by_cron.kinds['missing tick']}: "
        f"{sum(map(len, work.ticks.values())):,} runs asked for and {MONITORS * minutes} ticks of cron, "
        f"{report.counts['succeeded']:,} succeeded; {report.counts['outbox']:,} events; {report}{tell(ended)}",
        is_kept=not report.problems and not by_cron.problems and not ended,
    )


def _seconds_to_consume(world: World) -> float:
    began, now = time.monotonic(), datetime.now(UTC)
    every = {worker.replace(".", "") for worker in WORKERS}
    wait_until(
        lambda: every <= {name for (name,) in world.rows(BUSY_SINCE, now)},
        "both workers consuming",
        pause=0.1,
    )
    return time.monotonic() - began
