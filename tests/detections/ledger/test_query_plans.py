"""No query of the hot paths reads the whole ledger: what PostgreSQL says of each, where an index is worth it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from alerts.dashboard import get_dashboard
from detections.ledger import old_runs as retention
from detections.ledger import runs as ledger
from detections.ledger.dispatch import enqueue_due
from detections.ledger.recovery import enqueue_lost
from detections.models import DetectionRun
from detections.runs.selectors import (
    list_ended_runs,
    list_latest_ticks,
    list_runs,
    list_unfinished_runs,
)
from drift_detector.retention import BEGIN, Sweep
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_tenant
from monitors.models import Monitor
from tasks.reconciler import reconcile
from tests.bench.population import fill_ledger
from tests.conftest import committing, connected_as, role_url
from tests.factories import make_monitor, make_run

MONITORS, RUNS_EACH, DAYS = 20, 5000, 400
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def filled(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Monitor]:
    """One of several monitors with a hundred thousand runs behind them, which all tests here look at."""
    with committing(django_db_blocker):
        tenant = create_tenant(slug="acme", name="Acme")
        with tenant_scope(tenant.id):
            monitors = [make_monitor() for _ in range(MONITORS)]
        with psycopg.connect(role_url("owner"), autocommit=True) as owner:
            fill_ledger(owner, tenant.id, each=RUNS_EACH, days=DAYS)
            owner.execute("VACUUM ANALYZE drf_runs")
        yield monitors[0]


@pytest.fixture
def monitor(filled: Monitor) -> Monitor:
    """The monitor, with a single run to come."""
    with tenant_scope(filled.tenant_id):
        DetectionRun.objects.filter(status__in=["queued", "running"]).delete()
        make_run(filled, scheduled_for=timezone.now())
    return filled


def claim(monitor: Monitor) -> None:
    run = (
        DetectionRun.objects.filter(status="queued", enqueued_at__isnull=True)
        .defer("inline_data")
        .get()
    )
    claimed = ledger.claim_run(tenant_id=monitor.tenant_id, run_id=run.id, worker="w")
    assert claimed is not None
    claimed.lease.renew()
    ledger.finish_run(
        claimed, status="succeeded", verdict="ok", reason="", rows=1, baseline_id=None
    )


@pytest.mark.parametrize(
    "work",
    [
        pytest.param(lambda monitor: list(list_runs()[:50]), id="list"),
        pytest.param(
            lambda monitor: list(list_runs().filter(monitor=monitor)[:50]), id="list of a monitor"
        ),
        pytest.param(
            lambda monitor: list(list_runs().filter(monitor=monitor, status="skipped")[:50]),
            id="gaps",
        ),
        pytest.param(
            lambda monitor: list(list_latest_ticks(monitor.id)[:60]), id="ticks of a page"
        ),
        pytest.param(
            lambda monitor: list_unfinished_runs(monitor.id).count(), id="work of a monitor"
        ),
        pytest.param(
            lambda monitor: list(list_ended_runs(monitor.id, timezone.now() - HOUR)[:5]),
            id="ended since",
        ),
        pytest.param(lambda monitor: get_dashboard(days=7), id="dashboard"),
        pytest.param(claim, id="claim, heartbeat and end"),
        pytest.param(lambda monitor: enqueue_due(monitor.tenant_id), id="enqueue"),
    ],
)
def test_query__of_a_tenant__reads_no_table_of_runs_from_end_to_end(
    monitor: Monitor, work: Callable[[Monitor], object]
) -> None:
    with tenant_scope(monitor.tenant_id), explained() as plans:
        work(monitor)
    assert scanned(plans) == []
    assert plans


def test_query__of_the_reconciler__reads_no_table_of_runs_from_end_to_end(
    monitor: Monitor, empty_broker: None
) -> None:
    with connected_as(role_url("scheduler")), explained() as plans:
        enqueue_lost()
        reconcile()
        enqueue_due()
        Sweep("drf_runs", retention.RUN_IS_OLD, most=1000).step(
            timezone.now() - timedelta(days=DAYS - 1)
        )
    assert scanned(plans) == []
    assert len(plans) > 5


def test_walk__pages_that_removed_runs_were_on_are_used_again__reads_few(monitor: Monitor) -> None:
    with psycopg.connect(role_url("owner"), autocommit=True) as owner:
        with owner.transaction():
            owner.execute("SELECT set_config('app.tenant_id', %s, true)", [str(monitor.tenant_id)])
            owner.execute(
                "DELETE FROM drf_runs WHERE created_at < %s",
                [timezone.now() - timedelta(days=DAYS / 2)],
            )
        owner.execute("VACUUM drf_runs")
        fill_ledger(owner, monitor.tenant_id, each=RUNS_EACH // 2, days=DAYS // 2)
        owner.execute("VACUUM ANALYZE drf_runs")
        assert blocks_read(owner, monitor, before=timezone.now() - timedelta(days=DAYS - 1)) < 50


def blocks_read(owner: psycopg.Connection, monitor: Monitor, before: datetime) -> int:
    """What a step of the walk over old runs reads, of which there are none."""
    values = {"before": before, "made": BEGIN[0], "id": BEGIN[1], "most": 1000}
    with owner.transaction(force_rollback=True):
        owner.execute("SELECT set_config('app.tenant_id', %s, true)", [str(monitor.tenant_id)])
        owner.execute(
            "DROP INDEX run_newest, run_newest_of_monitor"
        )  # which only serve where tenants are as few as here
        explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {retention.old_runs.find}"
        [[[explained]]] = owner.execute(explain, values).fetchall()
    return int(explained["Plan"]["Shared Hit Blocks"] + explained["Plan"]["Shared Read Blocks"])


@contextmanager
def explained() -> Iterator[list[Any]]:
    """The plans of what is asked of the ledger meanwhile."""
    plans: list[Any] = []

    def explain(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        if "drf_runs" in sql and not many and not sql.startswith("INSERT"):
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
                plans.append(cursor.fetchone()[0][0]["Plan"])
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(explain):
        yield plans


def scanned(plans: list[Any]) -> list[str]:
    """The plans in which the table of runs is read as a whole."""
    return [json.dumps(plan) for plan in plans if reads_runs(plan)]


def reads_runs(plan: dict[str, Any]) -> bool:
    is_scan = plan["Node Type"] == "Seq Scan" and plan["Relation Name"] == "drf_runs"
    return is_scan or any(reads_runs(child) for child in plan.get("Plans", []))
