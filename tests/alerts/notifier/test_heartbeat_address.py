"""The heartbeat address, asked by a notifier, with the signs of life in a real Valkey."""

import os
from collections.abc import Callable, Iterator

import pytest
import redis
from django.conf import LazySettings

from alerts.notifier.heartbeat_address import ping_if_all_live
from drift_detector.observability import lives
from drift_detector.observability.heartbeats import Heartbeat
from tests.drift_detector.outbound.receivers import Receiver, receiving

PROCESSES = ["worker", "relay"]


@pytest.fixture
def receiver(override: Callable[..., None]) -> Iterator[Receiver]:
    with receiving() as found:
        override(heartbeat={"url": found.url, "processes": PROCESSES})
        lives._said.clear()
        yield found


@pytest.fixture(autouse=True)
def no_lives(settings: LazySettings, override: Callable[..., None]) -> None:
    override(redis={"url": os.environ["AUMOS_DRIFT_REDIS__URL"]})  # of this test process alone
    with redis.Redis.from_url(str(settings.ENV.redis.url)) as client:
        for name in client.scan_iter(f"{lives.PREFIX}:*"):
            client.delete(name)


def test_ping__all_live__is_one_request(receiver: Receiver) -> None:
    for process in PROCESSES:
        Heartbeat(process).record("worked")
    assert ping_if_all_live()
    assert [each.method for each in receiver.requests] == ["GET"]


def test_ping__one_that_said_nothing__is_withheld(receiver: Receiver) -> None:
    Heartbeat("worker").record("worked")
    assert not ping_if_all_live()
    assert receiver.requests == []


def test_ping__one_whose_time_is_over__is_withheld(
    receiver: Receiver, settings: LazySettings
) -> None:
    for process in PROCESSES:
        Heartbeat(process).record("worked")
    with redis.Redis.from_url(str(settings.ENV.redis.url)) as client:
        [name] = client.scan_iter(f"{lives.PREFIX}:relay:*")
        assert 0 < client.ttl(name) <= 120
        client.pexpire(name, 0)
    assert not ping_if_all_live()


def test_ping__round_without_the_database__is_no_sign_of_life(receiver: Receiver) -> None:
    Heartbeat("worker").record("worked")
    Heartbeat("relay").record("database_unavailable")
    assert not ping_if_all_live()


def test_say_alive__no_address__says_nothing(override: Callable[..., None]) -> None:
    override(heartbeat={"url": None})
    lives._said.clear()
    Heartbeat("worker").record("worked")
    assert lives.living_processes() == set()
