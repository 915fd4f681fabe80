"""Counts the queries of a page."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.test.utils import CaptureQueriesContext

BOUNDARIES = ("SAVEPOINT", "RELEASE", "SELECT set_config")
"""Statements that begin and end a tenant's scope."""


@contextmanager
def at_most(queries: int) -> Iterator[None]:
    """Fail if the block reads and writes tables more often than that."""
    with CaptureQueriesContext(connection) as captured:
        yield
    found = [each["sql"] for each in captured.captured_queries]
    asked = [sql for sql in found if not sql.startswith(BOUNDARIES)]
    assert len(asked) <= queries, "\n".join(asked)
