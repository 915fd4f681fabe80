"""Counts all that a tenant has at work, and sets aside what comes while there is no room for it.

Runs, parts, builds, jobs, backtests and reports each take one slot of the workers, so they have one
bound together. A run waits in the ledger for its turn. The message of other work is kept in Valkey,
and the end of any work of the tenant sends it again; what Valkey loses, the reconciler finds.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from uuid import UUID

import redis
import structlog
from django.conf import settings
from django.db import connection

from drift_detector.celery import Priority, TaskMessage, enqueue_all
from drift_detector.slots import most_at_work, note_tenant
from drift_detector.tenancy.scope import lock_local, tenant_scope

log = structlog.get_logger(__name__)

LEASES = "SELECT lease_token FROM {table} WHERE lease_expires_at > now() AND {condition}"
ASIDE_SECONDS = 24 * 3600
PATIENCE_SECONDS = 2.0  # for Valkey, as for the broker

_conditions: dict[str, str] = {}


class NoRoom(Exception):
    """The tenant has as much at work as it may; its work begins when some of it has ended."""


def register_work(table: str, condition: str) -> None:
    """Have the leases of a table counted; an index should serve the condition."""
    _conditions[table] = condition


def at_work_sql() -> str:
    """An expression of SQL: the number of slots that the tenant in scope takes.

    Each lease that stands takes one. The worker of a run leases parts with the run's own token,
    which is counted once.
    """
    leases = (LEASES.format(table=table, condition=each) for table, each in _conditions.items())
    return f"(SELECT count(*) FROM ({' UNION '.join(leases)}) AS leases)"  # noqa: S608  # the tables are ours


def lock_work(tenant_id: UUID) -> None:
    """Let one transaction at a time count the tenant's work and act on the number."""
    lock_local(f"work of {tenant_id}")


def check_room(tenant_id: UUID) -> None:
    """Lock the tenant's work, in its scope, if one piece more has room.

    Raises:
        NoRoom: If it has none.
    """
    note_tenant(tenant_id)
    lock_work(tenant_id)
    if not _has_room():
        raise NoRoom


def set_aside(message: TaskMessage) -> None:
    """Keep a message whose work had no room, until `begin_waiting` sends it."""
    key = _key_of(message.ids["tenant_id"])
    ids = {name: str(value) for name, value in message.ids.items()}
    with suppress(redis.RedisError):  # the reconciler finds the row
        client = _valkey()
        client.sadd(key, json.dumps([message.task, ids, message.priority], sort_keys=True))
        client.expire(key, ASIDE_SECONDS)
    log.info("work_waits", task=message.task, **ids)


def begin_waiting(tenant_id: UUID) -> None:
    """Send one message that was set aside, if its work has room now; called at each end of work.

    Who sets a message aside calls it too: the work that took the room can have ended in between.
    """
    key = _key_of(tenant_id)
    with suppress(redis.RedisError):
        if not _valkey().exists(key):
            return
        with tenant_scope(tenant_id):
            has_room = _has_room()
        kept = _valkey().spop(key) if has_room else None
        if isinstance(kept, bytes):
            enqueue_all([_message(*json.loads(kept))])


def _has_room() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {at_work_sql()} < %s", [most_at_work()])
        found = cursor.fetchone()
    return bool(found and found[0])


def _message(task: str, ids: Mapping[str, str], priority: int) -> TaskMessage:
    return TaskMessage(task, {name: UUID(value) for name, value in ids.items()}, Priority(priority))


def _key_of(tenant_id: UUID) -> str:
    return f"drift:aside:{tenant_id}"


@lru_cache(maxsize=1)
def _valkey() -> redis.Redis:
    return redis.Redis.from_url(
        str(settings.ENV.redis.url),
        socket_timeout=PATIENCE_SECONDS,
        socket_connect_timeout=PATIENCE_SECONDS,
    )
