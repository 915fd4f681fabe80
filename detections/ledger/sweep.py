"""Going through a table's old rows to remove them, where some have to stay for long."""

from datetime import UTC, datetime, timedelta
from time import monotonic
from uuid import UUID

from django.db import connection

BEGIN = datetime.min.replace(tzinfo=UTC), UUID(int=0)
PASS_SECONDS = timedelta(days=1).total_seconds()
STEP = """
    WITH seen AS MATERIALIZED (
        SELECT created_at, id FROM {table} WHERE created_at < %(before)s AND (created_at, id) > (%(made)s, %(id)s)
        ORDER BY created_at, id LIMIT %(most)s
    ), removed AS (
        DELETE FROM {table} AS old WHERE id = ANY(ARRAY(SELECT id FROM seen)) AND {condition} RETURNING id
    )
    SELECT created_at, id, (SELECT count(*) FROM removed) FROM seen ORDER BY created_at DESC, id DESC LIMIT 1
"""


class Sweep:
    """Removes what nothing keeps of a table's old rows, the oldest first, by an index on (created_at, id).

    A step looks at so many rows and no more. The next goes on behind them, in later rounds too: rows that have to stay
    are not read in each. Once a day it begins again from the oldest, for those that nothing keeps any longer.
    """

    def __init__(self, table: str, condition: str, *, most: int) -> None:
        """`condition` says which rows nothing keeps: SQL about the row `old`, with %(before)s."""
        self._statement = STEP.format(table=table, condition=condition)
        self._most = most
        self._seen = BEGIN
        self._begun = monotonic()

    def step(self, before: datetime) -> int | None:
        """Remove some of the rows made before a moment.

        Returns:
            How many; None when there are no more to look at.
        """
        if monotonic() - self._begun > PASS_SECONDS:
            self._seen, self._begun = BEGIN, monotonic()
        made, last = self._seen
        with connection.cursor() as cursor:
            cursor.execute(
                self._statement, {"before": before, "made": made, "id": last, "most": self._most}
            )
            row = cursor.fetchone()
        if row is None:
            return None
        self._seen = row[:2]
        return int(row[2])
