"""A topic of outcomes belongs to one tenant, whatever its messages say."""

import json
import logging
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from pydantic import SecretStr

from detections.models import ConsumerOffset, OutcomeStream
from detections.outcomes.consumer import OutcomeConsumer
from detections.outcomes.topics import OutcomeTopics
from drift_detector.events.kafka_clients import create_producer
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_tenant
from monitors.models import Monitor
from tests.detections.outcomes.test_consumer import dead_letters
from tests.drift_detector.events.conftest import BROKER
from tests.factories import eventually, make_monitor


@pytest.fixture
def prefix(override: Callable[..., None], settings: LazySettings) -> str:
    """The beginning of the names of this test's topics; `<prefix>.acme` is the tenant's."""
    name = f"o{uuid4().hex}"
    override(
        outcomes={
            "topic": f"{name}.{{tenant}}",
            "dead_letter_topic": f"{name}-dead",
            "group": name,
        },
        kafka={"config": {"topic.metadata.refresh.interval.ms": SecretStr("500")}},
    )
    return name


def make_topics(*names: str) -> None:
    admin = AdminClient({"bootstrap.servers": BROKER})
    for made in admin.create_topics([NewTopic(name, 1) for name in names]).values():
        made.result(10)


def monitor_of(tenant: Tenant) -> Monitor:
    with tenant_scope(tenant.id):
        return make_monitor()


@pytest.fixture
def own(committed_tenant: Tenant) -> Monitor:
    """A monitor of the tenant acme."""
    return monitor_of(committed_tenant)


@pytest.fixture
def foreign(committed: None) -> Monitor:
    """A monitor of the tenant rival."""
    return monitor_of(create_tenant(slug="rival", name="Rival"))


def send(topic: str, *bodies: dict[str, Any], headers: dict[str, str] | None = None) -> None:
    producer = create_producer()
    for body in bodies:
        value = json.dumps(body).encode()
        producer.produce(topic, value=value, partition=0, headers=dict(headers or {}), key=b"rival")
    producer.flush()


def consume(topic: str) -> None:
    consumer = OutcomeConsumer([0], topic)
    eventually(consumer.step)
    consumer.close()


def seen(monitor: Monitor) -> int:
    with tenant_scope(monitor.tenant_id):
        return sum(OutcomeStream.objects.values_list("sequence", flat=True))


def test_step__message_without_a_tenant__is_the_topics(prefix: str, own: Monitor) -> None:
    make_topics(f"{prefix}.acme", f"{prefix}-dead")
    named = {"monitor_id": str(own.id), "tenant_id": str(own.tenant_id), "error": 0}
    send(f"{prefix}.acme", {"monitor_id": str(own.id), "error": 1}, named)
    consume(f"{prefix}.acme")
    assert seen(own) == 2


def test_step__message_names_another_tenant__is_dead_lettered(
    prefix: str, own: Monitor, foreign: Monitor
) -> None:
    make_topics(f"{prefix}.acme", f"{prefix}-dead")
    theirs = {"monitor_id": str(foreign.id), "tenant_id": str(foreign.tenant_id), "error": 1}
    odd = {"monitor_id": str(own.id), "tenant_id": ["x"], "error": 1}
    send(f"{prefix}.acme", theirs, odd, {"monitor_id": str(own.id), "error": 0})
    consume(f"{prefix}.acme")
    assert (seen(own), seen(foreign)) == (1, 0)
    [(_, reason), _] = dead_letters(prefix)
    assert reason == "The message names another tenant than the one that the topic belongs to."


def test_step__header_and_key_name_another_tenant__change_nothing(
    prefix: str, own: Monitor, foreign: Monitor
) -> None:
    make_topics(f"{prefix}.acme", f"{prefix}-dead")
    body = {"monitor_id": str(foreign.id), "error": 1}
    tricks = {"tenant_id": str(foreign.tenant_id), "tenant": "rival", "topic": f"{prefix}.rival"}
    send(f"{prefix}.acme", body, headers=tricks)
    consume(f"{prefix}.acme")
    assert (seen(own), seen(foreign)) == (0, 0)
    assert "no such monitor" in dead_letters(prefix)[0][1]


def test_step__slug_of_no_tenant__is_dead_lettered(prefix: str, own: Monitor) -> None:
    make_topics(f"{prefix}.ACME", f"{prefix}-dead")
    send(f"{prefix}.ACME", {"monitor_id": str(own.id), "tenant_id": str(own.tenant_id), "error": 1})
    consume(f"{prefix}.ACME")
    assert seen(own) == 0
    assert "no tenant with the slug" in dead_letters(prefix)[0][1]


def test_step__topics_that_look_alike__are_not_read(prefix: str, own: Monitor) -> None:
    alike = [f"{prefix}-acme", f"{prefix}.acme.more", f"x{prefix}.acme", f"{prefix}-dead"]
    body = {"monitor_id": str(own.id), "tenant_id": str(own.tenant_id), "error": 1}
    make_topics(f"{prefix}.acme", *alike)
    for name in [f"{prefix}.acme", *alike]:
        send(name, body)
    consumer = OutcomeConsumer()
    eventually(consumer.step)
    for _ in range(6):
        consumer.step()
    consumer.close()
    assert seen(own) == 1
    offsets = ConsumerOffset.objects.filter(group=prefix)
    assert list(offsets.values_list("topic", flat=True)) == [f"{prefix}.acme"]


def test_step__tenant_and_topic_made_later__are_found(prefix: str, own: Monitor) -> None:
    make_topics(f"{prefix}.acme", f"{prefix}-dead")
    send(f"{prefix}.acme", {"monitor_id": str(own.id), "error": 1})
    consumer = OutcomeConsumer()
    eventually(consumer.step)
    later = monitor_of(create_tenant(slug="later_one-2", name="Later"))
    make_topics(f"{prefix}.later_one-2")
    send(f"{prefix}.later_one-2", {"monitor_id": str(later.id), "error": 1})
    eventually(lambda: consumer.step() and seen(later) == 1)
    consumer.close()
    assert seen(own) == 1


def test_init__topic_shared__warns_what_it_means(
    override: Callable[..., None], committed: None, caplog: pytest.LogCaptureFixture
) -> None:
    override(outcomes={"topic": "model.outcomes", "group": "before"})
    ConsumerOffset.objects.create(group="before", topic="outcomes.acme", partition=0, next_offset=1)
    with caplog.at_level(logging.WARNING):
        OutcomeConsumer([0]).close()
    assert "may write for every tenant" in caplog.text
    assert "['outcomes.acme']" in caplog.text


@pytest.mark.parametrize(
    "arguments", [["--partitions", "0"], ["--topic", "outcomes.acme"],
                  ["--partitions", "0", "--topic", "outcomes.acme.more"]],
)  # fmt: skip
def test_command__partitions_of_no_topic__are_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("consume_outcomes", *arguments)


@pytest.mark.parametrize(
    ("topic", "slug"),
    [
        ("outcomes.acme", "acme"),
        ("outcomes.a_b-C9", "a_b-C9"),
        ("outcomes.", None),
        ("outcomes.acme.x", None),
        ("outcomesXacme", None),
        ("x.outcomes.acme", None),
        ("outcomes.acme\n", None),
        ("outcomes.äcme", None),
        ("outcomes.(.*)", None),
    ],
)
def test_slug_of__topic__is_the_whole_of_its_last_part(topic: str, slug: str | None) -> None:
    assert OutcomeTopics("outcomes.{tenant}").slug_of(topic) == slug
