"""A broker of events that can't be reached, and relays that are killed."""

import random
import time
from typing import LiteralString

from tests.chaos.checker import Report, check, read_events
from tests.chaos.forms import Form, Row, tell
from tests.chaos.waiting import wait_until
from tests.chaos.workload import Backfill, await_end, unfinished, unpublished, watch
from tests.chaos.world import World

RELAYED_MONITORS = 10
MOST_DRAIN_SECONDS = 600
MOST_SLOWER = 0.2  # seconds: a worker that asked the broker for anything would wait longer
EVENTS_PER_KILL = 100
LONGEST_LIFE_SECONDS = 0.1
DICE = random.Random(3)

# Copies of each monitor's alert, in turn for each monitor, numbered on.
COPIES: LiteralString = """
    WITH models AS (SELECT key, min(id) id, row_number() OVER (ORDER BY key) AS place FROM drf_outbox
                    WHERE topic = 'drift.alert_raised' GROUP BY key),
         made AS (SELECT number, gen_random_uuid() event_id, models.id model_id, key,
                         row_number() OVER (PARTITION BY key ORDER BY number) AS nth
                  FROM generate_series(0, %s - 1) number
                  JOIN models ON place = 1 + number %% (SELECT count(*) FROM models)),
         counted AS (UPDATE drf_outbox_keys counter SET seq = counter.seq + made.events
                     FROM (SELECT key, count(*) events FROM made GROUP BY key) made WHERE counter.key = made.key
                     RETURNING counter.key, counter.seq - made.events AS before),
         numbered AS (SELECT made.*, before + nth AS seq FROM made JOIN counted USING (key) ORDER BY number)
    INSERT INTO drf_outbox SELECT (jsonb_populate_record(model, jsonb_build_object(
        'id', nextval(pg_get_serial_sequence('drf_outbox', 'id')), 'event_id', numbered.event_id,
        'seq', numbered.seq, 'published_at', NULL, 'created_at', now(), 'envelope',
        model.envelope || jsonb_build_object('id', numbered.event_id, 'seq', numbered.seq)))).*
    FROM numbered JOIN drf_outbox model ON model.id = model_id ORDER BY number"""
PUBLISHED: LiteralString = "SELECT count(*) FROM drf_outbox WHERE published_at IS NOT NULL"
MEDIAN: LiteralString = """
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at))
    FROM (SELECT * FROM drf_runs WHERE status = 'succeeded' ORDER BY finished_at DESC LIMIT %s) latest"""


def cut_kafka(world: World, form: Form) -> Row:
    """The broker out of reach while as many events are written as in an hour, and runs go on."""
    world.start("web", "worker.1", "worker.2", "reconciler", "relay")
    work = Backfill(world, watch(world, form.outage_monitors))
    before = _median_run(world, work, form.outage_runs)
    await_end(world)
    world.kafka_link.cut()
    world.change(COPIES, form.outage_events)
    during = _median_run(world, work, form.outage_runs)
    waiting = unpublished(world)
    world.kafka_link.restore()
    began = time.monotonic()
    wait_until(
        lambda: not unpublished(world), "the draining", seconds=3 * MOST_DRAIN_SECONDS, pause=0.5
    )
    drained = time.monotonic() - began
    ended = world.ended()
    report = check(world.database_url(), read_events(world.kafka.url), work.ticks)
    return Row(
        fault=f"Kafka out of reach for {form.outage_events:,} events (an hour at 50/s is 180,000)",
        expected=f"0 lost, each monitor's order kept, drained ≤ {MOST_DRAIN_SECONDS // 60} min, workers unaffected "
        f"(a run takes ≤ {MOST_SLOWER} s longer)",
        measured=f"{waiting:,} waited, drained in {drained:.1f} s; {_messages(report)}; a run took "
        f"{1000 * during:.0f} ms (before: {1000 * before:.0f} ms){tell(ended)}",
        is_kept=not report.problems and not ended,
        is_quick=drained <= MOST_DRAIN_SECONDS and during <= before + MOST_SLOWER,
    )


def kill_relays(world: World, form: Form) -> Row:
    """kill -9 of the relay while it publishes, again and again."""
    world.start("web", "worker.1", "reconciler", "relay")
    work = Backfill(world, watch(world, RELAYED_MONITORS))
    work.ask(RELAYED_MONITORS)
    await_end(world)
    for _ in range(form.relay_kills):
        _kill_publishing(world)
    await_end(world)
    report = check(world.database_url(), read_events(world.kafka.url), work.ticks)
    return Row(
        fault=f"relay killed {form.relay_kills} times",
        expected="0 lost; doubles share their id and their content",
        measured=_messages(report),
        is_kept=not report.problems,
    )


def _kill_publishing(world: World) -> None:
    """Kill the relay soon after it began to publish, and start it again."""
    published = world.count(PUBLISHED)
    world.change(COPIES, EVENTS_PER_KILL)
    wait_until(lambda: world.count(PUBLISHED) > published, "the relay", pause=0.01)
    world.change(COPIES, EVENTS_PER_KILL)
    time.sleep(DICE.uniform(0, LONGEST_LIFE_SECONDS))
    world.kill("relay")
    world.start("relay")


def _median_run(world: World, work: Backfill, runs: int) -> float:
    """How long one of the next runs takes a worker, in seconds."""
    work.ask(runs)
    wait_until(lambda: not unfinished(world), "the end of the runs", pause=0.2)
    return float(world.rows(MEDIAN, runs)[0][0])


def _messages(report: Report) -> str:
    counts = report.counts
    return (
        f"{counts['outbox']:,} events, {counts['messages']:,} messages, {counts['doubled messages']:,} of them "
        f"doubles; {report}"
    )
