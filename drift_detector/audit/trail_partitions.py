"""Makes the partitions of the months that come, and drops those that are older than the retention; as the owner."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from drift_detector.tenancy.rls import GROUPS

COMING_MONTHS = 3
"""Months that are there ahead of time; after that the default partition takes the rows."""

DEFAULT = "drf_audit_default"
"""The partition of the rows of a month that has none."""

EXISTING = "SELECT relid::regclass::text FROM pg_partition_tree('drf_audit') WHERE isleaf"
# A month whose rows lie in the default partition takes them along.
MAKE = [
    "LOCK TABLE {rest} IN ACCESS EXCLUSIVE MODE",  # or a row could come in between
    "CREATE TABLE {name} (LIKE drf_audit INCLUDING DEFAULTS)",
    "WITH moved AS (DELETE FROM {rest} WHERE created_at >= '{start}' AND created_at < '{end}' RETURNING *) "
    "INSERT INTO {name} SELECT * FROM moved",
    "ALTER TABLE drf_audit ATTACH PARTITION {name} FOR VALUES FROM ('{start}') TO ('{end}')",
    "ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
    "REVOKE ALL ON {name} FROM PUBLIC, {groups}",
]
DROP = "DROP TABLE {name}"
# All writers wait behind a lock that waits. So it waits for a short time; then the command fails, and can run again.
WAIT = "SET LOCAL lock_timeout = '5s'"
FIRST = f"SELECT min(created_at AT TIME ZONE 'UTC') FROM {DEFAULT}"  # noqa: S608


def has_trail() -> bool:
    """True if the migrations have made the table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('drf_audit') IS NOT NULL")
        return bool(cursor.fetchone()[0])


def make_coming_months() -> list[str]:
    """Make the partitions of this month, of those that come and of those that were missed; returns the new names."""
    there, now = _existing(), timezone.now().date()
    months = _months_between(min(_first_without_month() or now, now), now)
    missing = [month for month in months if _name_of(month) not in there]
    for month in missing:
        _make(month)
    return [_name_of(month) for month in missing]


def drop_older_than(days: int) -> list[str]:
    """Drop the partitions whose last row is older than a number of days; returns their names."""
    oldest = timezone.now() - timedelta(days=days)
    old = [name for name in _existing() if (end := _end_of(name)) is not None and end <= oldest]
    for name in old:
        with transaction.atomic():
            _execute(WAIT)
            _execute(DROP.format(name=name))
    return old


def _make(month: date) -> None:
    names = {
        "name": _name_of(month),
        "rest": DEFAULT,
        "start": f"{month} 00:00+00",
        "end": f"{_next(month)} 00:00+00",
        "groups": ", ".join(GROUPS),
    }
    with transaction.atomic():
        _execute(WAIT)
        for statement in MAKE:
            _execute(statement.format(**names))


def _existing() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(EXISTING)
        return {name for (name,) in cursor.fetchall()}


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _first_without_month() -> date | None:
    """The day of the oldest row that lies in the default partition."""
    with connection.cursor() as cursor:
        cursor.execute(FIRST)
        (first,) = cursor.fetchone()
    return first.date() if first else None


def _months_between(first: date, now: date) -> Iterator[date]:
    """The months from the first day's on, up to those that come."""
    month, coming = first.replace(day=1), now.replace(day=1)
    for _ in range(COMING_MONTHS):
        coming = _next(coming)
    while month <= coming:
        yield month
        month = _next(month)


def _next(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def _name_of(month: date) -> str:
    return f"drf_audit_{month:%Y_%m}"


def _end_of(name: str) -> datetime | None:
    """The end of a partition's month; None for the default one."""
    try:
        month = datetime.strptime(name, "drf_audit_%Y_%m").replace(tzinfo=UTC)
    except ValueError:
        return None
    return datetime.combine(_next(month.date()), datetime.min.time(), UTC)
