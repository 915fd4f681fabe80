"""The commands as operators start them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import StringIO
from uuid import uuid4

from django.core.management import call_command

from drift_detector.events.models import OutboxEvent
from drift_detector.events.services import EventType
from tests.conftest import role_url
from tests.drift_detector.events.conftest import Emit, messages, steps
from tests.factories import eventually, rows_of


@contextmanager
def relay_process() -> Iterator[subprocess.Popen[bytes]]:
    """`manage.py relay` as its role; what it logs is in the report of a test that fails."""
    environment = os.environ | {"AUMOS_DRIFT_DATABASE__URL": role_url("relay"), "AUMOS_DRIFT_DATABASE__POOL_SIZE": "0"}
    process = subprocess.Popen([sys.executable, "manage.py", "relay"], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def is_marked(event: OutboxEvent) -> bool:
    query = "SELECT 1 FROM drf_outbox WHERE id = %s AND published_at IS NOT NULL"
    return bool(rows_of(event.tenant_id, query, event.pk))


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


def test_relay__killed__the_one_standing_by_takes_over(write: Emit) -> None:
    with relay_process() as first:
        eventually(partial(is_marked, write(uuid4())))
        with relay_process():
            first.kill()
            assert eventually(partial(is_marked, write(uuid4())))


def test_tail_events__topic__prints_a_json_document_a_line(write: Emit) -> None:
    event = write(uuid4(), EventType.RETRAINING_REQUIRED)
    assert steps() == [True]
    found = tail("--topic", "drift.retraining_required")
    assert [each for each in found if each["id"] == str(event.event_id)] == [event.envelope]
    assert {each["type"] for each in found} == {"drift.retraining_required"}


def test_tail_events__all_topics__prints_each_type(write: Emit) -> None:
    events = [write(uuid4(), event_type) for event_type in EventType]
    assert steps() == [True]
    assert {str(event.event_id) for event in events} <= {str(each["id"]) for each in tail()}
