"""The commands as operators start them."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from drift_detector.events.models import OutboxEvent
from drift_detector.events.partitions import partition_owners
from drift_detector.events.services import ALWAYS_PUBLISHED, EventType
from tests.conftest import connected_as, role_url
from tests.drift_detector.events.conftest import Emit, change, key_in, messages, steps
from tests.factories import eventually, rows_of


@contextmanager
def relay_process() -> Iterator[subprocess.Popen[bytes]]:
    """`manage.py relay` as its role; what it logs is in the report of a test that fails."""
    environment = os.environ | {
        "AUMOS_DRIFT_DATABASE__URL": role_url("relay"),
        "AUMOS_DRIFT_DATABASE__POOL_SIZE": "0",
    }
    process = subprocess.Popen([sys.executable, "manage.py", "relay"], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def is_marked(event: OutboxEvent) -> bool:
    query = "SELECT 1 FROM drf_outbox WHERE id = %s AND published_at IS NOT NULL"
    return bool(rows_of(event.tenant_id, query, event.pk))


def owner_count() -> int:
    """How many relays own partitions."""
    with connected_as(role_url("relay")):
        return len(set(partition_owners().values()))


def outbox(*arguments: str) -> list[str]:
    """What `manage.py outbox` prints as the relay's role."""
    out = StringIO()
    with connected_as(role_url("relay")):
        call_command("outbox", *arguments, stdout=out)
    return out.getvalue().splitlines()


def tail(*options: str) -> list[dict[str, object]]:
    out = StringIO()
    call_command("tail_events", *options, stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_relay__running__publishes_what_is_committed_later_and_ends_on_term(write: Emit) -> None:
    with relay_process() as process:
        for key in (uuid4(), uuid4()):
            event = write(key)
            eventually(partial(is_marked, event))
            assert len(messages("drift.detected", key=key)) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_relay__killed__its_partitions_are_taken_over(write: Emit) -> None:
    with relay_process() as first, relay_process():
        eventually(lambda: owner_count() == 2)
        first.kill()
        events = [write(key_in(number)) for number in range(16)]
        assert eventually(lambda: all(is_marked(event) for event in events))


def test_outbox__nothing_waits__says_so_and_who_owns_what(committed: None) -> None:
    lines = outbox()
    assert lines[0] == "0 waiting, - the oldest; 0 dead"
    assert [line.split() for line in lines[-16:]] == [
        [str(number), "0", "-", "0", "nobody"] for number in range(16)
    ]


def test_outbox__some_wait_and_one_is_dead__are_counted_by_topic_and_partition(write: Emit) -> None:
    waiting, dead = write(key_in(3)), write(key_in(4), EventType.ALERT_RAISED)
    change(waiting, "created_at = now() - interval '100 seconds'")
    change(dead, "dead_at = now()")
    change(write(key_in(5)), "published_at = now()")
    summary, _, *lines = outbox()
    assert re.fullmatch(r"1 waiting, 1\d\d s the oldest; 1 dead", summary)
    assert [re.sub(r"1\d\d s", "age", line).split() for line in lines[:2]] == [
        ["drift.alert_raised", "0", "-", "1", "0"],
        ["drift.detected", "1", "age", "0", "0"],
    ]
    assert [line.split()[:2] for line in lines[-16:]][3:6] == [["3", "1"], ["4", "0"], ["5", "0"]]


def test_outbox__topic_is_missing__says_so_and_how_many_are_put_off(write: Emit) -> None:
    stuck, published = write(key_in(3)), write(key_in(4))
    write(key_in(3))
    change(
        stuck, "attempts = 9, not_before = now(), last_error = 'Broker: Unknown topic or partition'"
    )
    change(published, "published_at = now(), attempts = 2")
    _, head, line, *_ = outbox()
    assert re.split(r"\s{2,}", head)[3:] == ["DEAD", "PUT OFF", "REASON"]
    assert re.split(r"\s{2,}", line)[3:] == ["0", "1", "Broker: Unknown topic or partition"]


def test_outbox__a_relay_runs__names_its_session(write: Emit) -> None:
    with relay_process():
        eventually(lambda: owner_count() == 1)
        sessions = {line.split()[-1] for line in outbox()[-16:]}
    assert len(sessions) == 1
    assert sessions.pop().isdecimal()


def test_outbox_dead__one_given_up__is_listed_with_its_reason(write: Emit) -> None:
    event = write(uuid4())
    write(uuid4())
    change(event, "dead_at = '2024-01-29 08:00Z', last_error = 'Broker: Invalid topic'")
    head, line = outbox("dead")
    assert head.split()[0] == "EVENT"
    expected = [
        event.event_id,
        "drift.detected",
        event.key,
        1,
        "2024-01-29T08:00:00Z",
        "Broker: Invalid topic",
    ]
    assert re.split(r"\s{2,}", line) == [str(each) for each in expected]


@pytest.mark.parametrize("names_it", [True, False])
def test_outbox_requeue__dead_ones__wait_again(write: Emit, names_it: bool) -> None:
    event = write(uuid4())
    change(event, "dead_at = now(), attempts = 5")
    assert outbox("requeue", str(event.event_id) if names_it else "--all") == ["1 requeued"]
    assert steps() == [True]
    assert is_marked(event)


@pytest.mark.parametrize("arguments", [[], ["--all", str(uuid4())]])
def test_outbox_requeue__unclear_which__is_refused(committed: None, arguments: list[str]) -> None:
    with pytest.raises(CommandError, match="--all"):
        outbox("requeue", *arguments)


def test_outbox_requeue__not_dead__is_said(write: Emit) -> None:
    with pytest.raises(CommandError, match="1 of these are not dead-lettered"):
        outbox("requeue", str(write(uuid4()).event_id))


def test_outbox__as_the_apps_role__refuses_to_look(write: Emit) -> None:
    with pytest.raises(CommandError, match="drift_commands cannot see"):
        call_command("outbox")


def test_tail_events__topic__prints_a_json_document_a_line(write: Emit) -> None:
    event = write(uuid4(), EventType.RETRAINING_REQUIRED)
    assert steps() == [True]
    found = tail("--topic", "drift.retraining_required")
    assert [each for each in found if each["id"] == str(event.event_id)] == [event.envelope]
    assert {each["type"] for each in found} == {"drift.retraining_required"}


def test_tail_events__all_topics__prints_each_type(write: Emit) -> None:
    events = [write(uuid4(), event_type) for event_type in ALWAYS_PUBLISHED]
    assert steps() == [True]
    assert {str(event.event_id) for event in events} <= {str(each["id"]) for each in tail()}
