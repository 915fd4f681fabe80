"""A migration operation that has a table's changes written into the audit trail, by a trigger.

The trigger writes in the transaction of the change, so neither is there without the other, and no way of writing to
the table goes around it.
"""

import json
from collections.abc import Sequence

from django.db.migrations import RunSQL

from drift_detector.tenancy.rls import NOTIFIER, RELAY, SCHEDULER

# The ids of the row and of its tenant have columns of their own. Names of people stay where erasure finds them: the
# entry says by its actor who made or changed a row. A lease is the machinery's.
LEFT_OUT = (
    "id", "tenant_id", "created_at", "updated_at",
    "accepted_by", "acknowledged_by", "actor", "author", "changed_by", "created_by", "released_by", "reported_by",
    "requested_by",
    "attempt", "lease_token", "lease_expires_at", "worker",
)  # fmt: skip

ACTOR = "nullif(current_setting('app.actor', true), '')"
# Their own transactions name no actor; those of another login without one are SQL by hand, which is recorded.
OF_PROCESSES = " OR ".join(
    f"pg_has_role(session_user, '{group}', 'MEMBER')" for group in (RELAY, SCHEDULER, NOTIFIER)
)
BY_PEOPLE = (
    f"CASE WHEN {ACTOR} IS NULL THEN NOT ({OF_PROCESSES}) ELSE {ACTOR} NOT LIKE 'process %' END"
)
# Rows that the database removes because another one is removed: the entry of that one stands for them.
OF_ITS_OWN = "pg_trigger_depth() = 0"


def audit(
    table: str,
    *,
    of_processes: bool = True,
    hidden: Sequence[str] = (),
    left_out: Sequence[str] = (),
) -> RunSQL:
    """Write each change of a row of the table into `drf_audit`.

    Args:
        table: The table; its rows have a column `id`.
        of_processes: False for the tables that workers write to all the time: what processes change is not
            written down then, what keys, people and commands change is.
        hidden: Columns of which only the change is recorded, and no value, such as secrets and names.
        left_out: Columns that are never recorded, such as those that only workers write.
    """
    condition = OF_ITS_OWN if of_processes else f"{OF_ITS_OWN} AND {BY_PEOPLE}"
    nulls = json.dumps(dict.fromkeys([*LEFT_OUT, *left_out]))
    names = "{" + ",".join(hidden) + "}"
    return RunSQL(
        f"CREATE OR REPLACE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW "
        f"WHEN ({condition}) EXECUTE FUNCTION drf_audit_row('{nulls}', '{names}')",
        f"DROP TRIGGER audit_row ON {table}",
    )
