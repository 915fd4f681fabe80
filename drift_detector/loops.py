"""The loop that the long-running commands (relay, reconciler) share."""

import signal
import sys
from collections.abc import Callable
from threading import Event

import structlog
from django.db import DatabaseError, connection

from drift_detector.observability.heartbeats import Deed, watch

log = structlog.get_logger(__name__)

LONGEST_PAUSE_SECONDS = 30.0
MOST_DOUBLINGS = 30  # a night of failures would double past what a float holds


def run_until_stopped(
    step: Callable[[], bool], *, pause_seconds: float, process: str | None = None
) -> None:
    """Call `step` until TERM or INT; pause when it says there was nothing to do.

    A database that is away is waited for, with a pause that doubles up to half a minute. Each round is noted for
    `/healthz`, under the name of the process or else of its command.
    """
    longest_pause = max(LONGEST_PAUSE_SECONDS, pause_seconds)
    rounds = watch(process or " ".join(sys.argv[1:2]), pause_seconds=longest_pause)
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    failures = 0
    while not stopped.is_set():
        try:
            was_busy = step()
            failures = 0
            did: Deed = "worked" if was_busy else "idle"
        except DatabaseError as error:
            failures += 1
            was_busy, did = False, "database_unavailable"
            log.warning("database_unavailable", error=str(error).strip(), failures=failures)
            connection.close()
        rounds.note(did)
        if not was_busy:
            pause = pause_seconds * 2 ** min(failures, MOST_DOUBLINGS)
            stopped.wait(min(pause, longest_pause))
    connection.close()
