"""`exec`: runs one command with temporary servers of its own."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from drift_detector.embedded import interrupts, terminal
from drift_detector.embedded.leftovers import end_leftovers
from drift_detector.embedded.placement import home_of
from drift_detector.embedded.postgres import SUPERUSER
from drift_detector.embedded.processes import exported_environment
from drift_detector.embedded.server import StartError
from drift_detector.embedded.stack import Stack
from drift_detector.embedded.state import AlreadyRunning, State

PREFIX = "drift-throwaway-"
NOT_FOUND = 127
STOP_SECONDS = 30
YOUNG_SECONDS = 10


def execute(command: Sequence[str]) -> int:
    """Run `command` with its own PostgreSQL, Valkey and Kafka broker.

    Returns:
        The command's exit code, 128 + n if signal n ended it, or 1 if a server did not start.
    """
    interrupts.catch()
    try:
        remove_abandoned()
        with throwaway_state() as state:
            stack = Stack.create(state, durable=False)
            with stack.running(report=lambda _: None):
                return _run(command, exported_environment() | settings(stack))
    except interrupts.Interrupted as interrupted:
        return interrupted.exit_code
    except StartError as error:
        terminal.complain(str(error))
        return 1


def settings(stack: Stack) -> dict[str, str]:
    """The command's environment: the settings of the service, and the URLs of the other roles."""
    return {
        **stack.settings("commands"),
        "AUMOS_DRIFT_SECRET_KEY": stack.postgres.state.secret("secret_key"),
        "AUMOS_DRIFT_ENCRYPTION__KEY": stack.postgres.state.secret("encryption_key"),
        "DRIFT_COMMANDS_URL": stack.database_url("commands"),
        "DRIFT_APP_URL": stack.database_url("app"),
        "DRIFT_WEB_URL": stack.database_url("web"),
        "DRIFT_OWNER_URL": stack.database_url("owner"),
        "DRIFT_RELAY_URL": stack.database_url("relay"),
        "DRIFT_SCHEDULER_URL": stack.database_url("scheduler"),
        "DRIFT_NOTIFIER_URL": stack.database_url("notifier"),
        "DRIFT_SUPERUSER_URL": stack.postgres.role_url(SUPERUSER),
    }


@contextmanager
def throwaway_state() -> Iterator[State]:
    """A state folder that is removed at the end of the block."""
    # The name comes first, because a signal can come between the creation of a folder and its name.
    folder = Path(tempfile.gettempdir()).resolve() / f"{PREFIX}{secrets.token_hex(8)}"
    try:
        folder.mkdir(mode=0o700)
        state = State(folder)
        with state.locked():
            yield state
    finally:
        _remove(folder)


def remove_abandoned() -> None:
    """Clean up after earlier launchers that were killed."""
    for folder in Path(tempfile.gettempdir()).resolve().glob(f"{PREFIX}*"):
        if not _may_be_abandoned(folder):
            continue
        try:
            with State(folder).locked():
                end_leftovers(folder)
                _remove(folder)
        except AlreadyRunning:
            continue


def _may_be_abandoned(folder: Path) -> bool:
    """True for a folder of this user that is old enough to be locked, if its launcher lives."""
    try:
        status = folder.stat()
    except FileNotFoundError:
        return False
    return status.st_uid == os.geteuid() and status.st_mtime < time.time() - YOUNG_SECONDS


def _remove(folder: Path) -> None:
    shutil.rmtree(home_of(folder), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _run(command: Sequence[str], environment: dict[str, str]) -> int:
    try:
        process = subprocess.Popen(command, env=environment)  # noqa: S603 — running it is the point
    except OSError as error:
        terminal.complain(f"{command[0]} cannot be run: {error.strerror}.")
        return NOT_FOUND
    _forward_signals(process)
    code = process.wait()
    return code if code >= 0 else 128 - code


def _forward_signals(process: subprocess.Popen[bytes]) -> None:
    """Forward signals; after the first one the command has a limited time to end."""

    def forward(number: int, _frame: FrameType | None) -> None:
        signal.alarm(STOP_SECONDS)
        if not (number == signal.SIGINT and _is_in_foreground()):
            process.send_signal(number)

    for number in interrupts.STOPPING:
        signal.signal(number, forward)
    signal.signal(signal.SIGALRM, lambda _number, _frame: process.kill())


def _is_in_foreground() -> bool:
    """True if Ctrl-C reaches the command directly, in the foreground group of the terminal."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False
