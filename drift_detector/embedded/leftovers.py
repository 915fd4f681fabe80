"""Ends processes that an earlier launcher left behind because it was killed.

Every child of a launcher has the state folder in an environment variable and passes it on to its own
children. So for the holder of the folder's lock, any other process with that value is a leftover.
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
    """End the processes that belong to a state folder; the caller holds the folder's lock.

    Returns:
        The number of processes.
    """
    found = [process for process in psutil.process_iter() if _belongs_to(process, folder)]
    _ask_to_end(found)
    for process in _still_alive(found):
        _send(process, signal.SIGKILL)
    _still_alive(found)
    return len(found)


def _ask_to_end(processes: Collection[psutil.Process]) -> None:
    ids = {process.pid for process in processes}
    for process in processes:
        # A parent ends its children itself, in the right order.
        if process.ppid() not in ids:
            _send(process, signal.SIGINT if _is_postgres(process) else signal.SIGTERM)


def _belongs_to(process: psutil.Process, folder: Path) -> bool:
    try:
        return bool(process.environ().get(MARKER) == str(folder))
    except (psutil.Error, OSError):
        return False


def _still_alive(processes: Collection[psutil.Process]) -> list[psutil.Process]:
    """Wait for processes to end; returns those that are alive after the grace."""
    deadline = time.monotonic() + GRACE_SECONDS
    alive = list(filter(_is_alive, processes))
    while alive and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        alive = list(filter(_is_alive, processes))
    return alive


def _is_alive(process: psutil.Process) -> bool:
    try:
        # A zombie has ended. It stays in the list if the first process of a container reaps none.
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
