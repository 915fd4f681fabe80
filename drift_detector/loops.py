"""The loop of the long-running commands: relay, reconciler and consumer."""

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

import structlog
from django.db import DatabaseError, connection

from drift_detector.observability.heartbeats import Heartbeat, start_heartbeat

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
    rounds = _Rounds(step, heartbeat)
    stopped = _stop_signal()
    while not stopped.is_set():
        if not rounds.do_one():
            stopped.wait(min(pause_seconds * rounds.slowdown, longest_pause))
    connection.close()


@dataclass(slots=True)
class _Rounds:
    """The rounds of a process, each recorded in its heartbeat.

    Attributes:
        failures: Rounds in a row that found the database unavailable.
    """

    step: Callable[[], bool]
    heartbeat: Heartbeat
    failures: int = 0

    def do_one(self) -> bool:
        """Do one round; True if it found work."""
        try:
            was_busy = self.step()
        except DatabaseError as error:
            self._record_failure(error)
            return False
        self.failures = 0
        self.heartbeat.record("worked" if was_busy else "idle")
        return was_busy

    @property
    def slowdown(self) -> float:
        """The factor by which the next pause is longer than usual."""
        return 2.0 ** min(self.failures, MOST_DOUBLINGS)

    def _record_failure(self, error: DatabaseError) -> None:
        self.failures += 1
        log.warning("database_unavailable", error=str(error).strip(), failures=self.failures)
        connection.close()
        self.heartbeat.record("database_unavailable")


def _command_name() -> str:
    return " ".join(sys.argv[1:2])


def _stop_signal() -> Event:
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    return stopped
