"""The example of a consumer, as its reader would start it."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from confluent_kafka import Producer
from django.db import connection
from psycopg import sql

from drift_detector.events.services import EventType
from tests.conftest import role_url
from tests.drift_detector.events.conftest import BROKER
from tests.drift_detector.events.test_schemas import envelope_of
from tests.factories import eventually

SCRIPT = Path(__file__).parents[3] / "docs" / "examples" / "retrain_consumer.py"


@pytest.fixture
def database_url(django_db_setup: None) -> Iterator[str]:
    """An empty database of the consumer's own."""
    name = f"{connection.settings_dict['NAME']}_consumer"
    with psycopg.connect(role_url("owner", "drift"), autocommit=True) as cluster:
        cluster.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield role_url("owner", name)
        cluster.execute(sql.SQL("DROP DATABASE {} (FORCE)").format(sql.Identifier(name)))


@contextmanager
def consumer(database_url: str, log: Path) -> Iterator[None]:
    """The running script, in a consumer group that has read nothing yet; told to stop in the end."""
    variables = {
        "KAFKA_BOOTSTRAP_SERVERS": BROKER,
        "DATABASE_URL": database_url,
        "CONSUMER_GROUP": f"test-{uuid4()}",
    }
    with log.open("w") as stderr:
        process = subprocess.Popen([sys.executable, str(SCRIPT)], env=variables, stderr=stderr)
        try:
            yield
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, log.read_text()
        finally:
            process.kill()
            process.wait()


def event(event_type: EventType, monitor: UUID, seq: int) -> dict[str, Any]:
    return envelope_of(event_type) | {"subject": str(monitor), "seq": seq}


def deliver(*events: dict[str, Any]) -> None:
    producer = Producer({"bootstrap.servers": BROKER})
    for each in events:
        producer.produce(each["type"], key=each["subject"], value=json.dumps(each))
    assert producer.flush(10) == 0


def rows(database_url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database_url) as database:
        return database.execute(query).fetchall()


def has_come(database_url: str, event: dict[str, Any]) -> bool:
    try:
        return (event["id"],) in rows(database_url, "SELECT event_id::text FROM inbox")
    except psycopg.errors.UndefinedTable:
        return False


def test_consumer__delivered_twice_and_offsets_lost__trains_once(
    database_url: str, tmp_path: Path
) -> None:
    monitor = uuid4()
    asked, last = (event(EventType.RETRAINING_REQUIRED, monitor, seq) for seq in (1, 2))
    deliver(asked, asked, last)
    trainings = "SELECT event_id::text, count(*) FROM trainings GROUP BY 1"
    with consumer(database_url, tmp_path / "log"):
        eventually(lambda: has_come(database_url, last))
    assert f"event {asked['id']} was delivered again" in (tmp_path / "log").read_text()
    with consumer(database_url, tmp_path / "log"):
        eventually(
            lambda: f"event {last['id']} was delivered again" in (tmp_path / "log").read_text()
        )
    assert {(asked["id"], 1), (last["id"], 1)} <= set(rows(database_url, trainings))
    assert {count for _, count in rows(database_url, trainings)} == {1}


def test_consumer__numbers_missing__are_told(database_url: str, tmp_path: Path) -> None:
    monitor = uuid4()
    first, fourth = (event(EventType.DETECTED, monitor, seq) for seq in (1, 4))
    deliver(first, fourth)
    with consumer(database_url, tmp_path / "log"):
        eventually(lambda: has_come(database_url, fourth))
    told = [line for line in (tmp_path / "log").read_text().splitlines() if str(monitor) in line]
    assert [line.split(":")[-1] for line in told] == [" 4 came, 2 to 3 have not yet"]
    assert (fourth["id"],) not in rows(database_url, "SELECT event_id::text FROM trainings")
