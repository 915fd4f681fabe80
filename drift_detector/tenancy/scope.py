"""The only way to a tenant's rows, for requests, tasks and commands alike."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from django.db import connection, transaction
from structlog.contextvars import bound_contextvars

from drift_detector.tenancy import acting

# The tenant and the one who acts, in one statement.
ENTER = "SELECT set_config('app.tenant_id', %s, true), set_config(%s, %s, true)"

_current_tenant: ContextVar[UUID | None] = ContextVar("current_tenant", default=None)


class NoTenant(RuntimeError):
    """Code needs a tenant, but runs outside `tenant_scope`."""


@contextmanager
def tenant_scope(tenant_id: UUID) -> Iterator[None]:
    """Open a transaction in which row-level security shows and accepts the rows of one tenant only.

    The setting is local to the transaction, so a connection in the pool carries no tenant. A scope
    inside a scope restores the outer tenant at its end; if it fails, the rollback to its savepoint
    restores it.
    """
    outer = _current_tenant.get()
    token = _current_tenant.set(tenant_id)
    is_nested = connection.in_atomic_block
    try:
        with bound_contextvars(tenant_id=str(tenant_id)), transaction.atomic():
            _enter(tenant_id)
            yield
            if is_nested and not connection.needs_rollback:
                set_local("app.tenant_id", str(outer or ""))
    finally:
        _current_tenant.reset(token)


def _enter(tenant_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(ENTER, [str(tenant_id), acting.SETTING, acting.current_cause()])


def current_tenant_id() -> UUID:
    """The tenant of the current scope.

    Raises:
        NoTenant: If there is none.
    """
    tenant_id = _current_tenant.get()
    if tenant_id is None:
        raise NoTenant("open tenant_scope first")
    return tenant_id


def set_local(name: str, value: str) -> None:
    """Set a PostgreSQL variable until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [name, value])


def lock_local(name: str) -> None:
    """Wait for an advisory lock of this name, and hold it until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def release_connection() -> None:
    """Give the connection back to the pool before waiting; inside a transaction it stays."""
    if not connection.in_atomic_block:
        connection.close()
