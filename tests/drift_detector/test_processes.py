import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import OperationalError

from drift_detector.processes import run_until_stopped

STOPPING = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture(autouse=True)
def handlers(db: None) -> Iterator[None]:
    """The loop installs its own; pytest wants its own back."""
    before = [signal.getsignal(number) for number in STOPPING]
    yield
    for number, handler in zip(STOPPING, before, strict=True):
        signal.signal(number, handler)


def then_stop(*steps: Callable[[], bool], by: int = signal.SIGTERM) -> tuple[Callable[[], bool], list[float]]:
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


def test_run_until_stopped__database_away_all_night__still_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """2 to the power of 1,024 is more than a float holds; at half a minute each, that is nine hours."""
    monkeypatch.setattr("drift_detector.processes.LONGEST_PAUSE_SECONDS", 0.0)
    step, called = then_stop(*[fail] * 1100)
    run_until_stopped(step, pause_seconds=0.0)
    assert len(called) == 1101


def test_run_until_stopped__another_error__is_not_hidden() -> None:
    step, _ = then_stop(lambda: bool(1 / 0))
    with pytest.raises(ZeroDivisionError):
        run_until_stopped(step, pause_seconds=0.05)
