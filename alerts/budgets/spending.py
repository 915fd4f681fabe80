"""Counts the alerts of the last month by what people said of them, against what the budget promises."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count
from django.utils import timezone

from alerts.learning.precision import FALSE
from alerts.models import Alert
from drift_detector.scheduling.cron import MONTH
from monitors.budgets.expectations import Expected, MonitorExpected, get_expected, list_expected
from monitors.budgets.levels import Share, default_budget, get_budget, get_shares

MOST_MONITORS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Alerts of the data that opened in the last month, counted by their reasons.

    Attributes:
        false: Alerts that were noise.
        unjudged: Alerts without a reason yet.
        true: Alerts that were about something: real, expected, or a fault in the data.
    """

    false: int = 0
    unjudged: int = 0
    true: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSpending:
    """A monitor's part of a budget: expected and spent."""

    expected: MonitorExpected
    spent: Spent


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetStanding:
    """A budget, kept or not.

    Attributes:
        promised: False alerts a month; None for a model without a budget of its own.
        set_for: Whose budget it is: `model`, `tenant`, or `installation` for the default.
        since: The start of the month that is counted.
        expected: What the schedules and levels let expect, at most.
        spent: Of all monitors.
        per_monitor: The monitors that spend most, then those that may.
    """

    promised: float | None
    set_for: str
    since: datetime
    expected: Expected
    spent: Spent
    per_monitor: tuple[MonitorSpending, ...] = ()

    @property
    def left(self) -> float | None:
        """The false alerts that the month still has room for."""
        return None if self.promised is None else max(0.0, self.promised - self.spent.false)


def get_standing(model_id: UUID | None = None) -> BudgetStanding:
    """The budget of a model, or of the tenant for None, with the monitors that spend it."""
    since = timezone.now() - MONTH
    share = get_shares(model_id).tenant
    by_monitor = _spent_by_monitor(since, model_id)
    spenders = sorted(by_monitor, key=lambda each: _order_of(by_monitor[each]), reverse=True)
    expected = list_expected(share, model_id, first=spenders[:MOST_MONITORS], most=MOST_MONITORS)
    rows = [
        MonitorSpending(expected=each, spent=by_monitor.get(each.id, NOTHING)) for each in expected
    ]
    promised, set_for = _promise(share, model_id)
    return BudgetStanding(
        promised=promised,
        set_for=set_for,
        since=since,
        expected=get_expected(share, model_id),
        spent=_sum_of(by_monitor),
        per_monitor=tuple(sorted(rows, key=lambda row: _order_of(row.spent), reverse=True)),
    )


NOTHING = Spent()


def get_brief_standing() -> tuple[float, Spent]:
    """The promise of the tenant's budget, and the alerts that have spent it."""
    own = get_budget(None)
    promised = own.false_alerts_per_month if own else default_budget()
    return promised, _sum_of(_spent_by_monitor(timezone.now() - MONTH, None))


def _promise(share: Share, model_id: UUID | None) -> tuple[float | None, str]:
    own = get_budget(model_id)
    if model_id is not None:
        return (own.false_alerts_per_month, "model") if own else (None, "tenant")
    return share.promised, "tenant" if own else "installation"


def _order_of(spent: Spent) -> tuple[int, int]:
    return spent.false, spent.unjudged


def _sum_of(by_monitor: Mapping[UUID, Spent]) -> Spent:
    rows = by_monitor.values()
    return Spent(
        false=sum(row.false for row in rows),
        unjudged=sum(row.unjudged for row in rows),
        true=sum(row.true for row in rows),
    )


def _spent_by_monitor(since: datetime, model_id: UUID | None) -> dict[UUID, Spent]:
    opened = Alert.objects.filter(
        kind=Alert.Kind.STATISTICAL, is_history=False, opened_at__gte=since
    )
    if model_id is not None:
        opened = opened.filter(monitor__model_id=model_id)
    rows = (
        opened.order_by().values_list("monitor_id", "acknowledged_reason").annotate(n=Count("id"))
    )
    counts: dict[UUID, Counter[str]] = {}
    for monitor_id, reason, count in rows:
        counts.setdefault(monitor_id, Counter())[_sort_of(reason)] += count
    return {monitor_id: Spent(**of_monitor) for monitor_id, of_monitor in counts.items()}


def _sort_of(reason: str) -> str:
    if not reason:
        return "unjudged"
    return "false" if reason in FALSE else "true"
