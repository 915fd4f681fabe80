"""Sessions that hold advisory locks: what they hold goes with them, so one that hangs has to be ended by the others."""

from django.db.backends.utils import CursorWrapper

# A session may end others of its own role. One whose statement is running does its work and is left alone.
END_SILENT = """
    SELECT pg_terminate_backend(activity.pid) FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
    WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND granted AND datname = current_database()
      AND state <> 'active' AND state_change < now() - make_interval(secs => %s) AND activity.pid <> pg_backend_pid()
"""


def end_silent_sessions(cursor: CursorWrapper, lock: tuple[int, int], *, seconds: float) -> None:
    """End the sessions that hold a lock and have not asked for anything so long: their processes hang or are cut off.

    Args:
        cursor: Of the same role.
        lock: Both halves of the lock's key; of a key that is one number, 0 and that number.
        seconds: How long they were silent.
    """
    cursor.execute(END_SILENT, [*lock, seconds])
