"""Enqueues queued runs within each tenant's limits, so that no tenant's burst keeps another's runs waiting.

The settings limit the runs that a tenant has at work, and the messages on their way for each of its classes: manual
runs, ticks, backfills (and follow-ups that are due). The other runs wait in the ledger, and the end of a run enqueues
the next. The first two classes share one priority at the broker, first come first served: if one could overtake, a
tenant that refills it would keep all others waiting. So a run waits for no more runs of another tenant than that
tenant's limit allows, even if it has asked for thousands; backfills take the capacity that is left.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from uuid import UUID

import structlog
from django.db import connection, transaction

from drift_detector.celery import Priority, TaskMessage, enqueue_all
from drift_detector.slots import most_at_work
from drift_detector.tenancy.scope import set_local, tenant_scope
from drift_detector.work import lock_work

log = structlog.get_logger(__name__)

EXECUTE_TASK = "detections.execute_run"

# The class of a run, and the priority of its message at the broker.
PRIORITIES = {0: Priority.TICK, 3: Priority.TICK, 6: Priority.BACKFILL}

# Of each class of each tenant: a few rows from the indexes' ends, however many wait.
NEXT = """
    SELECT next.id FROM class CROSS JOIN LATERAL (
        SELECT count(*) AS runs FROM drf_runs
        WHERE tenant_id = class.tenant_id AND (status = 'running'
              OR status = 'queued' AND enqueued_at IS NOT NULL AND priority = class.priority)
    ) AS busy CROSS JOIN LATERAL (
        SELECT id, row_number() OVER (ORDER BY scheduled_for) AS place FROM (
            SELECT id, scheduled_for FROM drf_runs
            WHERE tenant_id = class.tenant_id AND status = 'queued' AND enqueued_at IS NULL
              AND priority = class.priority AND (not_before IS NULL OR not_before <= now())
            ORDER BY scheduled_for LIMIT %(most)s
        ) AS first
    ) AS next
    WHERE next.place <= %(most)s - busy.runs
"""
CLASSES_OF_TENANT = """
    WITH class (tenant_id, priority) AS (VALUES (%(tenant)s::uuid, 0), (%(tenant)s, 3), (%(tenant)s, 6))
"""
# Those that have something waiting are found by stepping through an index, from each to the next.
CLASSES_OF_ALL = """
    WITH RECURSIVE class AS (
        (SELECT tenant_id, priority FROM drf_runs WHERE status = 'queued' AND enqueued_at IS NULL
         ORDER BY tenant_id, priority LIMIT 1)
        UNION ALL
        SELECT following.* FROM class CROSS JOIN LATERAL (
            SELECT tenant_id, priority FROM drf_runs WHERE status = 'queued' AND enqueued_at IS NULL
                AND (tenant_id, priority) > (class.tenant_id, class.priority)
            ORDER BY tenant_id, priority LIMIT 1
        ) AS following
    )
"""
NEXT_OF_TENANT, NEXT_OF_ALL = CLASSES_OF_TENANT + NEXT, CLASSES_OF_ALL + NEXT
MARK_ENQUEUED = """
    UPDATE drf_runs SET enqueued_at = now() WHERE id = ANY(%s) AND enqueued_at IS NULL AND status = 'queued'
    RETURNING tenant_id, id, priority
"""
MARK_UNSENT = "UPDATE drf_runs SET enqueued_at = NULL WHERE id = ANY(%s) AND status = 'queued'"


def enqueue_soon(tenant_id: UUID | None = None) -> None:
    """Enqueue the runs that may go, of a tenant or of all, once the transaction has committed.

    What goes wrong then is logged and left to the reconciler: the rows are there.
    """
    transaction.on_commit(
        lambda: enqueue_due(tenant_id), robust=True
    )  # a partial has no name for Django's log


def enqueue_due(tenant_id: UUID | None = None) -> int:
    """Send the messages of the runs that may go now; for all tenants it needs the scheduler's role.

    Returns:
        The number of messages; a run whose message cannot be sent waits again.
    """
    with _scope(tenant_id):
        if tenant_id is None:
            set_local(
                "enable_seqscan", "off"
            )  # for each class, by a planner that takes a just filled table for empty
            return _enqueue_next(tenant_id, NEXT_OF_ALL)
        lock_work(tenant_id)
        return _enqueue_next(tenant_id, NEXT_OF_TENANT)


def _scope(tenant_id: UUID | None) -> AbstractContextManager[None]:
    """A transaction over the rows of a tenant, or of all."""
    return transaction.atomic() if tenant_id is None else tenant_scope(tenant_id)


def _enqueue_next(tenant_id: UUID | None, query: str) -> int:
    if not (ids := _next_runs(tenant_id, query)):
        return 0
    messages = [_message(*run) for run in _mark_enqueued(ids)]
    enqueue_all(messages, unsent=partial(_mark_unsent, tenant_id))
    return len(messages)


def _next_runs(tenant_id: UUID | None, query: str) -> list[UUID]:
    limits = {"tenant": tenant_id, "most": most_at_work()}
    with connection.cursor() as cursor:
        cursor.execute(query, limits)
        return [run_id for (run_id,) in cursor.fetchall()]


def _mark_enqueued(ids: list[UUID]) -> list[tuple[UUID, UUID, int]]:
    """Mark runs as enqueued; returns the tenant, id and class of each, in the order of the classes."""
    with connection.cursor() as cursor:
        cursor.execute(MARK_ENQUEUED, [ids])
        return sorted(cursor.fetchall(), key=lambda each: each[2])


def _message(tenant_id: UUID, run_id: UUID, run_class: int) -> TaskMessage:
    ids = {"tenant_id": tenant_id, "run_id": run_id}
    return TaskMessage(EXECUTE_TASK, ids, PRIORITIES[run_class])


def _mark_unsent(tenant_id: UUID | None, unsent: Sequence[TaskMessage]) -> None:
    """Let runs wait again whose message was not sent, or they would take up the tenant's limit."""
    with _scope(tenant_id), connection.cursor() as cursor:
        cursor.execute(MARK_UNSENT, [[each.ids["run_id"] for each in unsent]])
