"""Who publishes what: each partition is a session advisory lock, so a relay that dies gives its own back at once.

The relay's session must be one of PostgreSQL's: a pooler between them that shares sessions would share the locks.
"""

from django.db import connection
from django.db.backends.utils import CursorWrapper

from drift_detector.events.models import PARTITIONS
from drift_detector.sessions import end_silent_sessions

LOCK = 0x64726674  # "drft"; the second half of a lock's key is the partition
SILENT_SECONDS = 60  # a relay that waits for its broker asks at least every 15
PRESENCE = PARTITIONS  # a lock that every relay shares, to be counted by


def own_partitions() -> list[int]:
    """Take free partitions, or give some back, until this session has its fair share; returns what it owns.

    To be called while nothing is in flight: another relay takes a partition as soon as it is given back.
    """
    with connection.cursor() as cursor:
        session, relays, owners = _look_around(cursor)
        mine = sorted(number for number, owner in owners.items() if owner == session)
        share = fair_share(sorted(relays).index(session), len(relays))
        for number in mine[share:]:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, number])
        del mine[share:]
        for number in sorted(set(range(PARTITIONS)) - owners.keys()):
            if len(mine) < share and _try_lock(cursor, number):
                mine.append(number)
    return mine


def partition_owners() -> dict[int, int]:
    """The owner of each owned partition, as the process id of its PostgreSQL session."""
    with connection.cursor() as cursor:
        return {number: owner for owner, number in _holders(cursor) if number != PRESENCE}


def fair_share(rank: int, relays: int) -> int:
    """How many partitions the relay of this rank has: as many as the others, and the first ones the rest."""
    return PARTITIONS // relays + (rank < PARTITIONS % relays)


def _look_around(cursor: CursorWrapper) -> tuple[int, set[int], dict[int, int]]:
    """This session, the sessions of all relays, and the owners of the partitions."""
    cursor.execute("SELECT pg_backend_pid()")
    session: int = cursor.fetchone()[0]
    holders = _holders(cursor)
    relays = {owner for owner, number in holders if number == PRESENCE}
    end_silent_sessions(cursor, (LOCK, PRESENCE), seconds=SILENT_SECONDS)
    if session not in relays:
        cursor.execute("SELECT pg_advisory_lock_shared(%s, %s)", [LOCK, PRESENCE])
    return (
        session,
        relays | {session},
        {number: owner for owner, number in holders if number != PRESENCE},
    )


def _holders(cursor: CursorWrapper) -> list[tuple[int, int]]:
    """Session and number of each of our locks. They are read from the server, which alone knows what a session has."""
    cursor.execute(
        """SELECT pid, objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
           AND classid = %s AND database = (SELECT oid FROM pg_database WHERE datname = current_database())""",
        [LOCK],
    )
    holders: list[tuple[int, int]] = cursor.fetchall()
    return holders


def _try_lock(cursor: CursorWrapper, number: int) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, number])
    return bool(cursor.fetchone()[0])
