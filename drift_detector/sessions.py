"""Ends PostgreSQL sessions that hold an advisory lock but hang.

A lock is free only when its session ends, so other sessions end one that hangs.
"""

from django.db.backends.utils import CursorWrapper

# A role can end its own sessions. A session with a running statement works, so it stays.
END_SILENT = """
    SELECT pg_terminate_backend(activity.pid)
    FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
    WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND granted
      AND datname = current_database() AND activity.pid <> pg_backend_pid()
      AND state <> 'active' AND state_change < now() - make_interval(secs => %s)
"""


def end_silent_sessions(cursor: CursorWrapper, lock: tuple[int, int], *, seconds: float) -> None:
    """End the sessions that hold a lock and are silent: their processes hang or are cut off.

    Args:
        cursor: A cursor of the same role.
        lock: Both halves of the key of the lock; 0 and the number for a key of one number.
        seconds: The least time without a statement.
    """
    cursor.execute(END_SILENT, [*lock, seconds])
