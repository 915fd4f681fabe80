"""Processes that an earlier launcher left behind because it was killed.

Every child of a launcher carries its state folder in an environment variable, and passes it on to its own
children. So whoever holds the folder's lock knows that any other process with that value is a leftover.
"""

import signal
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]

MARKER = "DRIFT_STATE_FOLDER"
GRACE_SECONDS = 20
POLL_SECONDS = 0.05


def end_leftovers(folder: Path) -> int:
    """End the processes that belong to a state folder; call it with the folder's lock held.

    Returns:
        How many there were.
    """
    found = {
        process.pid: process for process in psutil.process_iter() if _belongs_to(process, folder)
    }
    for process in found.values():
        if (
            process.ppid() not in found
        ):  # the others follow their parent, which knows the right order
            _send(process, signal.SIGINT if _is_postgres(process) else signal.SIGTERM)
    for process in _still_alive(found.values()):
        _send(process, signal.SIGKILL)
    _still_alive(found.values())
    return len(found)


def _belongs_to(process: psutil.Process, folder: Path) -> bool:
    try:
        return bool(process.environ().get(MARKER) == str(folder))
    except (psutil.Error, OSError):
        return False


def _still_alive(processes: Collection[psutil.Process]) -> list[psutil.Process]:
    """Those that are there when the grace is over, or none as soon as all are gone."""
    deadline = time.monotonic() + GRACE_SECONDS
    while (
        alive := [process for process in processes if _is_alive(process)]
    ) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return alive


def _is_alive(process: psutil.Process) -> bool:
    try:
        # A zombie has ended; in a container whose first process reaps nobody it stays in the list.
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _is_postgres(process: psutil.Process) -> bool:
    try:
        return bool(process.name() == "postgres")
    except psutil.Error:
        return False


def _send(process: psutil.Process, number: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)
