"""The events of the outbox about alerts: their topics, their schemas, their links."""

from collections.abc import Callable

import pytest
from django.conf import settings

from alerts.episodes.announcements import announce, announce_acknowledged
from alerts.episodes.events import Circumstances, move
from alerts.episodes.phases import Move
from alerts.models import Alert
from drift_detector.events.models import OutboxEvent
from drift_detector.events.services import topics
from monitors.models import Monitor
from tests.alerts.conftest import Settle

RESOLVED, ACKNOWLEDGED = "team.resolved", "team.acknowledged"


@pytest.fixture
def named(override: Callable[..., None]) -> None:
    """Settings that name the topics and the address of the service."""
    events = settings.ENV.events.model_copy(
        update={"alert_resolved_topic": RESOLVED, "alert_acknowledged_topic": ACKNOWLEDGED}
    )
    override(events=events, public_url="https://drift.example.com/")


def published(topic: str) -> OutboxEvent:
    return OutboxEvent.objects.get(topic=topic)


def test_resolved__topic_not_named__is_not_published(settle: Settle) -> None:
    settle(3)
    before = OutboxEvent.objects.count()
    settle(4, "ok")
    assert OutboxEvent.objects.count() == before


@pytest.mark.usefixtures("named")
def test_resolved__topic_named__is_published_once_with_a_link(settle: Settle) -> None:
    settle(3)
    settle(4, "ok")
    settle(5, "ok")
    envelope, alert = published(RESOLVED).envelope, Alert.objects.get()
    assert (envelope["type"], envelope["data"]["alert_id"]) == (
        "drift.alert_resolved",
        str(alert.id),
    )
    page = f"https://drift.example.com/admin/alerts/{alert.id}/"
    assert envelope["data"]["url"] == page
    assert envelope["data"]["run_id"] == str(alert.last_run_id)


@pytest.mark.usefixtures("named")
def test_every_event_of_a_run__has_a_link(settle: Settle) -> None:
    settle(3)
    topics = OutboxEvent.objects.order_by("topic").values_list("topic", flat=True)
    assert list(topics) == ["drift.alert_raised", "drift.detected"]
    for event in OutboxEvent.objects.all():
        assert event.envelope["data"]["url"].startswith("https://drift.example.com/admin/")


def test_event__no_public_address__has_no_link(settle: Settle) -> None:
    settle(3)
    assert not any("url" in event.envelope["data"] for event in OutboxEvent.objects.all())


@pytest.mark.usefixtures("named")
def test_acknowledged__topic_named__says_who_and_why(settle: Settle) -> None:
    settle(3)
    alert = Alert.objects.get()
    event = move(alert, Move.ACKNOWLEDGED, Circumstances(actor="user:ana", note="On it."))
    announce_acknowledged(alert, event)
    data = published(ACKNOWLEDGED).envelope["data"]
    assert (data["acknowledged_by"], data["note"]) == ("user:ana", "On it.")


def test_raised__about_health__has_no_run_and_is_version_two(monitor: Monitor) -> None:
    alert = Alert(
        tenant_id=monitor.tenant_id,
        monitor=monitor,
        kind="health",
        severity="critical",
        peak_severity="critical",
        summary="Flights: no run has succeeded.",
    )
    announce(alert, move(alert, Move.OPENED, Circumstances(notifies=True)))
    envelope = published("drift.alert_raised").envelope
    assert envelope["dataschema"] == "urn:aumos:drift-detector:drift.alert_raised:v2"
    assert (envelope["data"]["run_id"], envelope["data"]["kind"]) == (None, "health")


@pytest.mark.usefixtures("named")
def test_topics__those_named_are_among_them(monitor: Monitor) -> None:
    assert set(topics()) >= {RESOLVED, ACKNOWLEDGED, "drift.detected"}
