"""Shares the partitions of the outbox among the relays.

Each partition is a session advisory lock, so the partitions of a relay that dies are free at once.
The relay needs a PostgreSQL session of its own: a pooler that shares sessions would share the locks.
"""

from django.db import connection
from django.db.backends.utils import CursorWrapper

from drift_detector.events.models import PARTITIONS
from drift_detector.sessions import end_silent_sessions

LOCK = 0x64726674  # "drft"; the second half of a lock's key is the partition
SILENT_SECONDS = 60  # a relay that waits for Kafka still queries every 15 seconds
PRESENCE = PARTITIONS  # the key of a lock that all relays share; its holders are the relays


def own_partitions() -> list[int]:
    """Take or release partitions until this session has its fair share.

    The caller has no message in flight: another relay takes a partition as soon as it is released.

    Returns:
        The partitions that this session owns.
    """
    with connection.cursor() as cursor:
        session, relays, owners = _look_around(cursor)
        share = fair_share(sorted(relays).index(session), len(relays))
        mine = sorted(number for number, owner in owners.items() if owner == session)
        free = sorted(set(range(PARTITIONS)) - owners.keys())
        return _adjust(cursor, mine, free, share)


def partition_owners() -> dict[int, int]:
    """The owner of each owned partition, as the process id of its PostgreSQL session."""
    with connection.cursor() as cursor:
        return _owners(_holders(cursor))


def fair_share(rank: int, relays: int) -> int:
    """The number of partitions for the relay of this rank; the first relays take the remainder."""
    return PARTITIONS // relays + (rank < PARTITIONS % relays)


def _look_around(cursor: CursorWrapper) -> tuple[int, set[int], dict[int, int]]:
    """Find this session, the sessions of all relays, and the owners of the partitions."""
    cursor.execute("SELECT pg_backend_pid()")
    session: int = cursor.fetchone()[0]
    holders = _holders(cursor)
    relays = {owner for owner, number in holders if number == PRESENCE}
    end_silent_sessions(cursor, (LOCK, PRESENCE), seconds=SILENT_SECONDS)
    if session not in relays:
        cursor.execute("SELECT pg_advisory_lock_shared(%s, %s)", [LOCK, PRESENCE])
    return session, relays | {session}, _owners(holders)


def _owners(holders: list[tuple[int, int]]) -> dict[int, int]:
    return {number: owner for owner, number in holders if number != PRESENCE}


def _holders(cursor: CursorWrapper) -> list[tuple[int, int]]:
    """Session and number of each lock of ours, as the server knows them."""
    cursor.execute(
        """SELECT pid, objid::bigint FROM pg_locks
           WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid = %s
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())""",
        [LOCK],
    )
    holders: list[tuple[int, int]] = cursor.fetchall()
    return holders


def _adjust(cursor: CursorWrapper, mine: list[int], free: list[int], share: int) -> list[int]:
    """Release the partitions beyond the share, or take what it lacks; returns those now owned."""
    _release(cursor, mine[share:])
    return mine[:share] + _take(cursor, free, most=share - len(mine))


def _release(cursor: CursorWrapper, numbers: list[int]) -> None:
    for number in numbers:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, number])


def _take(cursor: CursorWrapper, free: list[int], *, most: int) -> list[int]:
    """Lock free partitions; another relay may be faster with some of them."""
    taken: list[int] = []
    for number in free:
        if len(taken) < most and _try_lock(cursor, number):
            taken.append(number)
    return taken


def _try_lock(cursor: CursorWrapper, number: int) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, number])
    return bool(cursor.fetchone()[0])
