import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from django.db import OperationalError

from drift_detector.embedded.state import unused_port
from drift_detector.loops import run_until_stopped
from tests.drift_detector.samples import sample

STOPPING = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture(autouse=True)
def handlers(db: None) -> Iterator[None]:
    """The loop installs its own; pytest wants its own back."""
    before = [signal.getsignal(number) for number in STOPPING]
    yield
    for number, handler in zip(STOPPING, before, strict=True):
        signal.signal(number, handler)


def then_stop(
    *steps: Callable[[], bool], by: int = signal.SIGTERM
) -> tuple[Callable[[], bool], list[float]]:
    """A step that does these one after another and then stops the loop; and when each was called."""
    called: list[float] = []

    def step() -> bool:
        called.append(time.monotonic())
        if len(called) <= len(steps):
            return steps[len(called) - 1]()
        os.kill(os.getpid(), by)
        return False

    return step, called


def fail() -> bool:
    raise OperationalError("the database is starting up")


@pytest.mark.parametrize("number", STOPPING)
def test_run_until_stopped__signal__ends_after_the_step(number: int) -> None:
    step, called = then_stop(by=number)
    run_until_stopped(step, pause_seconds=60)
    assert len(called) == 1


def test_run_until_stopped__busy__goes_on_without_a_pause() -> None:
    step, called = then_stop(lambda: True, lambda: True)
    run_until_stopped(step, pause_seconds=60)
    assert len(called) == 3


def test_run_until_stopped__idle__pauses() -> None:
    step, called = then_stop(lambda: False)
    run_until_stopped(step, pause_seconds=0.05)
    assert called[1] - called[0] >= 0.05


def test_run_until_stopped__database_away__waits_longer_each_time_and_goes_on() -> None:
    step, called = then_stop(fail, fail, lambda: True)
    run_until_stopped(step, pause_seconds=0.05)
    assert len(called) == 4
    assert called[1] - called[0] >= 0.1
    assert called[2] - called[1] >= 0.2


def test_run_until_stopped__database_away_all_night__still_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """2 to the power of 1,024 is more than a float holds; at half a minute each, that is nine hours."""
    monkeypatch.setattr("drift_detector.loops.LONGEST_PAUSE_SECONDS", 0.0)
    step, called = then_stop(*[fail] * 1100)
    run_until_stopped(step, pause_seconds=0.0)
    assert len(called) == 1101


def test_run_until_stopped__another_error__is_not_hidden() -> None:
    step, _ = then_stop(lambda: bool(1 / 0))
    with pytest.raises(ZeroDivisionError):
        run_until_stopped(step, pause_seconds=0.05)


def test_run_until_stopped__each_round__is_counted_by_what_it_did() -> None:
    deeds = ("worked", "idle", "database_unavailable")
    before = [sample("drift_rounds_total", process="tested", did=did) for did in deeds]
    step, _ = then_stop(lambda: True, fail, lambda: True)
    run_until_stopped(step, pause_seconds=0.01, process="tested")
    after = [sample("drift_rounds_total", process="tested", did=did) for did in deeds]
    assert [new - old for new, old in zip(after, before, strict=True)] == [2, 1, 1]


def test_run_until_stopped__with_a_port__tells_its_last_round(
    override: Callable[..., None],
) -> None:
    override(metrics={"port": (port := unused_port())})
    said: list[dict[str, Any]] = []

    def ask() -> bool:
        said.append(requests.get(f"http://127.0.0.1:{port}/healthz", timeout=10).json())
        return True

    step, _ = then_stop(ask, fail, ask)
    run_until_stopped(step, pause_seconds=0.01, process="tested")
    assert [each["process"] for each in said] == ["tested", "tested"]
    assert (said[0]["last_round"], said[1]["last_round"]["did"]) == (None, "database_unavailable")
