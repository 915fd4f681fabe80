"""What the database and the broker say themselves about what was promised.

It imports nothing of the service, so that it cannot share its mistakes: SQL as the superuser, the broker's messages by
a consumer without a group, the promises written down here once more.
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID, uuid5

import psycopg
from confluent_kafka import Consumer, Message, TopicPartition

DETECTED = "drift.detected"
TOPICS = (DETECTED, "drift.alert_raised", "drift.retraining_required")
SILENCE_SECONDS = 3
PATIENCE_SECONDS = 60

# A run that ended well and told a verdict has one detection per method of its monitor against the baseline.
MISSING_DETECTIONS: LiteralString = """
    SELECT run.id || ' ' || wanted FROM drf_runs run JOIN drf_monitors monitor ON monitor.id = run.monitor_id,
           jsonb_array_elements_text(monitor.methods) wanted
    WHERE run.status = 'succeeded' AND run.trigger <> 'outcomes' AND NOT EXISTS (
        SELECT FROM drf_detections found
        WHERE found.run_id = run.id AND found.method = wanted AND found.reference = 'baseline')"""
DOUBLED_DETECTIONS: LiteralString = """
    SELECT run_id || ' ' || method FROM drf_detections
    GROUP BY run_id, method, reference HAVING count(*) > 1"""
STRAY_DETECTIONS: LiteralString = """
    SELECT found.id::text FROM drf_detections found LEFT JOIN drf_runs run ON run.id = found.run_id
    WHERE run.id IS NULL OR run.status NOT IN ('succeeded', 'failed')"""
CONTRADICTIONS: LiteralString = """
    SELECT run.id::text FROM drf_runs run LEFT JOIN drf_detections found ON found.run_id = run.id
    WHERE run.status = 'succeeded' GROUP BY run.id
    HAVING (run.verdict = 'drift') <> coalesce(bool_or(found.is_drifted), false)"""
UNFINISHED: LiteralString = """
    SELECT id || ' ' || status FROM drf_runs WHERE status NOT IN ('succeeded', 'failed', 'skipped')"""
FAILED: LiteralString = "SELECT id || ' ' || reason FROM drf_runs WHERE status = 'failed'"
UNPUBLISHED: LiteralString = "SELECT event_id::text FROM drf_outbox WHERE published_at IS NULL"

QUERIES: dict[str, LiteralString] = {
    "run without a detection": MISSING_DETECTIONS,
    "doubled detection": DOUBLED_DETECTIONS,
    "detection without its run": STRAY_DETECTIONS,
    "verdict against its detections": CONTRADICTIONS,
    "unfinished run": UNFINISHED,
    "failed run": FAILED,
    "unpublished event": UNPUBLISHED,
}


class Problem(NamedTuple):
    """A promise that was not kept, and by what."""

    kind: str
    which: str


class Event(NamedTuple):
    """A message as the broker has it."""

    topic: str
    partition: int
    key: str
    value: str

    @property
    def content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.value)
        return content


@dataclass(frozen=True)
class Report:
    """What was counted, and what is wrong."""

    counts: Mapping[str, int]
    problems: Sequence[Problem] = field(default_factory=tuple)

    @property
    def kinds(self) -> Counter[str]:
        """How many problems of each kind there are."""
        return Counter(problem.kind for problem in self.problems)

    def __str__(self) -> str:
        return (
            ", ".join(f"{count:,} × {kind}" for kind, count in self.kinds.items())
            or "nothing wrong"
        )


def check(
    database_url: str, events: Sequence[Event], ticks: Mapping[UUID, set[datetime]] | None = None
) -> Report:
    """Hold the database and the broker's messages against the promises.

    Args:
        database_url: As a role that row-level security does not hold back.
        events: What `read_events` found.
        ticks: Each monitor's expected ticks, computed by somebody else than the service; None looks at none.
    """
    with psycopg.connect(database_url) as database:
        outbox = database.execute(
            "SELECT event_id, topic, key, envelope FROM drf_outbox ORDER BY id"
        ).fetchall()
        drifted = [
            run for (run,) in database.execute("SELECT id FROM drf_runs WHERE verdict = 'drift'")
        ]
        problems = [
            *(
                Problem(kind, which)
                for kind, query in QUERIES.items()
                for (which,) in database.execute(query)
            ),
            *_check_ticks(database, ticks),
            *_check_outbox(outbox, drifted),
            *_check_events(outbox, events),
        ]
        counts = {
            "runs": _count(database, "SELECT count(*) FROM drf_runs"),
            "succeeded": _count(
                database, "SELECT count(*) FROM drf_runs WHERE status = 'succeeded'"
            ),
            "skipped": _count(database, "SELECT count(*) FROM drf_runs WHERE status = 'skipped'"),
            "detections": _count(database, "SELECT count(*) FROM drf_detections"),
            "drifted": len(drifted),
            "outbox": len(outbox),
            "messages": len(events),
            "doubled messages": len(events) - len({each.content["id"] for each in events}),
        }
    return Report(counts, problems)


def check_skipped(database_url: str, expected: Mapping[UUID, set[datetime]]) -> Report:
    """Hold the rows of ticks that were passed over on purpose against those that should have been, per monitor."""
    query: LiteralString = "SELECT scheduled_for, status FROM drf_runs WHERE monitor_id = %s"
    problems: list[Problem] = []
    skipped = 0
    with psycopg.connect(database_url) as database:
        for monitor, ticks in expected.items():
            rows: dict[datetime, str] = dict(database.execute(query, (monitor,)).fetchall())
            found = {tick for tick, status in rows.items() if status == "skipped"}
            problems += [
                Problem("tick skipped against the policy", f"{monitor} {tick}")
                for tick in found - ticks
            ]
            run = (ticks & rows.keys()) - found
            problems += [
                Problem("tick run against the policy", f"{monitor} {tick}") for tick in run
            ]
            skipped += len(found)
    return Report({"skipped": skipped}, problems)


def read_events(bootstrap_servers: str) -> list[Event]:
    """Everything that the broker has of our topics, each partition in its order.

    Raises:
        TimeoutError: If the broker says that it has more, and does not give it.
    """
    consumer = Consumer(
        {"bootstrap.servers": bootstrap_servers, "group.id": "checker", "enable.auto.commit": False}
    )
    try:
        places = list(_places(consumer))
        ends = dict(
            _ends(consumer, places)
        )  # asked for first: behind a fetch, each answer would come half a second later
        consumer.assign([TopicPartition(*place, 0) for place in places])
        return list(_read(consumer, ends))
    finally:
        consumer.close()


def _places(consumer: Consumer) -> Iterator[tuple[str, int]]:
    for topic in TOPICS:
        for partition in consumer.list_topics(topic, timeout=30).topics[topic].partitions:
            yield topic, partition


def _ends(
    consumer: Consumer, places: Iterable[tuple[str, int]]
) -> Iterator[tuple[tuple[str, int], int]]:
    for place in places:
        _, end = consumer.get_watermark_offsets(TopicPartition(*place), timeout=30)
        if end:
            yield place, end


def _read(consumer: Consumer, ends: dict[tuple[str, int], int]) -> Iterator[Event]:
    """What comes up to these ends, and then until nothing comes: the embedded broker tells ends that were earlier."""
    heard = time.monotonic()
    while ends or time.monotonic() < heard + SILENCE_SECONDS:
        message = consumer.poll(0.2)
        if message is None or message.error():
            if time.monotonic() > heard + PATIENCE_SECONDS:
                raise TimeoutError(f"The broker does not give what it says it has: {ends}")
            continue
        heard = time.monotonic()
        yield _event(message)
        place = message.topic() or "", message.partition() or 0
        if (message.offset() or 0) + 1 >= ends.get(place, 0):
            ends.pop(place, None)


def _event(message: Message) -> Event:
    key, value = message.key() or b"", message.value() or b""
    return Event(message.topic() or "", message.partition() or 0, _text(key), _text(value))


def _text(content: bytes | str) -> str:
    return content if isinstance(content, str) else content.decode()


def _check_ticks(
    database: psycopg.Connection, expected: Mapping[UUID, set[datetime]] | None
) -> Iterator[Problem]:
    """Each monitor has exactly one run per expected tick, and no other between the first and the last of them."""
    for monitor, ticks in (expected or {}).items():
        query: LiteralString = """SELECT scheduled_for FROM drf_runs WHERE monitor_id = %s AND trigger IN
                                  ('schedule', 'backfill') AND scheduled_for BETWEEN %s AND %s"""
        rows = (
            database.execute(query, (monitor, min(ticks), max(ticks))).fetchall() if ticks else []
        )
        found = Counter(tick for (tick,) in rows)
        yield from (
            Problem("missing tick", f"{monitor} {tick}") for tick in sorted(ticks - found.keys())
        )
        yield from (
            Problem("unexpected tick", f"{monitor} {tick}") for tick in sorted(found.keys() - ticks)
        )
        yield from (
            Problem("doubled tick", f"{monitor} {tick}")
            for tick, times in found.items()
            if times > 1
        )


def _check_outbox(
    outbox: Sequence[tuple[UUID, str, UUID, Any]], drifted: Iterable[UUID]
) -> Iterator[Problem]:
    """A drifted run has exactly one event, whose id is made from its own; nothing else claims to be one."""
    told = defaultdict(list)
    for event_id, topic, _, envelope in outbox:
        if topic == DETECTED:
            told[UUID(envelope["data"]["run_id"])].append(event_id)
    for run in drifted:
        match told.pop(run, []):
            case []:
                yield Problem("drifted run without an event", str(run))
            case [event_id] if event_id == uuid5(run, DETECTED):
                pass
            case ids:
                yield Problem("drifted run with other events", f"{run} {ids}")
    yield from (Problem("event without a drifted run", str(run)) for run in told)


def _check_events(
    outbox: Sequence[tuple[UUID, str, UUID, Any]], events: Sequence[Event]
) -> Iterator[Problem]:
    """Each event is in the broker at least once, its doubles are equal, and each key's are in order without a gap."""
    written = {
        str(event_id): (topic, str(key), envelope) for event_id, topic, key, envelope in outbox
    }
    first: dict[str, Event] = {}
    for event in events:
        event_id = event.content["id"]
        earlier = first.setdefault(event_id, event)
        if earlier != event:
            yield Problem("doubled message that differs", event_id)
    for event_id, (topic, key, envelope) in written.items():
        message = first.get(event_id)
        if message is None:
            yield Problem("lost event", event_id)
        elif (message.topic, message.key) != (
            topic,
            key,
        ) or not envelope.items() <= message.content.items():
            yield Problem("message that is not what was written", event_id)
    yield from (
        Problem("message that nobody wrote", event_id) for event_id in first.keys() - written.keys()
    )
    yield from _check_order(list(written), first)


def _check_order(written: Sequence[str], first: Mapping[str, Event]) -> Iterator[Problem]:
    """By first occurrence, a key's events come as they were written, and their `seq` grows by one each time."""
    places = {event_id: place for place, event_id in enumerate(written)}
    of_key: dict[tuple[str, str], list[str]] = defaultdict(list)
    for event_id, event in first.items():
        if event_id in places:
            of_key[event.topic, event.key].append(event_id)
    for (topic, key), ids in of_key.items():
        sequences = [_sequence(first[event_id], places[event_id]) for event_id in ids]
        if sequences != sorted(sequences):
            yield Problem("events out of order", f"{topic} {key}")
    yield from _check_gaps(first.values())


def _sequence(event: Event, place: int) -> int:
    """Where an event stands among those of its key: what it says itself, or where it stands in the outbox."""
    return int(event.content.get("seq", place))


def _check_gaps(events: Iterable[Event]) -> Iterator[Problem]:
    numbers: dict[str, list[int]] = defaultdict(list)
    for event in events:
        if "seq" in event.content:
            numbers[event.key].append(int(event.content["seq"]))
    for key, found in numbers.items():
        if sorted(found) != list(range(1, len(found) + 1)):
            yield Problem("gap in seq", key)


def _count(database: psycopg.Connection, query: LiteralString) -> int:
    (count,) = database.execute(query).fetchone() or (0,)
    return int(count)
