"""Logins, rights and certificates on a real Apache Kafka: each process may do its work, and nothing else."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from pydantic import SecretStr

from detections.models import OutcomeStream
from detections.outcomes.consumer import OutcomeConsumer
from drift_detector.embedded.leftovers import end_leftovers
from drift_detector.embedded.stack import BROKER_VARIABLE
from drift_detector.embedded.state import State
from drift_detector.events.kafka_clients import create_consumer, create_producer
from drift_detector.events.services import EventType
from drift_detector.observability.heartbeats import Heartbeat
from drift_detector.observability.troubles import end_trouble, troubles
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from tests.drift_detector.events.certificates import Authority
from tests.drift_detector.events.conftest import Emit, steps, stored, wait_for_trouble
from tests.drift_detector.events.secured_kafka import (
    SecuredKafka,
    documented_rights,
    grant_documented_rights,
)
from tests.drift_detector.samples import sample
from tests.factories import eventually, make_monitor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get(BROKER_VARIABLE) != "apache", reason="make test-kafka runs it"
    ),
]
TENANTS = ("acme", "rival")

type As = Callable[..., None]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    folder = tmp_path_factory.mktemp("secured")
    broker = SecuredKafka(State(folder / "state"), Authority.create(folder / "keys"))
    broker.start()
    try:
        grant_documented_rights(broker, *TENANTS)
        make_topics(broker)
        yield broker
    finally:
        broker.stop()
        end_leftovers(folder / "state")


def make_topics(broker: SecuredKafka) -> None:
    topics = [NewTopic(f"outcomes.{tenant}", 1, 1) for tenant in TENANTS]
    admin = AdminClient(broker.admin_settings())
    for made in admin.create_topics(topics).values():
        made.result(10)


@pytest.fixture
def acting_as(broker: SecuredKafka, override: Callable[..., None]) -> Iterator[As]:
    """Give this process's settings another login: `acting_as("relay")`."""

    def sign_in(login: str, password: str | None = None) -> None:
        override(
            kafka={
                "bootstrap_servers": broker.url,
                "security_protocol": "SASL_SSL",
                "sasl_username": login,
                "sasl_password": SecretStr(password or broker.password(login)),
                "ssl_ca_location": broker.authority.file,
            },
            outcomes={"topic": "outcomes.{tenant}", "group": "aumos-drift-detector"},
        )

    yield sign_in
    for name in troubles():
        end_trouble(name)


def read(broker: SecuredKafka, topic: str) -> list[Message]:
    """All messages of a topic, as the admin sees them."""
    consumer = Consumer(broker.admin_settings() | {"group.id": str(uuid4())})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    found = consumer.consume(1000, 5)
    consumer.close()
    return found


def send(topic: str, body: dict[str, Any]) -> KafkaError | None:
    """Send with the settings' login; returns what the broker has against it."""
    errors: list[KafkaError | None] = []
    producer = create_producer(**{"delivery.timeout.ms": 10_000})
    producer.produce(
        topic, json.dumps(body).encode(), on_delivery=lambda error, _: errors.append(error)
    )
    producer.flush()
    return errors[0]


def test_relay__its_own_login__publishes(broker: SecuredKafka, acting_as: As, write: Emit) -> None:
    event = write(uuid4())
    acting_as("relay")
    eventually(lambda: steps() == [True])  # a right holds some moments after it is granted
    assert stored(event, "published_at") is not None
    [message] = read(broker, "drift.detected")
    assert json.loads(message.value() or b"")["id"] == str(event.event_id)


def test_relay__login_without_the_right__waits_and_names_the_error(
    acting_as: As, write: Emit, caplog: pytest.LogCaptureFixture
) -> None:
    event = write(uuid4(), EventType.ALERT_RAISED)
    acting_as("stranger")
    eventually(lambda: steps() == [False] and "kafka producer" in troubles())
    assert stored(event, "published_at") is None
    said = Heartbeat("relay").as_json()["troubles"]["kafka producer"]
    assert "authorization" in said
    assert "kafka_right_missing" in caplog.text
    assert "drift.alert_raised" in caplog.text
    assert sample("drift_kafka_trouble", client="producer", reason="authorization") == 1


def test_consumer__its_own_login__takes_in_what_a_tenants_sender_sends(
    acting_as: As, committed_tenant: Tenant
) -> None:
    with tenant_scope(committed_tenant.id):
        monitor = make_monitor()
    acting_as("sender-acme")
    assert send("outcomes.acme", {"monitor_id": str(monitor.id), "error": 1}) is None
    acting_as("consumer")
    consumer = OutcomeConsumer()
    eventually(consumer.step)
    consumer.close()
    with tenant_scope(committed_tenant.id):
        assert OutcomeStream.objects.get().sequence == 1


@pytest.mark.parametrize(
    ("login", "topic"),
    [
        ("sender-acme", "outcomes.rival"),
        ("sender-acme", "outcomes.acme2"),
        ("sender-acme", "model.outcomes.dead"),
        ("sender-acme", "drift.detected"),
        ("relay", "outcomes.acme"),
        ("consumer", "outcomes.acme"),
        ("consumer", "drift.detected"),
        ("stranger", "outcomes.acme"),
    ],
)
def test_produce__topic_of_another__is_refused(acting_as: As, login: str, topic: str) -> None:
    acting_as(login)
    error = send(topic, {"error": 1})
    assert error is not None
    assert error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


@pytest.mark.parametrize("login", ["relay", "sender-acme", "sender-rival", "stranger"])
def test_consume__login_that_only_writes__reads_nothing(acting_as: As, login: str) -> None:
    acting_as(login)
    consumer = create_consumer(group="aumos-drift-detector", reset="earliest")
    consumer.assign([TopicPartition("outcomes.acme", 0, 0)])
    found = consumer.consume(1, 5)
    consumer.close()
    assert [message.value() for message in found if message.error() is None] == []
    codes = {error.code() for message in found if (error := message.error()) is not None}
    assert codes <= {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
    }


def test_rights__of_the_table__are_those_granted_and_no_more(broker: SecuredKafka) -> None:
    logins = {right.principal for right in documented_rights("acme")}
    assert logins == {"User:relay", "User:consumer", "User:sender-acme"}


def test_producer__wrong_password__is_named_and_shown_nowhere(
    acting_as: As, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    acting_as("relay", "wrong-canary-password")
    producer = create_producer()
    wait_for_trouble(producer)
    assert "authentication" in Heartbeat("relay").as_json()["troubles"]["kafka producer"]
    assert sample("drift_kafka_trouble", client="producer", reason="authentication") == 1
    shown = caplog.text + "".join(capfd.readouterr()) + json.dumps(troubles())
    assert "kafka_unavailable" in shown
    assert "canary" not in shown


def test_producer__plain_connection__gets_no_answer(broker: SecuredKafka) -> None:
    producer = Producer({"bootstrap.servers": broker.url, "log_level": 0})
    producer.produce("drift.detected", b"x")
    assert producer.flush(5) == 1
    producer.purge()
