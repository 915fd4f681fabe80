"""Real servers and real launchers; nothing here needs Django."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from drift_detector.embedded.leftovers import MARKER, end_leftovers
from drift_detector.embedded.placement import home_of
from drift_detector.embedded.stack import Stack
from drift_detector.embedded.state import State

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_SECONDS = 60

Launch = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State(tmp_path / "state")
    yield state
    end_leftovers(state.folder)
    shutil.rmtree(home_of(state.folder), ignore_errors=True)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    state = State(tmp_path_factory.mktemp("stack"))
    stack = Stack.create(state, durable=False)
    with stack.running(lambda _: None):
        yield stack
    stack.postgres.remove()


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Start a Python command; whatever a test leaves running is stopped afterwards."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Everything a process says, up to the line with `text`."""
    assert process.stdout
    said = ""
    for line in process.stdout:
        said = f"{said}{line}"
        if text in line:
            return said
    pytest.fail(f"{text!r} is missing in:\n{said}")


def marked_processes(folder: Path) -> list[str]:
    """The names of the processes that carry a state folder's mark."""
    marked = (
        process
        for process in psutil.process_iter()
        if environment_of(process).get(MARKER) == str(folder)
    )
    return [str(process.name()) for process in marked]


def environment_of(process: psutil.Process) -> dict[str, str]:
    """A process's environment; empty for one that is gone or another user's."""
    try:
        return dict(process.environ())
    except (psutil.Error, OSError):
        return {}


def wait_until(condition: Callable[[], bool]) -> None:
    """Fail if a condition doesn't come true in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
