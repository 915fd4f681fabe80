"""Each table of ours is audited by row, or stands here with the reason why it is not."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import role_url

NOT_BY_ROW = {
    "drf_audit": "the trail itself",
    "drf_alert_runs": "written by workers alone, with each run",
    "drf_baseline_frames": "written by workers alone, with each baseline",
    "drf_budget_loads": "follows from monitors, which are audited",
    "drf_consumer_offsets": "how far a topic is read",
    "drf_detections": "written by workers alone, with each run",
    "drf_detector_states": "follows from outcomes, whose batches are audited",
    "drf_error_bins": "follows from outcomes, whose batches are audited",
    "drf_health_reviews": "a mark for workers",
    "drf_outbox_keys": "the counters of the outbox",
    "drf_outcome_streams": "follows from outcomes, whose batches are audited",
    "drf_pending_outcomes": "follows from outcomes, whose batches are audited",
    "drf_profiles": "written by workers alone, with each run",
    "drf_run_parts": "written by workers alone, while a run goes on",
    "drf_signal_changes": "follows from outcomes, whose batches are audited",
    "drf_usage": "counters of quotas",
    "drf_users_groups": "Django's groups, which decide nothing here",
    "drf_users_user_permissions": "Django's permissions, which decide nothing here",
}

TABLES = """
    SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition AND relname LIKE 'drf\\_%'
    AND relnamespace = 'public'::regnamespace
"""
AUDITED = """
    SELECT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal AND tgname = 'audit_row' AND tgenabled = 'O'
    AND tgtype & 29 = 29  -- for each row, after INSERT, UPDATE and DELETE
"""
GRANTED = """
    SELECT grantee, privilege_type FROM information_schema.role_table_grants
    WHERE table_name LIKE 'drf\\_audit%' AND grantee <> 'drift_owner'
"""


@pytest.fixture
def owner(django_db_setup: None) -> Iterator[psycopg.Connection]:
    with psycopg.connect(role_url("owner"), autocommit=True) as connection:
        yield connection


def names(owner: psycopg.Connection, query: str) -> set[str]:
    return {name for (name,) in owner.execute(query)}


def test_tables__each_one__is_audited_or_says_why_not(owner: psycopg.Connection) -> None:
    assert names(owner, TABLES) - names(owner, AUDITED) == NOT_BY_ROW.keys()


def test_trail__grants__are_reading_alone(owner: psycopg.Connection) -> None:
    assert set(owner.execute(GRANTED).fetchall()) == {("drf_web", "SELECT")}


def test_trail__months__are_made_ahead_by_migrate(owner: psycopg.Connection) -> None:
    made = names(
        owner, "SELECT relid::regclass::text FROM pg_partition_tree('drf_audit') WHERE isleaf"
    )
    [(first, fourth)] = owner.execute(
        "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM'),"
        " to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + interval '3 months', 'YYYY_MM')"
    )
    assert {"drf_audit_default", f"drf_audit_{first}", f"drf_audit_{fourth}"} <= made
    assert len(made) == 5
