"""The loop of the long-running commands: relay, reconciler and consumer."""

import signal
import sys
from collections.abc import Callable
from threading import Event

import structlog
from django.db import DatabaseError, connection

from drift_detector.observability.heartbeats import start_heartbeat

log = structlog.get_logger(__name__)

LONGEST_PAUSE_SECONDS = 30.0
MOST_DOUBLINGS = 30  # a night of failures would double past what a float holds


def run_until_stopped(
    step: Callable[[], bool], *, pause_seconds: float, process: str | None = None
) -> None:
    """Call `step` until SIGTERM or SIGINT, with a pause after each step that finds no work.

    The loop waits for a database that is unavailable, with a pause that doubles up to half a
    minute. Each round is recorded for `/healthz`.

    Args:
        step: Does one round; True if it found work.
        pause_seconds: The pause after a round without work.
        process: The name of the process; by default the name of the command.
    """
    longest_pause = max(LONGEST_PAUSE_SECONDS, pause_seconds)
    heartbeat = start_heartbeat(process or _command_name(), pause_seconds=longest_pause)
    stopped = _stop_signal()
    failures = 0
    while not stopped.is_set():
        try:
            was_busy = step()
        except DatabaseError as error:
            failures += 1
            was_busy = False
            log.warning("database_unavailable", error=str(error).strip(), failures=failures)
            connection.close()
            heartbeat.record("database_unavailable")
        else:
            failures = 0
            heartbeat.record("worked" if was_busy else "idle")
        if not was_busy:
            pause = pause_seconds * 2 ** min(failures, MOST_DOUBLINGS)
            stopped.wait(min(pause, longest_pause))
    connection.close()


def _command_name() -> str:
    return " ".join(sys.argv[1:2])


def _stop_signal() -> Event:
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    return stopped
