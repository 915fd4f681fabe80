"""Which queued runs get a wake-up: no tenant's burst keeps another's runs waiting.

A tenant has at most so many runs at work, and so many wake-ups on their way for each of its classes: runs that somebody
waits for, ticks, backfills. The rest waits in the ledger, and the end of a run wakes the next. So a tenant's run finds
ahead of it, of each other tenant, what that tenant's limit allows, however many thousands it has asked for; and the
broker hands out the classes in their order.
"""

from functools import partial
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction

from drift_detector.celery import enqueue
from drift_detector.tenancy.scope import tenant_scope

log = structlog.get_logger(__name__)

EXECUTE_TASK = "detections.execute_run"

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('runs of ' || %s, 0))"
WAITING = """
    SELECT DISTINCT tenant_id FROM drf_runs
    WHERE status = 'queued' AND woken_at IS NULL AND (not_before IS NULL OR not_before <= now())
"""
WAKE = """
    UPDATE drf_runs SET woken_at = now() WHERE woken_at IS NULL AND status = 'queued' AND id IN (
        SELECT next.id
        FROM unnest(%(tenants)s::uuid[]) AS tenant (id) CROSS JOIN unnest(ARRAY[0, 3, 6]) AS class (priority)
        CROSS JOIN LATERAL (
            SELECT count(*) AS runs FROM drf_runs
            WHERE tenant_id = tenant.id AND (status = 'running'
                  OR status = 'queued' AND woken_at IS NOT NULL AND drf_runs.priority = class.priority)
        ) AS busy
        CROSS JOIN LATERAL (
            SELECT id, row_number() OVER (ORDER BY scheduled_for) AS place FROM (
                SELECT id, scheduled_for FROM drf_runs
                WHERE tenant_id = tenant.id AND status = 'queued' AND woken_at IS NULL
                  AND drf_runs.priority = class.priority AND (not_before IS NULL OR not_before <= now())
                ORDER BY scheduled_for LIMIT %(most)s
            ) AS first
        ) AS next
        WHERE next.place <= %(most)s - busy.runs
    )
    RETURNING tenant_id, id, priority
"""


def wake_soon(tenant_id: UUID | None = None) -> None:
    """Wake what may go, of a tenant or of all, once the transaction has committed.

    What goes wrong then is logged and left to the reconciler: the rows are there.
    """
    transaction.on_commit(partial(wake_due, tenant_id), robust=True)


def wake_due(tenant_id: UUID | None = None) -> int:
    """Send the wake-ups that may go now; those of all tenants need the scheduler's role.

    Returns:
        How many were sent.
    """
    if tenant_id is None:
        with transaction.atomic():
            return _wake(_waiting_tenants())
    with tenant_scope(tenant_id):
        lock_runs(tenant_id)
        return _wake([tenant_id])


def lock_runs(tenant_id: UUID) -> None:
    """Let one transaction at a time count the tenant's runs and act on the number."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [str(tenant_id)])


def _waiting_tenants() -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return [tenant_id for (tenant_id,) in cursor.fetchall()]


def _wake(tenants: list[UUID]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(WAKE, {"tenants": tenants, "most": settings.ENV.runs.max_per_tenant})
        woken = cursor.fetchall()
    for tenant_id, run_id, priority in sorted(woken, key=lambda row: row[2]):
        enqueue(EXECUTE_TASK, priority, tenant_id=tenant_id, run_id=run_id)
    return len(woken)
