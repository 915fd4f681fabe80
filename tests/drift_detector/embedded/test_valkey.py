import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from drift_detector.embedded.stack import Stack
from drift_detector.embedded.state import State
from drift_detector.embedded.valkey import Valkey


def test_url__started__answers(stack: Stack) -> None:
    with redis.Redis.from_url(stack.valkey.url) as client:
        assert client.set("key", "value")


def test_connect__no_password__refused(stack: Stack) -> None:
    with (
        redis.Redis(port=stack.valkey.port, retry=Retry(NoBackoff(), 0)) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_stop__durable__keeps_what_was_written(state: State) -> None:
    server = Valkey(state, durable=True)
    server.start()
    with redis.Redis.from_url(server.url) as client:
        client.set("key", "kept")
    server.stop()
    server.start()
    with redis.Redis.from_url(server.url) as client:
        kept = client.get("key")
    server.stop()
    assert kept == b"kept"


def test_stop__throwaway__writes_nothing(state: State) -> None:
    server = Valkey(state, durable=False)
    server.start()
    with redis.Redis.from_url(server.url) as client:
        client.set("key", "value")
    server.stop()
    assert list(server.folder.iterdir()) == []


def test_command__seen_by_ps__holds_no_password(state: State) -> None:
    server = Valkey(state, durable=False)
    assert state.secret("valkey") not in " ".join(server.command())
