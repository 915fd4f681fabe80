"""Wake-ups, read from Valkey."""

import os
import socket
import subprocess
import sys
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.db import transaction
from kombu.exceptions import OperationalError
from prometheus_client import REGISTRY

from drift_detector.celery import (
    BROKER_RUN_ID_KEY,
    Priority,
    TaskMessage,
    app,
    enqueue,
    enqueue_all,
    new_broker_run_id,
    remember_broker_run_id,
)
from tests.factories import wake_ups

TASK = "test.nobody_takes_this"


def valkey() -> redis.Redis:
    return redis.Redis.from_url(os.environ["AUMOS_DRIFT_REDIS__URL"])


def ids() -> list[str]:
    return [each["run_id"] for each in wake_ups(TASK)]


def test_enqueue__committed__sends_the_ids_as_text(committed: None) -> None:
    run_id = uuid4()
    with transaction.atomic():
        enqueue(TASK, run_id=run_id)
        assert str(run_id) not in ids()
    assert ids().count(str(run_id)) == 1


def test_enqueue__rolled_back__sends_nothing(committed: None) -> None:
    run_id = uuid4()
    with transaction.atomic():
        enqueue(TASK, run_id=run_id)
        transaction.set_rollback(True)
    assert str(run_id) not in ids()


def test_enqueue__broker_away__leaves_the_transaction_committed() -> None:
    code = f"""
import django
django.setup()
from uuid import uuid4
from django.db import transaction
from drift_detector.celery import enqueue
from prometheus_client import REGISTRY
with transaction.atomic():
    enqueue({TASK!r}, run_id=uuid4())
    transaction.on_commit(lambda: print("went on"))
print("not sent:", REGISTRY.get_sample_value("drift_wake_ups_not_sent_total"))
"""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        away = {
            "AUMOS_DRIFT_REDIS__URL": f"redis://127.0.0.1:{taken.getsockname()[1]}/0",
            "AUMOS_DRIFT_LOG__LEVEL": "INFO",
        }
        environment = os.environ | away | {"DJANGO_SETTINGS_MODULE": "drift_detector.settings"}
        process = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    assert process.stdout == "went on\nnot sent: 1.0\n"
    assert "wake_ups_not_sent" in process.stderr


def test_enqueue_all__broker_away__is_tried_once_and_all_are_counted(
    committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def fail(task: str, **_: object) -> None:
        tried.append(task)
        raise OperationalError("away")

    monkeypatch.setattr(
        app, "send_task", fail
    )  # a broker that answers nothing at all takes two seconds a message
    before = REGISTRY.get_sample_value("drift_wake_ups_not_sent_total") or 0.0
    enqueue_all([TaskMessage(TASK, {"run_id": uuid4()})] * 500)
    assert tried == [TASK]
    assert REGISTRY.get_sample_value("drift_wake_ups_not_sent_total") == before + 500


def test_enqueue_all__broker_goes_away__what_was_not_sent_is_told(
    committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([None, OperationalError("away")])

    def answer(*_: object, **__: object) -> None:
        if error := next(answers):
            raise error

    monkeypatch.setattr(app, "send_task", answer)
    wanted = [TaskMessage(TASK, {"run_id": uuid4()}) for _ in range(3)]
    told: list[TaskMessage] = []
    enqueue_all(wanted, unsent=told.extend)
    assert told == wanted[1:]


def test_new_life__remembered__is_told_again_when_the_broker_was_emptied(
    empty_broker: None,
) -> None:
    life = new_broker_run_id()
    assert life
    assert new_broker_run_id() == life
    remember_broker_run_id(life)
    assert new_broker_run_id() is None
    with valkey() as client:
        client.flushdb()
    assert new_broker_run_id() == life


def test_new_life__broker_restarted_with_what_it_had__is_told() -> None:
    with valkey() as client:
        client.set(BROKER_RUN_ID_KEY, "the name before")
    assert new_broker_run_id() not in {None, "the name before"}


def test_new_life__broker_away__is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        monkeypatch.setattr(app.conf, "broker_url", f"redis://127.0.0.1:{taken.getsockname()[1]}/0")
        assert new_broker_run_id() is None
        remember_broker_run_id("of no use")


def test_enqueue_all__lines__a_consumer_gets_them_in_their_order(
    committed: None, empty_broker: None
) -> None:
    sent = {line: uuid4() for line in reversed(Priority)}
    enqueue_all([TaskMessage(TASK, {"run_id": run_id}, line) for line, run_id in sent.items()])
    got: list[str] = []

    def take(body: Any, message: Any) -> None:
        got.append(body[1]["run_id"])
        message.ack()

    with app.connection_for_read() as broker:
        queue = app.amqp.queues[app.conf.task_default_queue]
        consumer = broker.Consumer([queue], callbacks=[take])
        consumer.qos(prefetch_count=1)
        with consumer:
            while len(got) < len(sent):
                broker.drain_events(timeout=10)
    assert got == [
        str(sent[line]) for line in (Priority.TICK, Priority.BACKFILL, Priority.BACKGROUND)
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("task_acks_late", True),
        ("task_reject_on_worker_lost", True),
        ("worker_prefetch_multiplier", 1),
        ("worker_disable_prefetch", True),
        ("accept_content", ["json"]),
        ("task_serializer", "json"),
        ("task_ignore_result", True),
    ],
)
def test_app__what_the_design_asks_for__is_set(name: str, value: object) -> None:
    assert app.conf[name] == value


def test_app__longest_task__ends_before_its_message_is_given_to_another() -> None:
    assert app.conf.task_soft_time_limit < app.conf.task_time_limit
    assert app.conf.task_time_limit < app.conf.broker_transport_options["visibility_timeout"]
