"""Keeps each tenant within its quotas: counts what is used in the transaction that uses it, and refuses the rest.

A quota by day is one row that one statement raises, as long as the amount fits: two requests at once cannot both take
what is left. The row stays locked until the transaction ends, so it is raised as late in it as can be. Monitors and
keys are counted, by one transaction at a time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NoReturn
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection
from django.utils import timezone

from drift_detector.observability.metrics import count_over_quota
from drift_detector.retention import remove_oldest
from drift_detector.tenancy.models import ApiKey, Quota, TenantQuota
from drift_detector.tenancy.scope import current_tenant_id, lock_local

log = structlog.get_logger(__name__)

type Counter = Callable[[], int]

LIMIT = """
    coalesce((SELECT {quota} FROM drf_quotas WHERE tenant_id = {tenant}), %({quota})s)
"""
IS_FULL = """
    coalesce((SELECT amount FROM drf_usage WHERE tenant_id = %(tenant)s AND kind = '{quota}' AND {days}
              ORDER BY day DESC LIMIT 1), 0) >= {limit}
"""
TAKE = """
    INSERT INTO drf_usage AS usage (id, created_at, tenant_id, kind, day, amount)
    SELECT gen_random_uuid(), now(), %(tenant)s, '{quota}', (now() AT TIME ZONE 'UTC')::date, %(amount)s
    WHERE %(amount)s <= {limit} {conditions}
    ON CONFLICT (tenant_id, kind, day) DO UPDATE SET amount = usage.amount + excluded.amount
        WHERE usage.amount + excluded.amount <= {limit}
    RETURNING amount
"""
NOTE = """
    INSERT INTO drf_usage AS usage (id, created_at, tenant_id, kind, day, amount)
    VALUES (gen_random_uuid(), now(), %(tenant)s, %(kind)s, (now() AT TIME ZONE 'UTC')::date, %(amount)s)
    ON CONFLICT (tenant_id, kind, day) DO UPDATE SET amount = {amount}
"""
# Of many tenants: what each may still use, its row locked. In order, or two that do it could wait for each other.
ROOM = """
    INSERT INTO drf_usage AS usage (id, created_at, tenant_id, kind, day, amount)
    SELECT gen_random_uuid(), now(), tenant_id, '{quota}', (now() AT TIME ZONE 'UTC')::date, 0
    FROM unnest(%(tenants)s::uuid[]) AS wanted (tenant_id) ORDER BY tenant_id
    ON CONFLICT (tenant_id, kind, day) DO UPDATE SET amount = usage.amount
    RETURNING tenant_id, {limit}, amount
"""
ADD = """
    UPDATE drf_usage AS usage SET amount = usage.amount + more.amount
    FROM unnest(%(tenants)s::uuid[], %(amounts)s::bigint[]) AS more (tenant_id, amount)
    WHERE usage.tenant_id = more.tenant_id AND usage.kind = '{quota}' AND usage.day = (now() AT TIME ZONE 'UTC')::date
"""
WORDS = {
    Quota.MONITORS: "monitors",
    Quota.KEYS: "API keys",
    Quota.RUNS: "runs a day",
    Quota.OUTCOME_ROWS: "outcomes a day",
    Quota.BYTES_READ: "bytes read a day",
    Quota.STORAGE: "bytes of storage",
}

_counters: dict[Quota, Counter] = {}


@dataclass(frozen=True, slots=True)
class QuotaStanding:
    """The use of a quota.

    Attributes:
        until: When it begins anew; None for what is there until it is removed.
    """

    quota: Quota
    limit: int
    used: int
    until: datetime | None

    @property
    def room(self) -> int:
        """The rest that has room."""
        return max(0, self.limit - self.used)


class OverQuota(Exception):
    """A tenant's quota has no room for what was asked; nothing may be written."""

    def __init__(self, standing: QuotaStanding, asked: int = 1) -> None:
        self.standing, self.asked = standing, asked
        super().__init__(sentence_of(standing, asked))


def sentence_of(standing: QuotaStanding, asked: int = 1) -> str:
    """The refusal, for people."""
    allowed = (
        f"The quota of {standing.limit:,} {WORDS[standing.quota]} has no room for {asked:,} more"
    )
    end = (
        f"until {standing.until:%Y-%m-%d %H:%M} UTC" if standing.until else "until some are removed"
    )
    return f"{allowed}: {standing.used:,} are used, {end}."


def register_counter(quota: Quota, counter: Counter) -> None:
    """Have what is not by day counted by the app that has its rows, in the scope of the tenant."""
    _counters[quota] = counter


def next_midnight(now: datetime | None = None) -> datetime:
    """The end of this day, in UTC."""
    tomorrow = (now or timezone.now()).astimezone(UTC).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), UTC)


def take(quota: Quota, amount: int = 1, *, closed_by: Sequence[Quota] = ()) -> None:
    """Use some of a quota by day, in the current tenant's transaction, which must be rolled back if it is refused.

    Args:
        quota: What is used.
        amount: How much of it.
        closed_by: Further quotas that must not be used up.

    Raises:
        OverQuota: If it does not fit.
    """
    if amount == 0:
        return
    parameters = {"tenant": current_tenant_id(), "amount": amount, **default_limits()}
    with connection.cursor() as cursor:
        cursor.execute(_take_statement(quota, closed_by), parameters)
        is_taken = cursor.fetchone() is not None
    if not is_taken:
        _refuse((quota, *closed_by), amount)


def take_for_all(quota: Quota, wanted: Mapping[UUID, int]) -> dict[UUID, QuotaStanding]:
    """Use some of a quota by day for many tenants, as far as it goes; needs the scheduler's role.

    Args:
        quota: What is used.
        wanted: How much of it, by tenant.

    Returns:
        The quota of each tenant that does not get all; its room is what the tenant gets.
    """
    tenants = sorted(wanted)
    if not tenants:
        return {}
    standings = _lock_standings(quota, tenants)
    granted = {tenant: min(wanted[tenant], standings[tenant].room) for tenant in tenants}
    _add(quota, granted)
    short = {tenant: standings[tenant] for tenant in tenants if granted[tenant] < wanted[tenant]}
    for _ in short:
        count_over_quota(quota.value)
    return short


def note(quota: Quota, amount: int) -> None:
    """Add to what is used by now, whatever the quota: it is known only after it was used."""
    if amount:
        _note(quota, amount, NOTE.format(amount="usage.amount + excluded.amount"))


def note_storage(amount: int) -> None:
    """Record what the tenant's rows take."""
    _note(Quota.STORAGE, amount, NOTE.format(amount="excluded.amount"))


def check_room(*quotas: Quota, asked: int = 1) -> None:
    """Refuse what a quota has no room for, in the current tenant's transaction.

    What is not by day is counted by one transaction at a time: the caller adds its row in the same transaction.

    Raises:
        OverQuota: By the first that has none.
    """
    for quota in quotas:
        if quota in (Quota.MONITORS, Quota.KEYS):
            lock_local(f"{quota.value} of {current_tenant_id()}")
    for standing in list_standings(quotas):
        if standing.used + asked > standing.limit:
            _raise(standing, asked)


def list_standings(quotas: Sequence[Quota] = tuple(Quota)) -> list[QuotaStanding]:
    """The current tenant's quotas, and what is used of each."""
    own, used = TenantQuota.objects.first(), _used()
    until = next_midnight()
    return [
        QuotaStanding(
            quota,
            _limit(own, quota),
            _counters[quota]() if quota in _counters else used.get(quota.value, 0),
            until if quota.is_by_day else None,
        )
        for quota in quotas
    ]


def purge_usage(before: datetime) -> int | None:
    """Remove one batch of days; None when no more is left."""
    removed = remove_oldest("drf_usage", before, since="day")
    return len(removed) or None


def _count_keys() -> int:
    return ApiKey.objects.usable().count()


register_counter(Quota.KEYS, _count_keys)


def _add(quota: Quota, amounts: Mapping[UUID, int]) -> None:
    values: dict[str, Any] = {"tenants": list(amounts), "amounts": list(amounts.values())}
    with connection.cursor() as cursor:
        cursor.execute(ADD.format(quota=quota.value), values)


def _lock_standings(quota: Quota, tenants: list[UUID]) -> dict[UUID, QuotaStanding]:
    """Each tenant's standing, its row locked."""
    statement = ROOM.format(quota=quota.value, limit=_limit_sql(quota, "usage.tenant_id"))
    until = next_midnight()
    values: dict[str, Any] = {"tenants": tenants, **default_limits()}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return {
            tenant: QuotaStanding(quota, limit, used, until)
            for tenant, limit, used in cursor.fetchall()
        }


def _take_statement(quota: Quota, closed_by: Sequence[Quota]) -> str:
    conditions = " ".join(f"AND NOT ({is_full_sql(each)})" for each in closed_by)
    return TAKE.format(quota=quota.value, limit=_limit_sql(quota), conditions=conditions)


def _limit_sql(quota: Quota, tenant: str = "%(tenant)s") -> str:
    return LIMIT.format(quota=quota.value, tenant=tenant)


def is_full_sql(quota: Quota) -> str:
    """An expression of SQL: whether a quota is used up; its parameters are `tenant` and those of `default_limits`."""
    days = "day = (now() AT TIME ZONE 'UTC')::date" if quota.is_by_day else "true"
    return IS_FULL.format(quota=quota.value, limit=_limit_sql(quota), days=days)


def default_limits() -> dict[str, Any]:
    """The installation's quotas, as parameters of statements."""
    return {quota.value: getattr(settings.ENV.quotas, quota.value) for quota in Quota}


def _note(quota: Quota, amount: int, statement: str) -> None:
    values: dict[str, Any] = {"tenant": current_tenant_id(), "kind": quota.value, "amount": amount}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _refuse(quotas: Sequence[Quota], asked: int) -> NoReturn:
    """Raise the refusal, by the first of the quotas that has no room."""
    first, *others = list_standings(quotas)
    full = [each for each in others if each.used >= each.limit]
    _raise(full[0] if full else first, asked)


def _raise(standing: QuotaStanding, asked: int) -> NoReturn:
    count_over_quota(standing.quota.value)
    log.warning("over_quota", quota=standing.quota.value, used=standing.used, limit=standing.limit)
    raise OverQuota(standing, asked)


def _limit(own: TenantQuota | None, quota: Quota) -> int:
    chosen = getattr(own, quota.value, None)
    limit: int = getattr(settings.ENV.quotas, quota.value) if chosen is None else chosen
    return limit


def _used() -> dict[str, int]:
    """The use of each quota today; of storage, as it was measured last."""
    today: date = timezone.now().astimezone(UTC).date()
    statement = """
        SELECT DISTINCT ON (kind) kind, amount FROM drf_usage
        WHERE tenant_id = %s AND (day = %s OR kind = 'storage_bytes') ORDER BY kind, day DESC
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, [current_tenant_id(), today])
        return dict(cursor.fetchall())
