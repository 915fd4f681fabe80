"""Reads the connections of the current tenant."""

from collections.abc import Iterator

from django.db.models import QuerySet

from monitors.connections.offers import connection_of_row
from monitors.models import StoreConnection
from monitors.sources import Connection


def list_connections() -> QuerySet[StoreConnection]:
    """All connections, with those that were removed."""
    return StoreConnection.objects.all()


def list_source_connections(slug: str) -> Iterator[Connection]:
    """Each connection as sources take it, by the slug of the current tenant."""
    for row in list_connections():
        yield connection_of_row(row, slug)
