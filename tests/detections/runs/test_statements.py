"""The number of statements that a small run sends to PostgreSQL."""

from pathlib import Path
from typing import Any

from django.db import connection

from detections.models import DetectionRun
from detections.runs.execution import execute
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from tests.factories import make_flights_monitor, make_run

STATEMENTS = 22
"""A change that raises this number says so, with the reason, in the changelog."""


def test_execute__small_run_without_drift__sends_few_statements(
    committed_tenant: Tenant, flights: Path
) -> None:
    with tenant_scope(committed_tenant.id):
        monitor = make_flights_monitor(flights)
        first, second = (make_run(monitor, week=week) for week in (1, 2))
    _execute(first)  # the baseline is in the cache now
    statements: list[str] = []

    def note(execute: Any, sql: str, *arguments: Any) -> Any:
        statements.append(sql)
        return execute(sql, *arguments)

    with connection.execute_wrapper(note):
        _execute(second)
    with tenant_scope(committed_tenant.id):
        assert DetectionRun.objects.get(id=second.id).verdict == "ok"
    assert len(statements) == STATEMENTS, "\n".join(statements)


def _execute(run: DetectionRun) -> None:
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
