"""Creates, changes and removes a tenant's connections."""

import structlog
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
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
    if row.removed_at is not None:
        raise ConnectionRemoved("The connection was removed; create it anew to use it.")
    if checked_store(fields.pop("store", row.store)) != row.store:
        raise ValidationError({"store": "The store of a connection cannot be changed."})
    for name, value in fields.items():
        setattr(row, name, value)
    _check(row)
    return _save(row)


def remove_connection(row: StoreConnection) -> None:
    """Stop all reading by a connection. Removed again, it is forgotten, and the operator's ways count there."""
    if row.removed_at is not None:
        row.delete()
        return
    row.removed_at = timezone.now()
    row.save(update_fields=["removed_at", "updated_at"])
    log.info("connection_removed", connection_id=str(row.id))


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
