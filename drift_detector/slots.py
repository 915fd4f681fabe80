"""Counts the slots of all workers, so that one tenant's work leaves some of them to the others.

Workers say in Valkey how many children they have, and claims say which tenants are at work. What is
not known there bounds nothing: the limit of each tenant stands alone then.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from threading import Lock
from typing import Any
from uuid import UUID

from django.conf import settings

from drift_detector.celery import UNREACHABLE, app

SLOTS_KEY, TENANTS_KEY = "drift.slots", "drift.tenants"
WORKER_SECONDS = 30
"""A worker that said nothing for so long has gone."""
TENANT_SECONDS = 24 * 3600
"""A tenant without work for so long needs no slot that waits for it."""
REMEMBERED_SECONDS = 5
NOTED_SECONDS = 60

_lock = Lock()
_remembered: dict[str, tuple[float, int]] = {}
_noted: dict[UUID, float] = {}


def publish_slots(worker: str, number: int) -> None:
    """Say how many tasks a worker can do at once; it says so again while it lives."""
    with suppress(*UNREACHABLE), app.connection_for_read() as broker:
        client = broker.default_channel.client
        client.hset(SLOTS_KEY, worker, f"{time.time()}:{number}")


def note_tenant(tenant_id: UUID) -> None:
    """Say that a tenant has work; once a minute is enough."""
    now = time.monotonic()
    if now - _noted.get(tenant_id, -NOTED_SECONDS) < NOTED_SECONDS:
        return
    _noted[tenant_id] = now
    with suppress(*UNREACHABLE), app.connection_for_read() as broker:
        broker.default_channel.client.hset(TENANTS_KEY, str(tenant_id), f"{time.time()}:1")


def most_at_work() -> int:
    """The most pieces of work that one tenant may have at work now.

    With two slots or more, and another tenant, it leaves as many of them free as the settings say.
    """
    runs = settings.ENV.runs
    if not runs.leave_free:
        return int(runs.max_per_tenant)
    slots, tenants = _count(SLOTS_KEY, WORKER_SECONDS), _count(TENANTS_KEY, TENANT_SECONDS)
    if slots < 2 or tenants < 2:
        return int(runs.max_per_tenant)
    return max(1, min(runs.max_per_tenant, slots - runs.leave_free))


def forget() -> None:
    """Ask Valkey again at the next question."""
    with _lock:
        _remembered.clear()
        _noted.clear()


def _count(key: str, seconds: int) -> int:
    """The sum of what was said in the last seconds, remembered for a few of them."""
    now = time.monotonic()
    with _lock:
        asked, count = _remembered.get(key, (-REMEMBERED_SECONDS, 0))
        if now - asked < REMEMBERED_SECONDS:
            return count
        _remembered[key] = (now, count)
    with suppress(*UNREACHABLE), app.connection_for_read() as broker:
        count = _sum(broker.default_channel.client.hgetall(key), time.time() - seconds)
    with _lock:
        _remembered[key] = (now, count)
    return count


def _sum(said: Mapping[Any, bytes], since: float) -> int:
    pairs = (value.decode().split(":") for value in said.values())
    return sum(int(number) for moment, number in pairs if float(moment) >= since)
