"""Wake-ups, read from Valkey."""

import os
import socket
import subprocess
import sys
from uuid import uuid4

import pytest
from django.db import transaction

from drift_detector.celery import app, enqueue
from tests.factories import wake_ups

TASK = "test.nobody_takes_this"


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
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=30, check=True
        )
    assert process.stdout == "went on\nnot sent: 1.0\n"
    assert "wake_up_not_sent" in process.stderr


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
