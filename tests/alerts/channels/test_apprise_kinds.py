"""Kinds of apprise as the other side sees them: its plugins send to a server on loopback here."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from apprise.plugins import discord, pagerduty

from alerts.channels.channel_kind import Destination, Topic
from alerts.channels.channel_registry import CHANNEL_KINDS
from alerts.channels.kinds import opsgenie_channel
from drift_detector.observability.logging import logging_config
from tests.alerts.channels.messages import ADDRESSES, ALERT_ID, message
from tests.drift_detector.outbound.receivers import Receiver, receiving

PAGERDUTY, DISCORD = CHANNEL_KINDS["pagerduty"], CHANNEL_KINDS["discord"]


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as found:
        base = f"http://127.0.0.1:{found.port}"
        monkeypatch.setattr(pagerduty, "PAGERDUTY_API_LOOKUP", {"us": base})
        monkeypatch.setattr(discord.NotifyDiscord, "notify_url", f"{base}/api/webhooks")
        yield found


def test_pagerduty__raised_and_resolved__is_one_incident(receiver: Receiver) -> None:
    receiver.answer = (202, b"{}")
    destination = Destination(ADDRESSES["pagerduty"])
    for topic in (Topic.RAISED, Topic.RAISED, Topic.RESOLVED):
        assert PAGERDUTY.send(destination, message(topic), seconds=5).is_ok
    sent = [json.loads(each.body) for each in receiver.requests]
    assert [each["event_action"] for each in sent] == ["trigger", "trigger", "resolve"]
    assert {each["dedup_key"] for each in sent} == {str(ALERT_ID)}
    assert sent[0]["payload"]["severity"] == "critical"


def test_pagerduty__refusal__is_said(receiver: Receiver) -> None:
    receiver.answer = (400, b"bad")
    reply = PAGERDUTY.send(Destination(ADDRESSES["pagerduty"]), message(), seconds=5)
    assert not reply.is_ok
    assert "error=400" in reply.said


def test_apprise__message_that_names_the_key__is_scrubbed(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its words about a failed connection name the host, and there stands the key."""

    def fail(*args: Any, **options: Any) -> None:
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "post", fail)
    reply = PAGERDUTY.send(Destination(ADDRESSES["pagerduty"]), message(), seconds=5)
    assert "APIKEY" not in reply.said
    assert reply.said.startswith("A Connection error")


def test_apprise__redirect__is_not_followed(receiver: Receiver) -> None:
    with receiving() as internal:
        receiver.answer, receiver.headers = (307, b""), {"Location": internal.url}
        assert not DISCORD.send(Destination(ADDRESSES["discord"]), message(), seconds=5).is_ok
        assert internal.requests == []


def test_apprise__own_words__reach_no_log_of_ours() -> None:
    loggers = logging_config(level="DEBUG", format="json")["loggers"]
    assert loggers["apprise"] == {"handlers": ["nowhere"], "propagate": False}
    assert logging.getLevelName(loggers["urllib3"]["level"]) == logging.WARNING


def test_opsgenie__resolved__closes_by_the_alerts_id(
    monkeypatch: pytest.MonkeyPatch, override: Any
) -> None:
    override(notifier={"allowed_hosts": ["127.0.0.1"]})
    with receiving() as found:
        monkeypatch.setattr(
            opsgenie_channel,
            "_close_address",
            lambda region, alias: f"http://127.0.0.1:{found.port}/v2/alerts/{alias}/close",
        )
        destination = Destination(ADDRESSES["opsgenie"])
        assert CHANNEL_KINDS["opsgenie"].send(destination, message(Topic.RESOLVED), seconds=5).is_ok
        [received] = found.requests
    assert received.path == f"/v2/alerts/{ALERT_ID}/close"
    assert received.headers["authorization"] == "GenieKey a8k3-sdf8-dsf9-a8k3"
