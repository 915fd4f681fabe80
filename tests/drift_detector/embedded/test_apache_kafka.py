"""Apache Kafka itself, where Java and Maven are found."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from drift_detector.embedded.apache_kafka import ApacheKafka
from drift_detector.embedded.java import fetch_kafka, java_program, kafka_jars
from drift_detector.embedded.kafka import TOPICS
from drift_detector.embedded.server import StartError
from drift_detector.embedded.stack import BROKER_VARIABLE, create_broker
from drift_detector.embedded.state import State
from tests.drift_detector.embedded.conftest import environment_of, marked_processes

# Where it is asked for, its jars are fetched once, before the tests.
IS_ASKED_FOR = os.environ.get(BROKER_VARIABLE) == "apache"
needs_java = pytest.mark.skipif(not IS_ASKED_FOR, reason="make test-kafka runs it")
EVENTS = [f"event {number}".encode() for number in range(40)]
PATIENCE_SECONDS = 30


@pytest.fixture
def durable(state: State) -> Iterator[ApacheKafka]:
    broker = ApacheKafka(state, durable=True)
    broker.start()
    yield broker
    broker.stop()


def produce(broker: ApacheKafka, values: list[bytes]) -> None:
    refused = []
    producer = Producer({"bootstrap.servers": broker.url, "enable.idempotence": True})
    for value in values:
        producer.produce(
            "drift.detected",
            partition=0,
            value=value,
            on_delivery=lambda error, _: refused.append(error) if error else None,
        )
    assert producer.flush(PATIENCE_SECONDS) == 0
    assert refused == []


def consume(broker: ApacheKafka, count: int) -> list[bytes | None]:
    consumer = Consumer({"bootstrap.servers": broker.url, "group.id": "test"})
    consumer.assign([TopicPartition("drift.detected", 0, 0)])
    found = consumer.consume(count, PATIENCE_SECONDS)
    consumer.close()
    return [message.value() for message in found]


@needs_java
def test_broker__killed_and_started_again__has_all_forty_events(durable: ApacheKafka) -> None:
    produce(durable, EVENTS)
    os.kill(durable.pid or 0, signal.SIGKILL)
    durable.stop()
    durable.start()
    assert consume(durable, len(EVENTS)) == EVENTS


@needs_java
def test_broker__stopped__keeps_its_log_and_leaves_no_process(
    durable: ApacheKafka, state: State
) -> None:
    produce(durable, EVENTS[:3])
    durable.stop()
    assert marked_processes(state.folder) == []
    durable.start()
    assert consume(durable, 3) == EVENTS[:3]


@needs_java
def test_broker__of_a_throwaway_stack__begins_empty(state: State) -> None:
    broker = ApacheKafka(state, durable=False)
    broker.start()
    produce(broker, EVENTS[:1])
    broker.stop()
    broker.start()
    client = AdminClient({"bootstrap.servers": broker.url})
    assert set(client.list_topics(timeout=PATIENCE_SECONDS).topics) == set(TOPICS)
    produce(broker, EVENTS[1:2])
    assert consume(broker, 1) == EVENTS[1:2]
    broker.stop()


@needs_java
def test_broker__started__listens_on_loopback_only(durable: ApacheKafka, state: State) -> None:
    process = psutil.Process(durable.pid)
    listening = [each for each in process.net_connections() if each.status == psutil.CONN_LISTEN]
    assert {each.laddr.ip.removeprefix("::ffff:") for each in listening} == {"127.0.0.1"}
    assert str(state.folder) in environment_of(process).values()


def test_create_broker__unknown_kind__says_which_there_are(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA", "rabbit")
    with pytest.raises(StartError, match="KAFKA is 'rabbit', but must be tansu or apache"):
        create_broker(state, durable=False)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH, besides the system's for scripts; empty at first."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return folder


def add_program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_java_program__none__says_what_is_missing(programs: Path) -> None:
    with pytest.raises(StartError, match=r"needs Java 17 .* there is no `java` here"):
        java_program()


def test_fetch_kafka__no_java__fails_and_says_so(
    programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch_kafka() == 1
    assert "there is no `java` here" in capsys.readouterr().err


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.2"])
def test_java_program__old__says_its_version(programs: Path, version: str) -> None:
    add_program(programs, "java", f"echo 'openjdk version \"{version}\" 2019-01-15' >&2")
    with pytest.raises(StartError, match=rf"is Java {version.split('.')[0]}\."):
        java_program()


def test_kafka_jars__no_maven__says_what_is_missing(programs: Path, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="there is no `mvn` here"):
        kafka_jars(tmp_path / "tools")


def test_kafka_jars__maven_fails__says_why(programs: Path, tmp_path: Path) -> None:
    add_program(programs, "mvn", "echo no such artifact; exit 1")
    with pytest.raises(StartError, match="no such artifact"):
        kafka_jars(tmp_path / "tools")


def test_kafka_jars__another_jar_than_pinned__is_refused_and_not_kept(
    programs: Path, tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    into = 'for each; do case $each in -DoutputDirectory=*) folder="${each#*=}";; esac; done'
    add_program(programs, "mvn", f'{into}; /bin/mkdir -p "$folder"; echo x > "$folder/evil.jar"')
    with pytest.raises(StartError, match="other jars"):
        kafka_jars(tools)
    assert list(tools.iterdir()) == []
