"""Removes rows that are older than their retention, in batches, for a limited time.

The next call continues. Each app says which of its rows are old; the reconciler calls them in order.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

BATCH_SIZE = 1000
BEGIN = datetime.min.replace(tzinfo=UTC), UUID(int=0)
PASS_SECONDS = timedelta(days=1).total_seconds()
REMOVE_OLDEST = """
    DELETE FROM {table} WHERE id = ANY(ARRAY(
        SELECT id FROM {table} WHERE {since} < %(before)s ORDER BY {since} LIMIT %(most)s))
    RETURNING {returning}
"""
FIND = """
    SELECT created_at, id, {condition} AS is_old FROM {table} AS old
    WHERE created_at < %(before)s AND (created_at, id) > (%(made)s, %(id)s)
    ORDER BY created_at, id LIMIT %(most)s
"""
# The condition is asked again: a row that FIND saw can have changed since.
REMOVE = "DELETE FROM {table} AS old WHERE id = ANY(%(ids)s) AND {condition}"

type RemoveBatch = Callable[[datetime], int | None]


def purge(remove: RemoveBatch, *, days: int, until: float) -> int:
    """Remove batches of rows that are older than `days`.

    Args:
        remove: Removes one batch of rows from before a moment; returns None when no more is left.
        days: The retention.
        until: The monotonic time at which no further batch begins.

    Returns:
        The number of removed rows.
    """
    before, removed = timezone.now() - timedelta(days=days), 0
    while (batch := remove(before)) is not None:
        removed += batch
        if monotonic() > until:
            break
    return removed


def remove_oldest(
    table: str, before: datetime, *, since: str, returning: str = "id"
) -> list[tuple[Any, ...]]:
    """Remove the oldest rows of a table by an index on `since`; returns the columns `returning`."""
    statement = REMOVE_OLDEST.format(table=table, since=since, returning=returning)
    with connection.cursor() as cursor:
        cursor.execute(statement, {"before": before, "most": BATCH_SIZE})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


class Sweep:
    """Removes the old rows of a table where some old rows must stay, by an index on (created_at, id).

    A step reads `most` rows and no more. The next step continues behind them, in later calls too, so
    rows that stay are not read again in each call. Once a day the sweep starts again from the oldest
    row, for rows that nothing keeps any longer.

    Args:
        table: The table.
        condition: SQL about the row `old`, with %(before)s: true for a row that can go.
        most: Rows that a step reads.
        in_use: Returns those ids, of those given, that other rooms still refer to.
    """

    def __init__(
        self,
        table: str,
        condition: str,
        *,
        most: int,
        in_use: Callable[[Sequence[UUID]], Collection[UUID]] | None = None,
    ) -> None:
        self.find = FIND.format(table=table, condition=condition)
        self.remove = REMOVE.format(table=table, condition=condition)
        self._most = most
        self._in_use = in_use
        self._seen = BEGIN
        self._begun = monotonic()

    def step(self, before: datetime) -> int | None:
        """Remove some of the rows from before a moment; None when no more is left to read."""
        if monotonic() - self._begun > PASS_SECONDS:
            self._seen, self._begun = BEGIN, monotonic()
        rows = self._next_rows(before)
        if not rows:
            return None
        self._seen = rows[-1][:2]
        old = [row_id for _, row_id, is_old in rows if is_old]
        return self._remove(self._unused(old), before)

    def _next_rows(self, before: datetime) -> list[tuple[datetime, UUID, bool]]:
        """Creation, id and age of the rows behind those that were seen."""
        made, last = self._seen
        values: dict[str, Any] = {"before": before, "made": made, "id": last, "most": self._most}
        with connection.cursor() as cursor:
            cursor.execute(self.find, values)
            rows: list[tuple[datetime, UUID, bool]] = cursor.fetchall()
        return rows

    def _unused(self, ids: list[UUID]) -> list[UUID]:
        if not ids or self._in_use is None:
            return ids
        used = set(self._in_use(ids))
        return [row_id for row_id in ids if row_id not in used]

    def _remove(self, ids: list[UUID], before: datetime) -> int:
        if not ids:
            return 0
        with connection.cursor() as cursor:
            cursor.execute(self.remove, {"ids": ids, "before": before})
            return int(cursor.rowcount)
