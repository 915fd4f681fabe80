"""The reports about a broker that is away: with a real one that is stopped and started, and with a clock."""

import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from confluent_kafka import KafkaError

from drift_detector.embedded.kafka import Kafka
from drift_detector.embedded.leftovers import end_leftovers
from drift_detector.embedded.stack import create_broker
from drift_detector.embedded.state import State
from drift_detector.events.broker_watch import BrokerWatch
from drift_detector.events.kafka_clients import (
    WatchedConsumer,
    WatchedProducer,
    create_consumer,
    create_producer,
)
from drift_detector.observability.heartbeats import Heartbeat
from drift_detector.observability.troubles import troubles
from tests.drift_detector.samples import sample

DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")
REFUSED = KafkaError(KafkaError._TRANSPORT, "connection refused")
FORBIDDEN = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "Topic authorization failed")


PATIENCE_SECONDS = 60


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(clock: Clock, caplog: pytest.LogCaptureFixture) -> Iterator[BrokerWatch]:
    caplog.set_level(logging.INFO)
    watch = BrokerWatch("consumer", clock=clock)
    yield watch
    watch.check(lambda: True)
    clock.now += 10_000
    watch.check(lambda: True)
    assert troubles() == {}


def test_on_error__an_hour_of_outage__is_told_once_a_minute(
    watch: BrokerWatch, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3600):
        for error in (REFUSED, DOWN):
            watch.on_error(error)
        watch.log(logging.ERROR, "%s [%s] %s", "FAIL", "rdkafka#1", "connection refused")
        watch.check(lambda: False)
        clock.now += 1
    assert caplog.text.count("kafka_unavailable") == 60
    watch.check(lambda: True)
    assert caplog.text.count("'kafka_available'") == 1
    assert len(caplog.records) == 61


def test_check__outage_lasts__counts_the_errors_of_each_minute(
    watch: BrokerWatch, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        watch.on_error(DOWN)
    clock.now += 61
    watch.check(lambda: False)
    assert "'errors': 5" in caplog.text
    assert "'seconds': 61" in caplog.text


def test_on_error__outage__is_in_healthz_and_the_metrics_until_it_ends(
    watch: BrokerWatch, clock: Clock
) -> None:
    watch.on_error(REFUSED)
    watch.on_error(DOWN)
    assert Heartbeat("consumer").as_json()["troubles"] == {
        "kafka consumer": "unreachable: connection refused"
    }
    labels = {"client": "consumer", "reason": "unreachable"}
    assert sample("drift_kafka_trouble", **labels) == 1
    clock.now += 6
    watch.check(lambda: True)
    assert Heartbeat("consumer").as_json()["troubles"] == {}
    assert sample("drift_kafka_trouble", **labels) == 0


def test_on_delivery__right_missing__is_told_until_a_message_arrives(
    watch: BrokerWatch, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        watch.on_delivery("drift.detected", FORBIDDEN)
    assert caplog.text.count("kafka_right_missing") == 1
    assert "Topic authorization failed" in troubles()["kafka consumer"]
    watch.on_delivery("drift.alert_raised", None)
    assert troubles()
    watch.on_delivery("drift.detected", None)
    assert troubles() == {}


def test_log__other_lines_again_and_again__are_told_once_a_minute(
    watch: BrokerWatch, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(200):
        watch.log(logging.WARNING, "%s [%s] %s", "REQTMOUT", "rdkafka#1", "timed out")
        clock.now += 0.5
    assert caplog.text.count("REQTMOUT") == 2
    assert "'lines': 120" in caplog.text


@pytest.fixture
def broker(tmp_path: Path, override: Callable[..., None]) -> Iterator[Kafka]:
    """A broker of this test's own, to which new clients go."""
    broker = create_broker(State(tmp_path / "state"), durable=True)
    broker.start()
    override(kafka={"bootstrap_servers": broker.url})
    yield broker
    broker.stop()
    end_leftovers(tmp_path / "state")


@pytest.fixture(params=["consumer", "producer"])
def poll(broker: Kafka, request: pytest.FixtureRequest) -> Iterator[Callable[[], None]]:
    """One round of a client that is connected."""
    if request.param == "producer":
        producer: WatchedProducer = create_producer()

        def produce() -> None:
            producer.produce("drift.detected", b"x")
            producer.poll(0.2)
            producer.check()

        yield produce
        producer.purge()
        return
    consumer: WatchedConsumer = create_consumer(group="watched", reset="earliest")
    consumer.subscribe(["drift.detected"])

    def consume() -> None:
        consumer.consume(10, 0.2)
        consumer.check()

    yield consume
    consumer.close()


def test_clients__broker_stopped_and_started__say_so_once_each(
    broker: Kafka,
    poll: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    poll_for(4, poll)
    caplog.set_level(logging.INFO)
    caplog.clear()
    broker.stop()
    poll_for(15, poll)
    assert caplog.text.count("kafka_unavailable") == 1
    assert len(caplog.records) <= 4
    assert troubles()
    broker.start()
    poll_for(PATIENCE_SECONDS, poll, until=lambda: not troubles())
    assert caplog.text.count("'kafka_available'") == 1
    assert "rdkafka" not in capfd.readouterr().err


def poll_for(
    seconds: float, poll: Callable[[], object], until: Callable[[], bool] = lambda: False
) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        poll()


@contextmanager
def slammed_door() -> Iterator[tuple[int, list[float]]]:
    """A port where each connection is closed at once, and when they came."""
    came: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    listener.accept()[0].close()
                except OSError:
                    return
                came.append(time.monotonic())

        Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1], came
        listener.shutdown(socket.SHUT_RDWR)


def test_consumer__no_broker_behind_the_port__tries_ever_more_seldom(
    override: Callable[..., None],
) -> None:
    with slammed_door() as (port, came):
        override(kafka={"bootstrap_servers": f"127.0.0.1:{port}"})
        consumer = create_consumer(group="x", reset="earliest")
        consumer.subscribe(["drift.detected"])
        poll_for(15, lambda: consumer.consume(1, 0.2))
        consumer.close()
    assert 3 <= len(came) <= 15
    assert came[-1] - came[-2] > 2
