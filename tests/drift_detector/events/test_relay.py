"""The relay as it runs in production: as its own role, against a real broker."""

import json
import os
from collections.abc import Callable
from functools import partial
from uuid import UUID, uuid4

import psycopg
import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from django.db import connection
from structlog.testing import capture_logs

from drift_detector.events.kafka_clients import create_producer
from drift_detector.events.models import OutboxEvent
from drift_detector.events.partitions import own_partitions
from drift_detector.events.relay import BATCH_SIZE, Relay, next_wave, queues_of
from drift_detector.events.services import EventType
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_tenant
from tests.conftest import connected_as, role_url
from tests.drift_detector.events.conftest import (
    BROKER,
    Emit,
    change,
    key_in,
    messages,
    relay_sessions,
    steps,
    stored,
)
from tests.drift_detector.events.stub_broker import broker_without_topics
from tests.factories import at_once, make_monitor, rows_of

QUICK = {
    "delivery.timeout.ms": 300,
    "socket.timeout.ms": 300,
    "message.timeout.ms": 300,
    "log_level": 0,
}
COPY = """INSERT INTO drf_outbox
              (tenant_id, event_id, topic, key, partition, seq, envelope, created_at, attempts, last_error)
          SELECT tenant_id, gen_random_uuid(), topic, {key}, partition, n + 1, envelope, now(), 0, ''
          FROM drf_outbox, generate_series(1, %s) n RETURNING id"""


def unreachable() -> Producer:
    return Producer({"bootstrap.servers": "127.0.0.1:1", "enable.idempotence": True, **QUICK})


class Fussy(Producer):
    """A producer that can't take the messages of some keys, for the reason given."""

    def __init__(self, reasons: dict[UUID, Exception]) -> None:
        super().__init__({"bootstrap.servers": BROKER})
        self._reasons = {str(key): reason for key, reason in reasons.items()}

    def produce(self, topic: str, key: str, **message: object) -> None:  # type: ignore[override]
        if key in self._reasons:
            raise self._reasons[key]
        super().produce(topic, key=key, **message)  # type: ignore[arg-type]


class Noting(Producer):
    """A producer that remembers what it was given."""

    def __init__(self) -> None:
        super().__init__({"bootstrap.servers": BROKER})
        self.sent: list[str] = []

    def produce(self, topic: str, value: str, **message: object) -> None:  # type: ignore[override]
        self.sent.append(json.loads(value)["id"])
        super().produce(topic, value=value, **message)  # type: ignore[arg-type]


class Broken(Producer):
    """A producer that ends with a fatal error, as librdkafka raises it."""

    def __init__(self) -> None:
        super().__init__({"bootstrap.servers": "127.0.0.1:1", **QUICK})

    def flush(self, *_: object) -> int:
        raise KafkaException(KafkaError(KafkaError._FATAL, "out of sequence", fatal=True))


class Forgotten(Producer):
    """A producer that the broker no longer knows: each message is reported with the error, none is raised."""

    def __init__(self, code: int = KafkaError.PRODUCER_FENCED) -> None:
        super().__init__({"bootstrap.servers": "127.0.0.1:1", **QUICK})
        self._error = KafkaError(code)

    def produce(self, *_: object, on_delivery: Callable[..., None], **__: object) -> None:  # type: ignore[override]
        on_delivery(self._error, None)


def ids(key: UUID, *topics: str) -> list[str]:
    """The ids of the events with a key, as they are in the broker."""
    return [
        json.loads(message.value() or b"")["id"]
        for message in messages(*topics or ("drift.detected",), key=key)
    ]


def state(*events: OutboxEvent) -> list[tuple[bool, int, bool]]:
    """Of each event: published, attempts, has an error."""
    return [
        stored(event, "published_at IS NOT NULL", "attempts", "last_error <> ''")
        for event in events
    ]


def drain() -> list[str]:
    """The ids that one relay sends until nothing is left for it."""
    producer = Noting()
    relay = Relay(lambda: producer)
    while relay.step():
        pass
    return producer.sent


def spoil(event: OutboxEvent) -> None:
    """Let the broker refuse this event: no topic may have such a name."""
    change(event, "topic = 'no such topic!'")


def make_due(event: OutboxEvent) -> None:
    """As if the time had passed that it was put off by."""
    change(event, "not_before = now()")


@pytest.mark.parametrize("event_type", list(EventType))
def test_step__unpublished__is_in_its_topic_and_marked(write: Emit, event_type: EventType) -> None:
    key = uuid4()
    event = write(key, event_type)
    assert steps() == [True]
    (message,) = messages(event_type.value, key=key)
    assert json.loads(message.value() or b"") == event.envelope
    assert dict(message.headers() or []) == {
        "content-type": b"application/cloudevents+json; charset=UTF-8"
    }
    assert state(event) == [(True, 0, False)]


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
    newest = max(rows_of(oldest.tenant_id, COPY.format(key="gen_random_uuid()"), BATCH_SIZE))
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
            tenant_id=rival.id,
            event_id=uuid4(),
            topic="drift.detected",
            key=uuid4(),
            partition=0,
            seq=1,
            envelope=ours.envelope,
        )
    steps()
    assert state(ours, theirs) == [(True, 0, False)] * 2


def test_step__broker_away_for_long__gives_nothing_up_and_notes_why(write: Emit) -> None:
    events = [write(uuid4()), write(uuid4())]
    for _ in range(6):
        assert steps(1, unreachable) == [False]
    assert state(*events) == [(False, 0, True)] * 2
    assert [stored(event, "dead_at", "not_before") for event in events] == [(None, None)] * 2


def test_step__broker_back__is_published_with_the_same_id(write: Emit) -> None:
    key = uuid4()
    event = write(key)
    assert steps(1, unreachable) == [False]
    assert state(event) == [(False, 0, True)]
    assert steps() == [True]
    assert ids(key) == [event.envelope["id"]]
    assert state(event) == [(True, 0, False)]


def test_step__broker_away__rests_twice_as_long_each_time(
    write: Emit, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, now = uuid4(), [0.0]
    write(key)
    monkeypatch.setattr("drift_detector.events.relay.monotonic", lambda: now[0])
    away = KafkaException(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    with connected_as(role_url("relay")), capture_logs() as logs:
        relay = Relay(lambda: Fussy({key: away}))
        for second in range(240):
            now[0] = second
            relay.step()
    rests = [entry["rest_seconds"] for entry in logs if entry["event"] == "broker_unavailable"]
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize(
    "broken",
    [
        Broken,
        Forgotten,
        partial(Forgotten, KafkaError.INVALID_PRODUCER_EPOCH),
        partial(Forgotten, KafkaError.UNKNOWN_PRODUCER_ID),
        partial(Forgotten, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER),
    ],
)
def test_step__producer_broken_for_good__goes_on_with_a_new_one(
    write: Emit, monkeypatch: pytest.MonkeyPatch, broken: Callable[[], Producer]
) -> None:
    key = uuid4()
    event = write(key)
    producers: list[Callable[[], Producer]] = [
        lambda: Producer({"bootstrap.servers": BROKER}),
        broken,
    ]
    with connected_as(role_url("relay")):
        relay = Relay(lambda: producers.pop()())
        assert relay.step() is False
        assert state(event) == [(False, 0, False)]
        monkeypatch.setattr("drift_detector.events.relay.monotonic", lambda: float("inf"))
        assert relay.step() is True
    assert (ids(key), producers) == ([str(event.event_id)], [])


def test_step__one_refused__later_ones_of_its_key_are_not_even_sent(write: Emit) -> None:
    broken_key, other_key = uuid4(), uuid4()
    before, broken, after, other = (
        write(key) for key in (broken_key, broken_key, broken_key, other_key)
    )
    spoil(broken)
    assert steps(2) == [True, False]
    assert state(before, broken, after, other) == [
        (True, 0, False),
        (False, 1, True),
        (False, 0, False),
        (True, 0, False),
    ]
    assert ids(broken_key) == [str(before.event_id)]


def test_step__refused_one_mended__consumer_sees_its_key_in_order_and_nothing_twice(
    write: Emit,
) -> None:
    key = uuid4()
    events = [write(key), write(key), write(key)]
    spoil(events[1])
    steps()
    change(events[1], "topic = 'drift.detected'")
    make_due(events[1])
    assert steps(2) == [True, False]
    assert ids(key) == [str(event.event_id) for event in events]
    assert state(*events) == [(True, 0, False), (True, 1, False), (True, 0, False)]


def test_step__refused__is_put_off_twice_as_long_each_time(write: Emit) -> None:
    event, pauses = write(uuid4()), []
    spoil(event)
    for _ in range(4):
        steps(2)
        pauses.append(round(stored(event, "extract(epoch FROM not_before - now())")))
        make_due(event)
    assert stored(event, "attempts") == 4
    assert pauses == pytest.approx([2, 4, 8, 16], abs=1)


@pytest.mark.parametrize(("length", "reason"), [(2_000_000, "too large"), (1, "topic")])
def test_step__never_publishable__is_dead_after_five_tries_and_its_key_goes_on(
    write: Emit, length: int, reason: str
) -> None:
    key = uuid4()
    unpublishable = write(key, monitor_name="x" * length)
    after = write(key)
    if reason == "topic":
        spoil(unpublishable)
    for _ in range(5):
        make_due(unpublishable)
        steps()
    assert stored(unpublishable, "published_at IS NULL", "dead_at IS NOT NULL", "attempts") == (
        True,
        True,
        5,
    )
    assert reason in stored(unpublishable, "last_error")
    assert steps(2) == [True, False]
    assert ids(key) == [str(after.event_id)]


def test_step__one_row_crashes__others_go_through(write: Emit) -> None:
    bad, good = write(uuid4()), write(uuid4())
    assert steps(1, lambda: Fussy({bad.key: RuntimeError("boo")})) == [True]
    assert state(bad, good) == [(False, 1, True), (True, 0, False)]
    assert stored(bad, "last_error") == "RuntimeError: boo"


def test_step__one_topic_out_of_reach_for_long__is_put_off_but_never_dead(write: Emit) -> None:
    key = uuid4()
    stuck = write(key)
    forbidden = KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    for _ in range(7):
        make_due(stuck)
        write(uuid4())
        assert steps(1, lambda: Fussy({key: forbidden})) == [True]
    assert stored(stuck, "attempts", "dead_at", "not_before > now()") == (7, None, True)


@pytest.mark.parametrize(
    "error", [KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.TOPIC_AUTHORIZATION_FAILED]
)
def test_step__topic_missing_or_forbidden__is_no_outage(write: Emit, error: int) -> None:
    event = write(uuid4())
    with broker_without_topics(error) as address, capture_logs() as logs:
        assert steps(
            1, lambda: create_producer(**{"bootstrap.servers": address, "log_level": 0})
        ) == [False]
    assert stored(event, "attempts", "dead_at", "not_before > now()", "last_error") == (
        1, None, True, KafkaError(error).str(),
    )  # fmt: skip
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == [
        "event_put_off"
    ]


def test_step__nothing_but_blocked_ones__the_next_event_goes_through_at_once(write: Emit) -> None:
    *stuck, other = (write(uuid4()) for _ in range(3))
    change(other, "not_before = now() + interval '1 hour'")
    missing = KafkaException(KafkaError(KafkaError._UNKNOWN_TOPIC))
    with connected_as(role_url("relay")):
        relay = Relay(lambda: Fussy({event.key: missing for event in stuck}))
        for tries in (1, 2):
            assert relay.step() is False
            assert [stored(event, "attempts") for event in stuck] == [tries, tries]
            for event in stuck:
                make_due(event)
        make_due(other)
        assert relay.step() is True
    assert state(other) == [(True, 0, False)]


def test_step__one_blocked_one_out_of_reach__the_relay_rests_and_notes_no_attempt_of_the_latter(
    write: Emit,
) -> None:
    blocked, unreached = write(uuid4()), write(uuid4())
    reasons: dict[UUID, Exception] = {
        blocked.key: KafkaException(KafkaError(KafkaError._UNKNOWN_TOPIC)),
        unreached.key: KafkaException(KafkaError(KafkaError._TRANSPORT)),
    }
    with capture_logs() as logs:
        assert steps(1, lambda: Fussy(reasons)) == [False]
    assert state(blocked, unreached) == [(False, 1, True), (False, 0, True)]
    assert "broker_unavailable" in [entry["event"] for entry in logs]


def test_step__two_relays_at_once__send_half_each_and_nothing_twice(write: Emit) -> None:
    keys = [key_in(number) for number in range(16)]
    events = [write(key) for key in keys * 3]
    with relay_sessions(2) as sessions:
        for session in sessions * 2:  # until each has its half
            session(own_partitions)
        sent = at_once(*[partial(session, drain) for session in sessions])
    assert [len(each) for each in sent] == [24, 24]
    assert set(sent[0]) | set(sent[1]) == {str(event.event_id) for event in events}
    for key in keys:
        assert ids(key) == [str(event.event_id) for event in events if event.key == key]


def test_step__uncommitted_event__is_not_seen(write: Emit) -> None:
    key = uuid4()
    event = write(key)
    with psycopg.connect(role_url("owner")) as owner:
        owner.execute("SELECT set_config('app.tenant_id', %s, true)", [str(event.tenant_id)])
        owner.execute(COPY.format(key="key"), [1])
        steps()
        owner.rollback()
    assert len(ids(key)) == 1


def test_next_wave__failed_ones__go_alone_and_after_the_others() -> None:
    """A broker refuses a whole batch for one message of it."""
    events = [
        OutboxEvent(id=number, key=UUID(int=number % 3), attempts=number < 2) for number in range(6)
    ]
    queues = queues_of(events)
    assert [event.pk for event in next_wave(queues)] == [2]
    del queues[UUID(int=2)]
    assert [event.pk for event in next_wave(queues)] == [0]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM drf_runs",
        "SELECT * FROM drf_outbox_keys",
        "SELECT * FROM drf_monitors",
        "UPDATE drf_outbox SET envelope = '{}'",
        "UPDATE drf_outbox SET seq = 1",
    ],
)
def test_relay_role__what_it_does_not_need__is_denied(write: Emit, statement: str) -> None:
    with tenant_scope(write(uuid4()).tenant_id):
        make_monitor()
    with (
        psycopg.connect(role_url("relay")) as relay,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        relay.execute(statement)


@pytest.mark.parametrize(
    "statement", ["UPDATE drf_outbox SET published_at = now()", "DELETE FROM drf_outbox"]
)
def test_app_role__published_mark__is_not_its_to_set(write: Emit, statement: str) -> None:
    event = write(uuid4())
    with (
        tenant_scope(event.tenant_id),
        pytest.raises(Exception, match="permission denied"),
        connection.cursor() as app,
    ):
        app.execute(statement)
    assert "drift_commands" in os.environ["AUMOS_DRIFT_DATABASE__URL"]
