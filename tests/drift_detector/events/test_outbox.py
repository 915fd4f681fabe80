"""What the relay does to rows beside publishing them."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from drift_detector.events import outbox
from drift_detector.events.models import OutboxEvent
from drift_detector.events.relay import Relay
from tests.conftest import connected_as, role_url
from tests.drift_detector.events.conftest import Emit, change, key_in, messages, steps, stored
from tests.factories import rows_of

LONG_AGO = "now() - interval '31 days'"
ALL = range(16)


def ids_left(event: OutboxEvent) -> set[int]:
    return {row_id for (row_id,) in rows_of(event.tenant_id, "SELECT id FROM drf_outbox")}


def purge(partitions: range = ALL) -> int:
    with connected_as(role_url("relay")):
        return outbox.purge_published(partitions)


def test_purge_published__old_and_new__removes_old_published_ones_alone(write: Emit) -> None:
    old, new, waiting, dead = (write(uuid4()) for _ in range(4))
    change(old, f"published_at = {LONG_AGO}")
    change(new, "published_at = now() - interval '29 days'")
    change(waiting, f"created_at = {LONG_AGO}")
    change(dead, f"dead_at = {LONG_AGO}, created_at = {LONG_AGO}")
    assert purge() == 1
    assert ids_left(new) == {new.pk, waiting.pk, dead.pk}


def test_purge_published__shorter_retention__is_followed(
    write: Emit, override: Callable[..., None]
) -> None:
    event = write(uuid4())
    change(event, "published_at = now() - interval '2 days'")
    override(events={"retention_days": 1})
    assert purge() == 1


def test_purge_published__more_than_a_batch__removes_all(
    write: Emit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "PURGE_BATCH", 2)
    for _ in range(5):
        change(write(uuid4()), f"published_at = {LONG_AGO}")
    assert purge() == 5


def test_purge_published__time_is_up__leaves_the_rest_for_the_next_round(
    write: Emit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "PURGE_BATCH", 2)
    monkeypatch.setattr(outbox, "PURGE_SECONDS", -1)
    for _ in range(3):
        change(write(uuid4()), f"published_at = {LONG_AGO}")
    assert [purge(), purge(), purge()] == [2, 1, 0]


def test_purge_published__partition_of_another_relay__is_left_to_it(write: Emit) -> None:
    event = write(key_in(3))
    change(event, f"published_at = {LONG_AGO}")
    assert purge(range(3)) == 0
    assert purge(range(3, 4)) == 1


def test_step__minute_by_minute__purges(write: Emit, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("drift_detector.events.relay.monotonic", lambda: now[0])
    events = [write(uuid4()), write(uuid4())]
    with connected_as(role_url("relay")):
        relay = Relay()
        relay.step()
        for event in events:
            change(event, f"published_at = {LONG_AGO}")
        relay.step()
        assert ids_left(events[0]) == {event.pk for event in events}
        now[0] = 60.0
        relay.step()
    assert ids_left(events[0]) == set()


def test_requeue__dead_one__is_published_as_it_was_in_its_keys_order(write: Emit) -> None:
    key = uuid4()
    dead, after = write(key), write(key)
    change(dead, "dead_at = now(), attempts = 5, last_error = 'too large'")
    with connected_as(role_url("relay")):
        assert outbox.requeue([dead.event_id]) == 1
    assert stored(dead, "attempts", "dead_at") == (0, None)
    assert steps() == [True]
    values = [message.value() for message in messages("drift.detected", key=key)]
    assert [
        event.envelope["id"].encode() in (value or b"")
        for event, value in zip([dead, after], values, strict=True)
    ]


@pytest.mark.parametrize("state", ["dead_at = NULL", "published_at = now()"])
def test_requeue__not_dead__changes_nothing(write: Emit, state: str) -> None:
    event = write(uuid4())
    change(event, f"attempts = 1, {state}")
    with connected_as(role_url("relay")):
        assert outbox.requeue([event.event_id, uuid4()]) == 0
        assert outbox.requeue(None) == 0
    assert stored(event, "attempts") == 1
