"""A database that commit c67e9ca made, after `migrate`: all is there, and goes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import isclose
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.core.management import call_command
from django_celery_beat.models import PeriodicTask
from pytest_django.plugin import DjangoDbBlocker

from drift_detector.celery import app
from drift_detector.upgrades import DatabaseTooOld
from tests.conftest import connected_as, role_url
from tests.factories import rows_of
from tests.upgrade.catalog import read_schema
from tests.upgrade.conftest import client_with, migrate, old_database

type Facts = dict[str, Any]

MEASURES = ("statistic", "p_value", "effect_size")
LISTS = ("runs", "detections", "alerts")
REFERRED = ("first_run_id", "last_run_id")
EVER = -10_000  # days; the rows are as old as the fixture, whatever the clock says

pytestmark = pytest.mark.usefixtures("upgraded")

OLD_DEFAULT = ["ks", "psi", "chi_squared"]


@pytest.fixture
def new_schema(upgraded: str, worker_id: str) -> set[tuple[str, ...]]:
    """The schema of the database that this version made itself, for the other tests."""
    return read_schema(role_url("owner", f"test_{worker_id}"))


def get(tenant: Facts, path: str) -> Any:
    """The answer of today's API to a key from before the upgrade."""
    answer = client_with(tenant["key"]).get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def post(tenant: Facts, path: str, body: Any) -> Any:
    answer = client_with(tenant["key"]).post(f"/api/v1/{path}", body, format="json")
    assert answer.status_code < 300, answer.content
    return answer.json()


def work(tenant: Facts, task: str, **ids: str) -> None:
    """Do what a worker does with a message."""
    app.tasks[task](tenant_id=tenant["id"], **ids)


@contextmanager
def row_counts(owner: str) -> Iterator[Callable[[str], int]]:
    """Counts the rows of all tenants; the owner sees them until the end of the transaction."""
    with psycopg.connect(owner) as database:

        def count(table: str) -> int:
            database.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY".encode())
            found = database.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
            assert found is not None
            return int(found[0])

        yield count
        database.rollback()


def column_of(tenant: Facts, query: str) -> set[str]:
    """The first column of a query, read by PostgreSQL alone."""
    return {str(row[0]) for row in rows_of(UUID(tenant["id"]), query)}


def measures_of(tenant: Facts, run: Facts) -> dict[tuple[str, ...], tuple[Any, ...]]:
    """The measures of each method on each feature in a run."""
    details: dict[tuple[str, ...], tuple[Any, ...]] = {}
    for row in run["detections"]:
        detection = get(tenant, f"detections/{row['id']}")
        for each in detection["details"]:
            name = (row["method"], row["reference"], each["feature"])
            details[name] = tuple(each[measure] for measure in MEASURES)
    return details


def are_close(old: tuple[Any, ...], new: tuple[Any, ...]) -> bool:
    """True if two sets of measures differ by no more than the last digits."""
    if (old.count(None), len(old)) != (new.count(None), len(new)):
        return False
    pairs = [pair for pair in zip(old, new, strict=True) if pair != (None, None)]
    return all(isclose(*pair, rel_tol=1e-12, abs_tol=1e-12) for pair in pairs)


def judge_again(tenant: Facts, run: Facts) -> Facts:
    """A new run over the window of an old one."""
    window = {"start": run["window_start"], "end": run["window_end"]}
    return judged(tenant, post(tenant, f"monitors/{run['monitor_id']}/run", {"window": window}))


def judged(tenant: Facts, run: Facts) -> Facts:
    """A run after a worker has judged it."""
    work(tenant, "detections.execute_run", run_id=run["id"])
    found: Facts = get(tenant, f"runs/{run['id']}")
    return found


def differences(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """The places where an answer lacks or changes what the old one said; it may say more."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name, value in old.items():
            yield from differences(value, new.get(name), f"{path}.{name}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from differences(before, after, f"{path}[{place}]")
    elif old != new:
        yield f"{path}: {old!r} became {new!r}"


def test_migrate__old_database__has_the_schema_of_a_new_one(
    upgraded: str, new_schema: set[tuple[str, ...]]
) -> None:
    old = read_schema(upgraded)
    assert sorted(old - new_schema) == []
    assert sorted(new_schema - old) == []


def test_migrate__old_database__every_table_forces_row_level_security(upgraded: str) -> None:
    query = """SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
        WHERE relkind IN ('r', 'p') AND NOT relispartition AND attname = 'tenant_id'
            AND NOT (relrowsecurity AND relforcerowsecurity)"""
    with psycopg.connect(upgraded) as owner:
        assert owner.execute(query).fetchall() == []


def test_migrate__twice__does_nothing_more(upgraded: str, new_schema: set[tuple[str, ...]]) -> None:
    migrate(upgraded)
    assert read_schema(upgraded) == new_schema


def test_makemigrations__after_the_upgrade__finds_no_change(upgraded: str) -> None:
    with connected_as(upgraded):
        call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_migrate__database_older_than_the_squashed__is_refused_and_stays(
    worker_id: str, old_data: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    name = f"too_old_{worker_id}"
    with django_db_blocker.unblock(), old_database(name, old_data) as owner:
        with psycopg.connect(owner) as database:
            database.execute("DELETE FROM django_migrations WHERE name = '0006_labels'")
        before = read_schema(owner)
        with pytest.raises(DatabaseTooOld, match=r"monitors\.0006_labels"):
            migrate(owner)
        assert read_schema(owner) == before


def test_api__old_monitors__have_the_same_settings(facts: Facts) -> None:
    for tenant in facts["tenants"]:
        found = get(tenant, "monitors")["results"]
        assert list(differences(with_default_of_the_day(tenant["monitors"]), found)) == []
        assert all(
            set(OLD_DEFAULT) < set(each["effective_methods"])
            for each in found
            if not each["methods"]
        )


def with_default_of_the_day(monitors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The monitors whose methods were the old default have none of their own now."""
    assert any(each["methods"] != OLD_DEFAULT for each in monitors)
    return [
        each | {"methods": None} if each["methods"] == OLD_DEFAULT else each for each in monitors
    ]


def test_api__old_baselines__are_the_same(facts: Facts) -> None:
    for tenant in facts["tenants"]:
        for monitor_id, baselines in tenant["baselines"].items():
            found = get(tenant, f"monitors/{monitor_id}/baselines")["results"]
            assert list(differences(baselines, found)) == []


def test_api__old_detectors__are_in_the_same_states(facts: Facts) -> None:
    for tenant in facts["tenants"]:
        for monitor_id, detectors in tenant["detectors"].items():
            found = get(tenant, f"monitors/{monitor_id}/detectors")
            assert list(differences(detectors, found)) == []


@pytest.mark.parametrize("kind", [*LISTS, "backtests"])
def test_api__old_results__are_the_same(facts: Facts, kind: str) -> None:
    for tenant in facts["tenants"]:
        found = [get(tenant, f"{kind}/{row['id']}") for row in tenant[kind]]
        assert list(differences(tenant[kind], found)) == []


@pytest.mark.parametrize("kind", LISTS)
def test_api__old_results__are_listed_once_and_to_their_tenant(facts: Facts, kind: str) -> None:
    for tenant in facts["tenants"]:
        found = get(tenant, f"{kind}?page_size=200")["results"]
        assert {row["id"] for row in found} == {row["id"] for row in tenant[kind]}


def test_tables__old_rows__are_all_there(upgraded: str, facts: Facts) -> None:
    with row_counts(upgraded) as count:
        assert {table: count(table) for table in facts["tables"]} == facts["tables"]


def test_keys__old_ones__have_the_scopes_of_their_role_and_no_end(facts: Facts) -> None:
    """All were made without `--role`, so for operators."""
    query = (
        "SELECT array_to_string(scopes, ' ') || coalesce(expires_at::text, '') FROM drf_api_keys"
    )
    scopes = "monitors:read monitors:write runs:write outcomes:write alerts:write"
    for tenant in facts["tenants"]:
        assert column_of(tenant, query) == {scopes}


def test_schedules__old_ones__name_a_task_that_beat_knows(upgraded: str, facts: Facts) -> None:
    monitors = [monitor for tenant in facts["tenants"] for monitor in tenant["monitors"]]
    rows = PeriodicTask.objects.values_list("name", "task", "enabled")
    active = {f"monitor:{each['id']}": each["status"] == "active" for each in monitors}
    assert {name: enabled for name, _, enabled in rows} == active
    assert {task for _, task, _ in rows} <= set(app.tasks)


def test_runs__that_old_alerts_refer_to__are_kept(facts: Facts) -> None:
    for tenant in facts["tenants"]:
        referred = {alert[name] for alert in tenant["alerts"] for name in REFERRED}
        assert column_of(tenant, "SELECT id FROM drf_runs WHERE is_kept") == referred
        assert len(referred) > 0
