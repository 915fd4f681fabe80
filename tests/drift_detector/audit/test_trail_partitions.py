"""The months of the trail: made ahead, dropped when they are old, and none lost when one is missing."""

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO

import psycopg
import pytest
from django.core.management import call_command
from django.utils import timezone

from drift_detector.audit import trail_partitions
from tests.conftest import connected_as, role_url

ROW = (
    "INSERT INTO drf_audit (created_at, actor_kind, actor_id, action, object_type) "
    "VALUES (%s, 'command', 'test', 'update', 'runs')"
)
LEAVES = "SELECT relid::regclass::text FROM pg_partition_tree('drf_audit') WHERE isleaf"


@pytest.fixture
def owner(committed: None) -> Iterator[psycopg.Connection]:
    with psycopg.connect(role_url("owner"), autocommit=True) as connection:
        yield connection


def keep_audit() -> list[str]:
    said = StringIO()
    with connected_as(role_url("owner")):
        call_command("keep_audit", stdout=said)
    return said.getvalue().split("\n")[:-1]


def leaves(owner: psycopg.Connection) -> set[str]:
    return {name for (name,) in owner.execute(LEAVES)}


def test_keep_audit__all_months_there__does_nothing(owner: psycopg.Connection) -> None:
    assert keep_audit() == []


def test_keep_audit__month_missing__takes_its_rows_from_the_default(
    owner: psycopg.Connection,
) -> None:
    now = timezone.now()
    name = f"drf_audit_{now:%Y_%m}"
    owner.execute(f"DROP TABLE {name}")
    owner.execute(ROW, [now])
    assert owner.execute("SELECT count(*) FROM drf_audit_default").fetchone() == (1,)
    assert keep_audit() == [f"made {name}"]
    assert owner.execute("SELECT count(*) FROM drf_audit_default").fetchone() == (0,)
    assert owner.execute(f"SELECT count(*) FROM {name}").fetchone() == (1,)


def test_keep_audit__months_missed__take_their_rows_from_the_default(
    owner: psycopg.Connection,
) -> None:
    past = timezone.now() - timedelta(days=100)
    owner.execute(ROW, [past])
    made = keep_audit()
    assert f"made drf_audit_{past:%Y_%m}" in made
    assert owner.execute("SELECT count(*) FROM drf_audit_default").fetchone() == (0,)
    for each in made:
        owner.execute(f"DROP TABLE {each.removeprefix('made ')}")


def test_keep_audit__month_past_its_retention__is_dropped(
    owner: psycopg.Connection, override: object
) -> None:
    old = (timezone.now() - timedelta(days=800)).date().replace(day=1)
    with connected_as(role_url("owner")):
        trail_partitions._make(old)
    name = f"drf_audit_{old:%Y_%m}"
    assert name in leaves(owner)
    assert keep_audit() == [f"dropped {name}"]
    assert name not in leaves(owner)


def test_keep_audit__by_the_apps_role__is_refused(committed: None) -> None:
    with pytest.raises(Exception, match=r"must be owner|permission denied"):
        trail_partitions._make(timezone.now().date().replace(year=2001, day=1))
