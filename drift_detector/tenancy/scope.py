"""The one way to reach a tenant's rows: requests, tasks and commands all come through here."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from django.db import connection, transaction
from structlog.contextvars import bound_contextvars

_current_tenant: ContextVar[UUID | None] = ContextVar("current_tenant", default=None)


class NoTenant(RuntimeError):
    """Tenant rows were asked for outside `tenant_scope`."""


@contextmanager
def tenant_scope(tenant_id: UUID) -> Iterator[None]:
    """Open a transaction in which row-level security shows and accepts the rows of one tenant only.

    The setting is local to the transaction, so a connection that goes back to its pool carries no tenant. A scope
    inside a scope puts the outer tenant back when it ends well; when it fails, the savepoint's rollback does.
    """
    outer = _current_tenant.get()
    token = _current_tenant.set(tenant_id)
    is_nested = connection.in_atomic_block
    try:
        with bound_contextvars(tenant_id=str(tenant_id)), transaction.atomic():
            set_local("app.tenant_id", str(tenant_id))
            yield
            if is_nested and not connection.needs_rollback:
                set_local("app.tenant_id", str(outer or ""))
    finally:
        _current_tenant.reset(token)


def current_tenant_id() -> UUID:
    """The tenant of the scope we are in.

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
