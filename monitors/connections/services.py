"""Creates, changes and removes a tenant's connections."""

import structlog
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from drift_detector.tenancy.scope import current_tenant_id
from monitors.connections.offers import find_fault, list_offers, take_the_only_ones
from monitors.models import StoreConnection
from monitors.selectors import get_operator_policy, get_slug
from monitors.sources import ForbiddenUri, parse_uri, resolve_uri
from monitors.sources.placeholders import is_filled

log = structlog.get_logger(__name__)

MOST_CONNECTIONS = 100
"""Of a tenant, with removed ones: each reading asks all of them."""
CONNECTABLE = ("s3", "abfs")
NOT_SENT = ("id", "tenant", "created_at", "updated_at", "removed_at", "created_by")
"""The fields of a connection that the service fills in."""


class ConnectionRemoved(Exception):
    """A connection that was removed can't be changed."""


def create_connection(*, store: str, by: str, **fields: str) -> StoreConnection:
    """Create a connection of the current tenant; one that was removed makes room for the same prefix.

    Args:
        store: The prefix.
        by: The one who creates it.
        **fields: The name, the credentials' name, and where they are used.

    Raises:
        ValidationError: If a name or prefix is taken, or the operator does not offer what it names.
    """
    row = StoreConnection(
        tenant_id=current_tenant_id(), store=checked_store(store), created_by=by, **fields
    )
    _check(row)
    StoreConnection.objects.filter(store=row.store, removed_at__isnull=False).delete()
    if StoreConnection.objects.count() >= MOST_CONNECTIONS:
        raise ValidationError({"name": f"A tenant has at most {MOST_CONNECTIONS} connections."})
    return _save(row)


def update_connection(row: StoreConnection, **fields: str) -> StoreConnection:
    """Change a connection. Its prefix stays: what lies below the old one would be read in another way unnoticed.

    Raises:
        ConnectionRemoved: If it was removed.
        ValidationError: If the name is taken, the prefix another, or the operator does not offer what it names.
    """
    row = StoreConnection.objects.select_for_update().get(id=row.id)
    if row.removed_at is not None:
        raise ConnectionRemoved("The connection was removed; create it anew to use it.")
    if checked_store(fields.pop("store", row.store)) != row.store:
        raise ValidationError({"store": "The store of a connection cannot be changed."})
    for name, value in fields.items():
        setattr(row, name, value)
    _check(row)
    return _save(row)


def remove_connection(row: StoreConnection) -> None:
    """Stop all reading by a connection; removed again, it stays as it is, since clients repeat a request."""
    now = timezone.now()
    kept = StoreConnection.objects.filter(id=row.id, removed_at__isnull=True)
    if kept.update(removed_at=now, updated_at=now):
        log.info("connection_removed", connection_id=str(row.id))


def forget_connections(rows: QuerySet[StoreConnection]) -> int:
    """Delete those that were removed, so that the operator's ways count at their prefixes; returns how many."""
    ids = list(rows.filter(removed_at__isnull=False).values_list("id", flat=True))
    StoreConnection.objects.filter(id__in=ids).delete()
    log.info("connections_forgotten", connection_ids=[str(each) for each in ids])
    return len(ids)


def checked_store(store: str) -> str:
    """A prefix in its usual form, without a slash at its end.

    Raises:
        ValidationError: If it is none, or outside the places that the operator allows to the tenant.
    """
    try:
        location = parse_uri(store)
        if location.scheme in CONNECTABLE:
            resolve_uri(store, get_operator_policy())
    except ForbiddenUri as error:
        raise ValidationError({"store": error.reason}) from None
    if location.scheme not in CONNECTABLE:
        raise ValidationError({"store": "store must begin with s3:// or abfs://."})
    if location.pattern is not None or not is_filled(store):
        raise ValidationError({"store": "store must be a prefix, without a pattern or {tenant}."})
    return f"{location.scheme}://{location.base}"


def _check(row: StoreConnection) -> None:
    offers = list_offers(get_slug())
    take_the_only_ones(row, offers)
    row.clean_fields(exclude=NOT_SENT)
    if fault := find_fault(row, offers):
        raise ValidationError(fault)


def _save(row: StoreConnection) -> StoreConnection:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise _taken(row, str(error)) from error
    return row


def _taken(row: StoreConnection, error: str) -> Exception:
    for field in ("name", "store"):
        if f"connection_{field}_once" in error:
            value = getattr(row, field)
            return ValidationError({field: f"{field} must be unique; {value!r} is taken."})
    return IntegrityError(error)
