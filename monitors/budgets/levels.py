"""Finds the level at which a monitor's runs open alerts: their share of the false-alarm budgets.

A budget of B false alerts a month is divided among the runs of a month. A run of a monitor with weight w gets
the level B·w / Σ wᵢ·rᵢ, over the active monitors with rᵢ runs a month each. Without drift, a run's p-value is at
or below a level with at most that probability, so the expected number of false alerts of a month is at most
Σ rᵢ·B·wᵢ / Σ wᵢ·rᵢ = B, however the monitors depend on each other (Bonferroni, weighted: Genovese, Roeder and
Wasserman, 2006).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from django.conf import settings
from django.db.models import FloatField, Q, QuerySet, Value
from django.db.models.functions import Cast

from algorithms.methods.method_limits import LEVEL
from monitors.models import Budget, BudgetLoad, Monitor

RUNS_OF_NO_SCHEDULE = 1.0
"""The runs a month that stand for a monitor which makes none by itself: those that people ask for."""
WEIGHT_WITHOUT_NULL = 0.5
"""The part of its weight that a monitor keeps without a null model: its p-values take rows for independent."""
MOST_LISTED = 100
FLOAT = FloatField()


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A budget and the load that divides it.

    Attributes:
        promised: False alerts a month.
        load: The weighted runs a month of the active monitors that share it.
    """

    promised: float
    load: float

    def level(self, weight: float) -> float:
        """The level of a run of one of its monitors; without drift, at most `LEVEL` of the runs drift."""
        return min(LEVEL, self.promised * weight / self.load) if self.load > 0 else LEVEL

    def with_monitor(self, weight: float, runs: float) -> Self:
        """The share once one more monitor makes runs."""
        return type(self)(promised=self.promised, load=self.load + weight * runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """The budgets that hold for one monitor: the tenant's, and its model's if there is one."""

    tenant: Share
    model: Share | None

    def level(self, weight: float) -> float:
        """The stricter level of both, so that both promises are kept."""
        return min(share.level(weight) for share in self._all())

    def with_monitor(self, weight: float, runs: float) -> Self:
        """The shares once one more monitor makes runs."""
        tenant, *model = (share.with_monitor(weight, runs) for share in self._all())
        return type(self)(tenant=tenant, model=next(iter(model), None))

    def _all(self) -> Iterable[Share]:
        return (self.tenant,) if self.model is None else (self.tenant, self.model)


def get_budget(model_id: UUID | None) -> Budget | None:
    """The stored budget of a model, or of the tenant for None."""
    if model_id is None:
        return Budget.objects.filter(model_id__isnull=True).first()
    return Budget.objects.filter(model_id=model_id).first()


def list_model_budgets() -> QuerySet[Budget]:
    """The budgets of models, oldest first."""
    return Budget.objects.filter(model_id__isnull=False)[:MOST_LISTED]


def get_shares(model_id: UUID | None) -> Shares:
    """The budgets that hold for the monitors of a model, with their loads; the tenant's alone for None."""
    whose = {None, model_id}
    ours = Q(model_id__isnull=True) | Q(model_id=model_id)
    promised = Budget.objects.filter(ours).annotate(of=Value("promise")).order_by()
    loaded = BudgetLoad.objects.filter(ours).annotate(of=Value("load"), sum=Cast("load", FLOAT))
    found: dict[str, dict[UUID | None, float]] = {"promise": {None: default_budget()}, "load": {}}
    both = promised.values_list("of", "model_id", "false_alerts_per_month").union(
        loaded.order_by().values_list("of", "model_id", "sum"), all=True
    )
    for of, model, number in both:
        found[of][model] = number
    shares = {
        each: Share(promised=found["promise"][each], load=found["load"].get(each, 0.0))
        for each in whose & found["promise"].keys()
    }
    return Shares(tenant=shares[None], model=shares.get(model_id) if model_id else None)


def default_budget() -> float:
    """The false alerts a month of a tenant that has not said how many it can bear."""
    promised: float = settings.ENV.budget.false_alerts_per_month
    return promised


def opening_level(monitor: Monitor, *, has_null: bool) -> float | None:
    """The level in force for a monitor's runs; no lock is taken, and its cost does not grow with the tenant.

    Args:
        monitor: Whose runs they are.
        has_null: True if the power card of the run's baseline has null models; without, the run weighs less.

    Returns:
        None where the budget holds nothing back: without drift, runs drift no more often than it allows.
    """
    shares = get_shares(monitor.model_id)
    if monitor.status != Monitor.Status.ACTIVE:
        shares = shares.with_monitor(monitor.budget_weight, RUNS_OF_NO_SCHEDULE)
    level = shares.level(monitor.budget_weight * (1.0 if has_null else WEIGHT_WITHOUT_NULL))
    return level if level < LEVEL else None
