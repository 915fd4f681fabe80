"""One leader among processes that stand by for each other: a session's advisory lock in PostgreSQL."""

from dataclasses import dataclass

import structlog
from django.db import connection

from drift_detector.sessions import end_silent_sessions

log = structlog.get_logger(__name__)

# A leader asks for its own lock at least this often, so one that is silent for longer hangs, is stopped or is cut off.
SILENT_SECONDS = 10

HOLD = """
    SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = %(lock)s AND granted
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                   AND pid = pg_backend_pid())
        OR pg_try_advisory_lock(%(lock)s)
"""


@dataclass(slots=True)
class Leadership:
    """Whether this process leads; the lock goes with its session, so a process that dies leads no longer.

    It saves the others from doing the same work. Nothing may rest on it: a leader that was stopped may wake up and go
    on for a moment.

    Attributes:
        lock: The advisory lock's number.
        is_held: What `hold` has said last.
    """

    lock: int
    is_held: bool = False

    def hold(self) -> bool:
        """Take the lock or make sure of it; a holder that has been silent for too long loses it to the next caller.

        Raises:
            DatabaseError: If the database is away.
        """
        was_held, self.is_held = self.is_held, False
        with connection.cursor() as cursor:
            cursor.execute(HOLD, {"lock": self.lock})
            (self.is_held,) = cursor.fetchone()
            if not self.is_held:
                end_silent_sessions(cursor, (0, self.lock), seconds=SILENT_SECONDS)
        if self.is_held != was_held:
            log.info("leadership_taken" if self.is_held else "leadership_lost", lock=self.lock)
        return self.is_held
