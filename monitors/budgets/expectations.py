"""Sums up the false alerts that a month can have, on average at most: runs a month times the level of each."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from algorithms.methods.method_limits import LEVEL
from monitors.budgets.levels import Share, get_shares
from monitors.models import Baseline, Monitor

# Monitors of the policy `threshold` share no budget.
# `least` leaves nulls out, so a model without a budget of its own keeps to the tenant's.
LEVELS = """
    SELECT monitor.id, name, status = 'active' AND policy <> 'threshold' AS is_active,
        CASE WHEN status = 'active' AND policy <> 'threshold' THEN runs_per_month ELSE 0 END AS runs,
        least(%(most)s, budget_weight * least(%(rate)s, false_alerts_per_month / nullif(load, 0)::float8)) AS level
    FROM drf_monitors AS monitor
    LEFT JOIN drf_budgets AS budget ON budget.tenant_id = monitor.tenant_id AND budget.model_id = monitor.model_id
    LEFT JOIN drf_budget_loads AS loads
        ON loads.tenant_id = monitor.tenant_id AND loads.model_id = monitor.model_id
    WHERE %(model)s::uuid IS NULL OR monitor.model_id = %(model)s
"""
TOTAL = """
    SELECT count(*), coalesce(sum(runs), 0), coalesce(sum(runs * level), 0) FROM ({levels}) AS monitors WHERE is_active
"""
LARGEST = """
    SELECT id, name, runs, level FROM ({levels}) AS monitors WHERE is_active OR id = ANY(%(first)s)
    ORDER BY id = ANY(%(first)s) DESC, runs * level DESC, name LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The month of the active monitors of a tenant or a model.

    Attributes:
        monitors: Active monitors that share the budget: not those of the policy `threshold`.
        runs: Runs a month by their schedules.
        false_alerts: The bound of the expected false alerts of these runs.
    """

    monitors: int
    runs: float
    false_alerts: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorExpected:
    """The same of one monitor, with its level.

    Attributes:
        usual_drifts: Drifted runs a month by the reference's own windows, from its power card; None without one.
    """

    id: UUID
    name: str
    runs: float
    level: float
    usual_drifts: float | None

    @property
    def false_alerts(self) -> float:
        """The bound of its expected false alerts a month."""
        return self.runs * self.level


def get_expected(share: Share, model_id: UUID | None = None) -> Expected:
    """The runs and false alerts a month of a model, or of the tenant for None.

    Args:
        share: The tenant's.
        model_id: The model.
    """
    with connection.cursor() as cursor:
        cursor.execute(TOTAL.format(levels=LEVELS), _parameters(share, model_id))
        monitors, runs, false_alerts = cursor.fetchone() or (0, 0.0, 0.0)
    return Expected(monitors=monitors, runs=runs, false_alerts=false_alerts)


def list_expected(
    share: Share, model_id: UUID | None, *, first: Collection[UUID], most: int
) -> list[MonitorExpected]:
    """The active monitors that take most of the budget, after those that are asked for."""
    further = {"first": list(first), "limit": most}
    with connection.cursor() as cursor:
        cursor.execute(LARGEST.format(levels=LEVELS), _parameters(share, model_id) | further)
        rows = cursor.fetchall()
    usual = _usual_drifts([row[0] for row in rows])
    return [
        MonitorExpected(id=id_, name=name, runs=runs, level=level, usual_drifts=usual.get(id_))
        for id_, name, runs, level in rows
    ]


def added_by(monitor: Monitor) -> dict[str, float]:
    """The part of its tenant's budget that a monitor takes, or would take once it is saved and active.

    Returns:
        `promised`, `runs_per_month` of the monitor, its `level`, and the false alerts a month that it `adds`: what
        it may open at most, of what is promised. The others get as much less. A monitor of the policy `threshold`
        adds nothing: no budget holds it back.
    """
    shares, is_covered = get_shares(monitor.model_id), monitor.policy != Monitor.Policy.THRESHOLD
    is_new = monitor._state.adding or monitor.status != Monitor.Status.ACTIVE
    if is_new and is_covered:
        shares = shares.with_monitor(monitor.budget_weight, monitor.runs_per_month)
    level = shares.level(monitor.budget_weight)
    return {
        "promised": shares.tenant.promised,
        "runs_per_month": monitor.runs_per_month,
        "level": level,
        "adds": monitor.runs_per_month * level if is_covered else 0.0,
    }


def _parameters(share: Share, model_id: UUID | None) -> dict[str, Any]:
    rate = share.promised / share.load if share.load > 0 else LEVEL
    return {"most": LEVEL, "rate": rate, "model": model_id}


def _usual_drifts(monitor_ids: Collection[UUID]) -> dict[UUID, float]:
    ready = Baseline.objects.filter(monitor_id__in=monitor_ids, status=Baseline.Status.READY)
    latest = ready.order_by("monitor_id", "-version").distinct("monitor_id")
    cards = latest.values_list("monitor_id", "calibration__false_alarms_per_month__estimate")
    return {monitor_id: usual for monitor_id, usual in cards if usual is not None}
