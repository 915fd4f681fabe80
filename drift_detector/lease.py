"""The lease: the right of one worker to finish a piece of work, as long as its token stands in the row.

Runs, parts, baselines, jobs, backtests and reports are leased in the same way. Every write of a worker names
the token, so a worker that lost its lease writes nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, models
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from drift_detector.observability.metrics import count_lease_losses
from drift_detector.tenancy.models import TenantModel
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.work import check_room

log = structlog.get_logger(__name__)

NO_LEASE: dict[str, None] = {"lease_token": None, "lease_expires_at": None}


class LeasedModel(TenantModel):
    """A row that one worker at a time works on.

    A null token means that no worker holds the row. `worker` stays as the last one that held it.
    """

    attempt = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    worker = models.CharField(max_length=200, blank=True)

    class Meta:
        abstract = True


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's lease on one row. Every method returns False when the lease is lost."""

    model: type[LeasedModel]
    tenant_id: UUID
    row_id: UUID
    token: UUID
    attempt: int = 0

    def held(self) -> QuerySet[Any]:
        """The row while the lease stands, in the caller's tenant scope; else no row."""
        return self.model._default_manager.filter(id=self.row_id, lease_token=self.token)

    def renew(self) -> bool:
        """Extend the lease from now on."""
        return self.update(lease_expires_at=timezone.now() + lease_time())

    def update(self, **fields: Any) -> bool:
        """Write to the row while the lease stands."""
        with tenant_scope(self.tenant_id):
            return bool(self.held().update(**fields))

    def finish(self, **fields: Any) -> bool:
        """Write the end of the work, and end the lease."""
        return self.update(**fields, **NO_LEASE)

    def release(self, *, is_attempt: bool, **fields: Any) -> bool:
        """End the lease before the work is complete, so that another worker can claim the row.

        Args:
            is_attempt: Whether this try counts as an attempt.
            fields: What else is written.
        """
        attempt = F("attempt") if is_attempt else Greatest(F("attempt") - 1, 0)
        return self.update(attempt=attempt, **fields, **NO_LEASE)


def lease_time() -> timedelta:
    """The time that a lease lasts without a renewal."""
    return timedelta(seconds=settings.ENV.runs.lease_seconds)


def is_unleased() -> Q:
    """Rows that no worker holds: without a lease, or with one that has expired."""
    return Q(lease_token__isnull=True) | Q(lease_expires_at__lt=timezone.now())


def claim_row(
    rows: QuerySet[Any],
    row_id: UUID,
    *,
    tenant_id: UUID,
    worker: str,
    token: UUID | None = None,
    takes_slot: bool = True,
) -> Lease | None:
    """Take the lease of a row, in the caller's tenant scope.

    Args:
        rows: The rows that can be claimed.
        row_id: The row.
        tenant_id: Its tenant.
        worker: The name of the worker.
        token: The token of other work that the worker does, and whose slot it has; else a new one.
        takes_slot: True for work of the workers, which share their slots between the tenants.

    Returns:
        None when the row is not among those that can be claimed.

    Raises:
        NoRoom: If it could be claimed, but the tenant has as much at work as it may.
    """
    claimable = rows.filter(id=row_id)
    if takes_slot and token is None and claimable.exists():
        check_room(tenant_id)
    new_token = token or uuid4()
    taken = claimable.update(
        attempt=F("attempt") + 1,
        lease_token=new_token,
        lease_expires_at=timezone.now() + lease_time(),
        worker=worker,
    )
    if not taken:
        return None
    attempt = rows.model._default_manager.values_list("attempt", flat=True).get(id=row_id)
    return Lease(rows.model, tenant_id, row_id, new_token, attempt)


def lease_of_worker(rows: QuerySet[Any], *, tenant_id: UUID, worker: str) -> Lease | None:
    """The lease on a row that a worker holds now, in the caller's tenant scope.

    A worker that stops, or whose child has crashed, uses it: its main process does not know the
    tokens of its child processes.

    Args:
        rows: The row, if it can be held.
        tenant_id: Its tenant.
        worker: The name of the worker.

    Returns:
        None when another worker holds the row, or none.
    """
    held = rows.filter(worker=worker, lease_token__isnull=False)
    found = held.values_list("id", "lease_token").first()
    return Lease(rows.model, tenant_id, *found) if found else None


@contextmanager
def kept_lease(renew: Callable[[], bool]) -> Iterator[None]:
    """Renew a lease from a thread of its own until the block ends or `renew` says that it is lost.

    A lost lease does not stop the computation: its result is refused when it is written.
    """
    finished = Event()
    context = copy_context()  # the ids in the logs
    heartbeat = Thread(
        target=context.run, args=(_renew_until, renew, finished), name="heartbeat", daemon=True
    )
    heartbeat.start()
    try:
        yield
    finally:
        finished.set()
        heartbeat.join()


def _renew_until(renew: Callable[[], bool], finished: Event) -> None:
    while not finished.wait(settings.ENV.runs.heartbeat_seconds):
        if not _is_renewed(renew):
            count_lease_losses("worker")
            log.warning("lease_lost")
            return


def _is_renewed(renew: Callable[[], bool]) -> bool:
    try:
        return renew()
    except (
        DatabaseError
    ) as error:  # a lease is longer than several heartbeats; the next can succeed
        log.warning("lease_not_renewed", error=str(error).strip())
        return True
    finally:
        connection.close()  # the connection of this thread; most runs end before it has one
