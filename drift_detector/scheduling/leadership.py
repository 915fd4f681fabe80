"""Elects one leader among processes, with an advisory lock of a PostgreSQL session."""

from dataclasses import dataclass

import structlog
from django.db import connection

from drift_detector.sessions import end_silent_sessions

log = structlog.get_logger(__name__)

# A leader checks its lock more often than this, so a silent one hangs, is stopped or is cut off.
SILENT_SECONDS = 10

HOLD = """
    SELECT EXISTS (SELECT FROM pg_locks
                   WHERE locktype = 'advisory' AND classid = 0 AND objid = %(lock)s AND granted
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                   AND pid = pg_backend_pid())
        OR pg_try_advisory_lock(%(lock)s)
"""


@dataclass(slots=True)
class Leadership:
    """The leadership of this process; it ends with the session that holds the lock.

    It only saves the other processes from the same work. Correctness must not depend on it: a leader
    that was stopped can wake up and continue for a moment.

    Attributes:
        lock: The number of the advisory lock.
        is_held: The last result of `hold`.
    """

    lock: int
    is_held: bool = False

    def hold(self) -> bool:
        """Take the lock, or check that it is still held.

        A holder that is silent for too long loses it to the next caller.

        Raises:
            DatabaseError: If the database is unavailable.
        """
        was_held, self.is_held = self.is_held, False
        self.is_held = self._take()
        if self.is_held != was_held:
            event = "leadership_taken" if self.is_held else "leadership_lost"
            log.info(event, lock=self.lock)
        return self.is_held

    def _take(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(HOLD, {"lock": self.lock})
            is_held: bool = cursor.fetchone()[0]
            if not is_held:
                end_silent_sessions(cursor, (0, self.lock), seconds=SILENT_SECONDS)
        return is_held
