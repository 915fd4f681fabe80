"""Who owns what, judged by PostgreSQL's own table of locks."""

from collections import Counter
from itertools import chain

import psycopg
import pytest
from django.db import OperationalError, connection

from drift_detector.events import partitions
from drift_detector.events.partitions import LOCK, fair_share, own_partitions, partition_owners
from tests.conftest import role_url
from tests.drift_detector.events.conftest import end_session, relay_sessions
from tests.factories import eventually

pytestmark = pytest.mark.usefixtures("committed")
ALL = list(range(16))


def owned() -> list[int]:
    """How many partitions each session has locked, fewest first."""
    with psycopg.connect(role_url("owner")) as owner:
        locks = owner.execute(
            """SELECT pid, objid::bigint FROM pg_locks JOIN pg_database ON pg_database.oid = database
               WHERE datname = current_database() AND classid = %s AND mode = 'ExclusiveLock'""",
            [LOCK],
        ).fetchall()
    assert len({number for _, number in locks}) == len(locks)
    return sorted(Counter(pid for pid, _ in locks).values())


def test_own_partitions__alone__are_all() -> None:
    with relay_sessions(1) as (only,):
        assert only(own_partitions) == ALL
        assert owned() == [16]


def test_own_partitions__second_one_later__gets_half_as_soon_as_the_first_gives_it_back() -> None:
    with relay_sessions(2) as (first, second):
        first(own_partitions)
        assert second(own_partitions) == []
        before = first(own_partitions)
        after = second(own_partitions)
        assert sorted(before + after) == ALL
        assert owned() == [8, 8]


def test_own_partitions__three__share_fairly_and_stay_so() -> None:
    with relay_sessions(3) as sessions:
        for _ in range(3):
            shares = [session(own_partitions) for session in sessions]
        assert sorted(chain(*shares)) == ALL
        assert owned() == [5, 5, 6]
        assert [session(own_partitions) for session in sessions] == shares


def test_own_partitions__one_ends__the_other_has_all_at_once() -> None:
    with relay_sessions(2) as (first, second):
        first(own_partitions)
        second(own_partitions)
        first(end_session)
        # PostgreSQL lets go of the locks when it notices that the session has ended.
        eventually(lambda: second(own_partitions) == ALL)


def test_own_partitions__asked_again__keeps_each_lock_once() -> None:
    def unlock(number: int) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, number])
            return bool(cursor.fetchone()[0])

    with relay_sessions(1) as (only,):
        for _ in range(3):
            only(own_partitions)
        assert [only(unlock, number) for number in range(17)] in (
            [True] * 17,
            [True] * 16 + [False],
        )
        assert owned() == []


def test_own_partitions__new_session_after_a_failure__owns_what_it_locks_itself() -> None:
    with relay_sessions(1) as (only,):
        only(own_partitions)
        only(end_session)
        assert only(own_partitions) == ALL
        assert owned() == [16]


def test_partition_owners__two_relays__are_their_sessions() -> None:
    def session_id() -> int:
        connection.ensure_connection()
        return int(connection.connection.info.backend_pid)

    with relay_sessions(2) as (first, second):
        for session in (first, second, first, second):
            session(own_partitions)
        owners = first(partition_owners)
        assert set(owners) == set(ALL)
        assert set(owners.values()) == {first(session_id), second(session_id)}


@pytest.mark.parametrize("relays", [1, 2, 3, 5, 16, 20])
def test_fair_share__any_number_of_relays__adds_up_and_differs_by_one_at_most(relays: int) -> None:
    shares = [fair_share(rank, relays) for rank in range(relays)]
    assert sum(shares) == 16
    assert max(shares) - min(shares) <= 1


def test_own_partitions__another_is_silent__loses_its_session_and_its_partitions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with relay_sessions(2) as (first, second):
        first(own_partitions)
        monkeypatch.setattr(partitions, "SILENT_SECONDS", 0)
        eventually(lambda: second(own_partitions) == ALL)
        with pytest.raises(OperationalError):
            first(own_partitions)
