"""The loop that the long-running commands (relay, reconciler) share."""

import signal
from collections.abc import Callable
from threading import Event

import structlog
from django.db import DatabaseError, connection

log = structlog.get_logger(__name__)

LONGEST_PAUSE_SECONDS = 30.0
MOST_DOUBLINGS = 30  # a night of failures would double past what a float holds


def run_until_stopped(step: Callable[[], bool], *, pause_seconds: float) -> None:
    """Call `step` until TERM or INT; pause when it says there was nothing to do.

    A database that is away is waited for, with a pause that doubles up to half a minute.
    """
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    failures = 0
    while not stopped.is_set():
        try:
            was_busy = step()
            failures = 0
        except DatabaseError as error:
            failures += 1
            was_busy = False
            log.warning("database_unavailable", error=str(error).strip(), failures=failures)
            connection.close()
        if not was_busy:
            pause = pause_seconds * 2 ** min(failures, MOST_DOUBLINGS)
            stopped.wait(min(pause, max(LONGEST_PAUSE_SECONDS, pause_seconds)))
    connection.close()
