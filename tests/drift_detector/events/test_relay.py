"""The relay as it runs in production: as its own role, against a real broker."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from confluent_kafka import Producer
from django.db import connection

from drift_detector.events.models import OutboxEvent
from drift_detector.events.relay import BATCH_SIZE, Relay, in_order
from drift_detector.events.services import EventType
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_tenant
from tests.conftest import connected_as, role_url
from tests.drift_detector.events.conftest import Emit, messages, steps
from tests.factories import make_monitor, rows_of

ADVISORY_LOCK = 0x64726674
QUICK = {"delivery.timeout.ms": 300, "socket.timeout.ms": 300, "message.timeout.ms": 300, "log_level": 0}


def unreachable() -> Producer:
    return Producer({"bootstrap.servers": "127.0.0.1:1", "enable.idempotence": True, **QUICK})


def stored(*events: OutboxEvent) -> list[tuple[bool, int, bool]]:
    """Of each event: published, attempts, has an error."""
    query = "SELECT published_at IS NOT NULL, attempts, last_error <> '' FROM drf_outbox WHERE id = %s"
    return [rows_of(event.tenant_id, query, event.pk)[0] for event in events]


def ids(key: UUID, *topics: str) -> list[str]:
    """The ids of the events with a key, as they are in the broker."""
    return [json.loads(message.value() or b"")["id"] for message in messages(*topics or ("drift.detected",), key=key)]


@contextmanager
def leading_elsewhere() -> Iterator[None]:
    with psycopg.connect(role_url("relay"), autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        yield


def spoil(event: OutboxEvent) -> None:
    """Let the broker refuse this event: no topic may have such a name."""
    _set_topic(event, "no such topic!")


def mend(event: OutboxEvent) -> None:
    _set_topic(event, "drift.detected")


def _set_topic(event: OutboxEvent, topic: str) -> None:
    rows_of(event.tenant_id, "UPDATE drf_outbox SET topic = %s WHERE id = %s RETURNING id", topic, event.pk)


@pytest.mark.parametrize("event_type", list(EventType))
def test_step__unpublished__is_in_its_topic_and_marked(write: Emit, event_type: EventType) -> None:
    key = uuid4()
    event = write(key, event_type)
    assert steps() == [True]
    (message,) = messages(event_type.value, key=key)
    assert json.loads(message.value() or b"") == event.envelope
    assert dict(message.headers() or []) == {"content-type": b"application/cloudevents+json; charset=UTF-8"}
    assert stored(event) == [(True, 0, False)]


def test_step__nothing_left__publishes_nothing_again(write: Emit) -> None:
    key = uuid4()
    event = write(key)
    assert steps(3) == [True, False, False]
    assert ids(key) == [str(event.event_id)]


def test_step__many_of_two_keys__each_keys_order_is_kept(write: Emit) -> None:
    first, second = uuid4(), uuid4()
    events = [write(key) for _ in range(20) for key in (first, second)]
    assert steps() == [True]
    for key in (first, second):
        assert ids(key) == [str(event.event_id) for event in events if event.key == key]
        assert len({message.partition() for message in messages("drift.detected", key=key)}) == 1


def test_step__more_than_a_batch__takes_the_oldest_first(write: Emit) -> None:
    oldest = write(uuid4())
    copy = """INSERT INTO drf_outbox (tenant_id, event_id, topic, key, envelope, created_at, attempts, last_error)
              SELECT tenant_id, gen_random_uuid(), topic, key, envelope, now(), 0, '' FROM drf_outbox,
              generate_series(1, %s) RETURNING id"""
    newest = max(rows_of(oldest.tenant_id, copy, BATCH_SIZE))
    assert steps() == [True]
    left = "SELECT id FROM drf_outbox WHERE published_at IS NULL"
    assert rows_of(oldest.tenant_id, left) == [newest]
    assert steps(2) == [True, False]
    assert rows_of(oldest.tenant_id, left) == []


def test_step__two_tenants__both_are_published(write: Emit) -> None:
    ours = write(uuid4())
    rival = create_tenant(slug="rival", name="Rival")
    with tenant_scope(rival.id):
        theirs = OutboxEvent.objects.create(
            tenant_id=rival.id, event_id=uuid4(), topic="drift.detected", key=uuid4(), envelope=ours.envelope
        )
    steps()
    assert stored(ours, theirs) == [(True, 0, False)] * 2


def test_step__broker_away__nothing_is_marked_and_the_error_noted(write: Emit) -> None:
    events = [write(uuid4()), write(uuid4())]
    assert steps(1, unreachable) == [False]
    assert stored(*events) == [(False, 1, True)] * 2


def test_step__broker_back__is_published_with_the_same_id(write: Emit) -> None:
    key = uuid4()
    event = write(key)
    assert steps(2, unreachable) == [False, False]
    assert stored(event) == [(False, 2, True)]
    assert steps() == [True]
    assert ids(key) == [event.envelope["id"]]
    assert stored(event) == [(True, 2, False)]


def test_step__one_refused__later_ones_of_its_key_stay_unpublished(write: Emit) -> None:
    broken_key, other_key = uuid4(), uuid4()
    before, broken, after, other = (write(key) for key in (broken_key, broken_key, broken_key, other_key))
    spoil(broken)
    assert steps() == [False]
    assert stored(before, broken, after, other) == [
        (True, 0, False),
        (False, 1, True),
        (False, 0, False),
        (True, 0, False),
    ]


def test_step__refused_one_mended__consumer_sees_its_key_again_in_order(write: Emit) -> None:
    key = uuid4()
    broken, after = write(key), write(key)
    spoil(broken)
    steps()
    mend(broken)
    assert steps(2) == [True, True]
    assert ids(key)[-2:] == [str(broken.event_id), str(after.event_id)]
    assert stored(broken, after) == [(True, 1, False), (True, 0, False)]


def test_step__another_relay_leads__stands_by(write: Emit) -> None:
    key = uuid4()
    event = write(key)
    with leading_elsewhere():
        assert steps(2) == [False, False]
        assert stored(event) == [(False, 0, False)]
    assert steps() == [True]
    assert ids(key) == [str(event.event_id)]


def test_step__leads_already__keeps_leading_with_one_lock(write: Emit) -> None:
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND pid = pg_backend_pid()"
    with connected_as(role_url("relay")):
        relay = Relay()
        for _ in range(3):
            relay.step()
        with connection.cursor() as cursor:
            cursor.execute(locks, [ADVISORY_LOCK])
            assert cursor.fetchone() == (1,)
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
            assert cursor.fetchone() == (True,)
            cursor.execute(locks, [ADVISORY_LOCK])
            assert cursor.fetchone() == (0,)


def test_step__uncommitted_event__is_not_seen(write: Emit) -> None:
    key = uuid4()
    event = write(key)
    with psycopg.connect(role_url("owner")) as owner:
        owner.execute("SELECT set_config('app.tenant_id', %s, true)", [str(event.tenant_id)])
        owner.execute(
            """INSERT INTO drf_outbox (tenant_id, event_id, topic, key, envelope, created_at, attempts, last_error)
               SELECT tenant_id, gen_random_uuid(), topic, key, envelope, now(), 0, '' FROM drf_outbox"""
        )
        steps()
        owner.rollback()
    assert len(ids(key)) == 1


@pytest.mark.parametrize(
    ("confirmed", "published"),
    [({1, 2, 3, 4}, [1, 2, 3, 4]), ({2, 3, 4}, [2, 4]), ({1, 2}, [1, 2]), ({3, 4}, [4]), (set(), [])],
)
def test_in_order__keys_a_b_a_c__stops_each_key_at_its_first_failure(confirmed: set[int], published: list[int]) -> None:
    keys: list[Any] = [UUID(int=number) for number in (1, 2, 1, 3)]
    events = [OutboxEvent(id=number, key=key) for number, key in enumerate(keys, start=1)]
    assert in_order(events, confirmed) == published


@pytest.mark.parametrize(
    "statement", ["SELECT * FROM drf_runs", "DELETE FROM drf_outbox", "SELECT * FROM drf_monitors"]
)
def test_relay_role__what_it_does_not_need__is_denied(write: Emit, statement: str) -> None:
    with tenant_scope(write(uuid4()).tenant_id):
        make_monitor()
    with psycopg.connect(role_url("relay")) as relay, pytest.raises(psycopg.errors.InsufficientPrivilege):
        relay.execute(statement)


@pytest.mark.parametrize("change", ["UPDATE drf_outbox SET published_at = now()", "DELETE FROM drf_outbox"])
def test_app_role__published_mark__is_not_its_to_set(write: Emit, change: str) -> None:
    event = write(uuid4())
    with tenant_scope(event.tenant_id), pytest.raises(Exception, match="permission denied"), connection.cursor() as app:
        app.execute(change)
    assert "drift_app" in os.environ["AUMOS_DRIFT_DATABASE__URL"]
