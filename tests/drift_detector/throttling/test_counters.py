"""The counters in Valkey against a leaky bucket in fractions, and under threads and processes at once."""

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fractions import Fraction
from threading import Barrier
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_detector.throttling.counters import OwnCounters, SharedCounters
from drift_detector.throttling.policies import MICROSECONDS, Charge, Policy
from tests.drift_detector.throttling.leaky_bucket import LeakyBucket

BEGIN = 1_700_000_000 * MICROSECONDS
HOUR = 3600
TRIES = """
import sys
from drift_detector.throttling.counters import SharedCounters
from drift_detector.throttling.policies import Charge, Policy
counters, charge = SharedCounters(sys.argv[1]), Charge(Policy("t", 50, 3600), sys.argv[2])
sys.stdin.readline()
print(sum(counters.count([charge])[0] for _ in range(60)))
"""


@pytest.fixture(scope="module")
def shared() -> SharedCounters:
    return SharedCounters(os.environ["AUMOS_DRIFT_REDIS__URL"])


def charge(quota: int, window: int = HOUR) -> Charge:
    return Charge(Policy("test", quota, window), uuid4().hex)


@settings(max_examples=60)
@given(
    quota=st.integers(0, 9),
    window=st.integers(1, 9),
    pauses=st.lists(st.integers(0, 3 * MICROSECONDS), max_size=40),
)
def test_count__any_arrivals__is_the_leaky_bucket(
    shared: SharedCounters, quota: int, window: int, pauses: list[int]
) -> None:
    one, now = charge(quota, window), BEGIN
    bucket = LeakyBucket(size=quota, interval=Fraction(window * MICROSECONDS // max(1, quota)))
    for pause in pauses:
        now += pause
        has_room, [standing] = shared.count([one], now=now)
        assert (has_room, standing.remaining) == (bucket.takes(now), bucket.room(now))
        assert (standing.reset, standing.retry_after) == bucket.waits(now)


@settings(max_examples=30)
@given(quotas=st.tuples(st.integers(0, 4), st.integers(0, 4)), requests=st.integers(0, 9))
def test_count__two_limits__move_together_or_not_at_all(
    shared: SharedCounters, quotas: tuple[int, int], requests: int
) -> None:
    charges = [charge(quota) for quota in quotas]
    taken = sum(shared.count(charges, now=BEGIN)[0] for _ in range(requests))
    assert taken == min(requests, *quotas)
    _, standings = shared.count(charges, is_taken=False, now=BEGIN)
    assert [each.remaining for each in standings] == [quota - taken for quota in quotas]


def test_count__threads_at_once__take_exactly_the_quota(shared: SharedCounters) -> None:
    one, together = charge(50), Barrier(16)

    def tries(_: int) -> int:
        together.wait()
        return sum(shared.count([one])[0] for _ in range(10))

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(tries, range(16))) == 50


def test_count__processes_at_once__take_exactly_the_quota() -> None:
    command = [sys.executable, "-c", TRIES, os.environ["AUMOS_DRIFT_REDIS__URL"], uuid4().hex]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "drift_detector.settings"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, env=environment, **pipes) for _ in range(3)]  # type: ignore[call-overload]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    assert sum(int(process.communicate()[0]) for process in processes) == 50


def test_count__counter__ends_with_its_window(shared: SharedCounters) -> None:
    one = charge(5, window=10)
    shared.count([one])
    left = shared._client.pttl(one.name)
    assert 0 < left <= 2001


def test_forget__used_up_limit__begins_anew(shared: SharedCounters) -> None:
    one = charge(1)
    assert [shared.count([one])[0] for _ in range(2)] == [True, False]
    shared.forget([one])
    assert shared.count([one])[0]


@pytest.fixture
def absent() -> SharedCounters:
    """Counters at a port where nothing listens."""
    return SharedCounters("redis://127.0.0.1:1/0")


def test_count__valkey_away__is_counted_by_the_process_alone(absent: SharedCounters) -> None:
    one = charge(3)
    assert [absent.count([one])[0] for _ in range(5)] == [True] * 3 + [False] * 2


def test_count__valkey_away__is_not_asked_for_each_request(
    absent: SharedCounters, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent.count([charge(3)])
    monkeypatch.setattr(absent, "_ask", lambda *_: pytest.fail("Valkey was asked again at once"))
    absent.count([charge(3)])


def test_own_counters__more_names_than_are_kept__forget_the_least_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("drift_detector.throttling.counters.MOST_COUNTERS", 2)
    own, first = OwnCounters(), charge(1)
    for one in (first, charge(1), charge(1)):
        own.count([one], is_taken=True)
    assert own.count([first], is_taken=True)[0]


def test_count__valkey_that_never_answers__is_asked_twice_and_given_up() -> None:
    asked: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        counters, one = SharedCounters(f"redis://127.0.0.1:{silent.getsockname()[1]}/0"), charge(1)
        assert [counters.count([one])[0] for _ in range(2)] == [True, False]
        silent.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                asked.append(silent.accept()[0])
    assert len(asked) == 2
    for connection in asked:
        connection.close()
