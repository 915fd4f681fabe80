"""`servers` and `exec --kept`: throwaway servers that stay up between two commands."""

import os
import shlex
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from drift_detector.embedded import interrupts, terminal
from drift_detector.embedded.server import StartError
from drift_detector.embedded.service import STATE_FOLDER
from drift_detector.embedded.stack import Stack
from drift_detector.embedded.state import AlreadyRunning, State
from drift_detector.embedded.throwaway import (
    NOT_FOUND,
    execute,
    remove_abandoned,
    settings,
    throwaway_state,
)

FOLDER = STATE_FOLDER / "servers"
ADDRESSES = "addresses.env"


def keep_servers(folder: Path = FOLDER) -> int:
    """Start servers for tests and keep them up until Ctrl-C.

    Args:
        folder: The addresses are written here. The data live in a folder that is thrown away.

    Returns:
        0 when asked to stop, or 1 if the servers did not start.
    """
    interrupts.catch()
    try:
        with State(folder).locked():
            _serve(folder / ADDRESSES)
    except interrupts.Interrupted:
        return 0
    except (AlreadyRunning, StartError) as error:
        terminal.complain(str(error))
    return 1


def execute_kept(command: Sequence[str], folder: Path = FOLDER) -> int:
    """Run `command` with the servers that `keep_servers` holds, or with its own if there are none.

    Returns:
        The command's exit code. With kept servers the command replaces this process, so that the
        terminal and its signals belong to the command alone: a debugger needs both.
    """
    addresses = kept_addresses(folder)
    if not addresses:
        return execute(command)
    try:
        os.execvpe(command[0], [*command], os.environ | addresses)  # noqa: S606
    except OSError as error:
        terminal.complain(f"{command[0]} can't be run: {error.strerror}.")
    return NOT_FOUND


def kept_addresses(folder: Path = FOLDER) -> dict[str, str]:
    """The environment variables of the servers that are up; empty if none are."""
    file = folder / ADDRESSES
    if not file.exists() or not _is_held(folder):
        return {}
    words = shlex.split(file.read_text())
    return dict(word.split("=", 1) for word in words)


def _serve(file: Path) -> None:
    remove_abandoned()
    with throwaway_state() as state:
        stack = Stack.create(state, durable=False)
        with stack.running(terminal.say), _published(file, settings(stack)):
            terminal.say(f"The addresses are in {file}. Ctrl-C stops the servers.")
            while True:
                signal.pause()


@contextmanager
def _published(file: Path, addresses: Mapping[str, str]) -> Iterator[None]:
    """Leave the addresses in a file while the servers run; they hold passwords."""
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in sorted(addresses.items())]
    draft = file.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text("".join(lines))
    draft.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _is_held(folder: Path) -> bool:
    """True while a launcher holds the folder; a killed launcher leaves its file but no lock."""
    try:
        with State(folder).locked():
            return False
    except AlreadyRunning:
        return True
