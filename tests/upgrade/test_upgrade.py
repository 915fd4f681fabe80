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

from algorithms.baseline import Baseline as FrozenBaseline
from drift_detector.celery import app
from drift_detector.upgrades import DatabaseTooOld
from tasks.reconciler import purge_old
from tests.conftest import connected_as, role_url
from tests.drift_detector.events.conftest import steps
from tests.drift_detector.events.test_relay import Noting
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
def acme(facts: Facts) -> Facts:
    tenant: Facts = facts["tenants"][0]
    return tenant


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


def test_judging__old_baselines__measure_the_same_as_before(facts: Facts) -> None:
    compared = 0
    for tenant, run in runs_over_weeks(facts):
        old, again = measures_of(tenant, run), judge_again(tenant, run)
        new = measures_of(tenant, again)
        assert (again["rows"], again["baseline_id"]) == (run["rows"], run["baseline_id"])
        assert [name for name in old if not are_close(old[name], new[name])] == []
        compared += len(old)
    assert compared > 500


def runs_over_weeks(facts: Facts) -> Iterator[tuple[Facts, Facts]]:
    for tenant in facts["tenants"]:
        for run in tenant["runs"]:
            if run["trigger"] == "backfill":
                yield tenant, run


def test_judging__old_baseline_of_csv_in_a_stream__measures_the_same(
    facts: Facts, override: Callable[..., None]
) -> None:
    override(data={"stream_bytes": 1})
    rival = facts["tenants"][1]
    codes = next(each["id"] for each in rival["monitors"] if each["name"] == "Codes")
    run = next(each for each in rival["runs"] if each["monitor_id"] == codes)
    old, new = measures_of(rival, run), measures_of(rival, judge_again(rival, run))
    assert [name for name in old if not are_close(old[name], new[name])] == []


def test_judging__rows_sent_to_an_old_baseline__measure_the_same(facts: Facts) -> None:
    rival = facts["tenants"][1]
    (run,) = (each for each in rival["runs"] if each["id"] == rival["inline"]["run_id"])
    body = {"current_data": rival["inline"]["columns"]}
    again = judged(rival, post(rival, f"monitors/{run['monitor_id']}/run", body))
    old, new = measures_of(rival, run), measures_of(rival, again)
    assert [name for name in old if not are_close(old[name], new[name])] == []
    assert sum(measures != (None, None, None) for measures in old.values()) > 20


def test_judging__run_that_waited_for_a_worker__is_judged(acme: Facts) -> None:
    (run,) = (each for each in acme["runs"] if each["window_start"].startswith("2024-01-01"))
    work(acme, "detections.execute_run", run_id=run["id"])
    found = get(acme, f"runs/{run['id']}")
    assert (found["status"], found["verdict"], found["rows"]) == ("succeeded", "ok", 300)


def test_backtest__that_waited_for_a_worker__is_judged(acme: Facts) -> None:
    (waiting,) = (each for each in acme["backtests"] if each["status"] == "running")
    work(acme, "detections.build_backtest", backtest_id=waiting["id"])
    assert get(acme, f"backtests/{waiting['id']}")["status"] == "ready"


def test_baseline__that_waited_for_a_worker__is_built_with_a_contract(acme: Facts) -> None:
    (waiting,) = get(acme, f"monitors/{acme['waiting']}/baselines")["results"]
    work(acme, "monitors.build_baseline", baseline_id=waiting["id"])
    query = "SELECT content FROM drf_baselines WHERE id = %s AND status = 'ready'"
    ((content,),) = rows_of(UUID(acme["id"]), query, waiting["id"])
    features = FrozenBaseline.from_bytes(bytes(content)).features
    assert all(feature.value_type is not None for feature in features.values())


def test_outcomes__batch_from_before_again__counts_once(acme: Facts) -> None:
    monitor = next(m for m in acme["monitors"] if m["name"] == "Flights, outcomes sent")
    before = get(acme, f"monitors/{monitor['id']}/detectors")
    path = f"monitors/{monitor['id']}/outcomes?batch_id=first"
    rows = [{"prediction": 1, "label": 1 - error} for error in [0, 0, 0, 0, 1] * 120]
    post(acme, path, {"outcomes": rows})
    assert get(acme, f"monitors/{monitor['id']}/detectors") == before


def test_outcomes__label_of_a_prediction_from_before__joins_it(acme: Facts) -> None:
    monitor = next(m for m in acme["monitors"] if m["name"] == "Flights, outcomes sent")
    before = acme["detectors"][monitor["id"]]
    label = {"prediction_id": "p-1", "occurred_at": "2024-01-01T00:00:00Z", "label": 1}
    post(acme, f"monitors/{monitor['id']}/outcomes?batch_id=label", {"outcomes": [label]})
    found = get(acme, f"monitors/{monitor['id']}/detectors")
    assert [each["observations"] for each in found] == [each["observations"] + 1 for each in before]


def test_relay__events_from_before__are_published_once(facts: Facts) -> None:
    query = "SELECT event_id FROM drf_outbox WHERE published_at IS NULL"
    waiting = {tenant["id"]: column_of(tenant, query) for tenant in facts["tenants"]}
    sent = Noting()
    steps(3, lambda: sent)
    assert sorted(sent.sent) == sorted(set().union(*waiting.values()))
    assert [column_of(tenant, query) for tenant in facts["tenants"]] == [set(), set()]


def test_purge__runs_past_their_retention__leaves_alerts_and_their_runs(
    facts: Facts, override: Callable[..., None], worker_id: str, old_data: Path
) -> None:
    override(runs={"retention_days": EVER})
    with old_database(f"purged_{worker_id}", old_data) as owner:  # the others need the runs
        migrate(owner)
        with connected_as(role_url("scheduler")):
            purge_old()
        for tenant in facts["tenants"]:
            alerts = get(tenant, "alerts?page_size=200")["results"]
            assert {alert["id"] for alert in alerts} == {alert["id"] for alert in tenant["alerts"]}
            left = column_of(tenant, "SELECT id FROM drf_runs WHERE status = 'succeeded'")
            assert left == {alert[name] for alert in alerts for name in REFERRED}
