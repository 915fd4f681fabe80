"""A power card in rows: each feature's usual effect, its tolerance, and the smallest change that a check sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from algorithms.charts.bullets import Bullet, bullets
from algorithms.charts.number_words import NOTHING, number, share
from algorithms.charts.svg import NO_TEXT, Markup
from algorithms.methods import METHODS, Method
from algorithms.plan import EvaluationPlan
from drift_detector.formats import counted
from drift_detector.screens.feature_page import feature_address
from monitors.evaluation_plans import evaluation_plan
from monitors.models import Monitor

MOST_DRAWN = 30
LEAST_SHIFT = 1e-6
"""Any shift of values that are few whole numbers is seen."""
MEASURED_BY = {"numeric": Method.KS, "categorical": Method.CHI_SQUARED}
"""The methods whose smallest visible changes the card states."""


@dataclass(frozen=True, slots=True)
class PowerRow:
    """One feature by one method.

    Attributes:
        feature: Its name.
        kind: `numeric` or `categorical`.
        method: The method that measures it.
        usual: The effect that a window without drift stays below; None if too few windows tell.
        tolerance: The effect up to which a change does not matter: as it is set, or as it is usual.
        smallest: The smallest change that a check sees, in words.
        smallest_short: The same in a few letters, for a chart.
    """

    feature: str
    kind: str
    method: str
    usual: float | None
    tolerance: float
    smallest: str
    smallest_short: str

    @property
    def ratio(self) -> float | None:
        """The usual effect as a multiple of the tolerance."""
        return None if self.usual is None else self.usual / self.tolerance


def power_rows(
    monitor: Monitor, card: Mapping[str, Any], features: Mapping[str, str]
) -> list[PowerRow]:
    """A row for each feature, those nearest to their tolerance first.

    Args:
        monitor: Saved or not.
        card: Its power card.
        features: Each feature's kind.
    """
    plan = evaluation_plan(monitor, card)
    rows = [_row(plan, card, feature, kind) for feature, kind in features.items()]
    return sorted(rows, key=lambda row: -(row.ratio or 0.0))


def _row(plan: EvaluationPlan, card: Mapping[str, Any], feature: str, kind: str) -> PowerRow:
    method = method_of(plan, kind)
    change = card.get("smallest_changes", {}).get(feature)
    return PowerRow(
        feature=feature,
        kind=kind,
        method=method.value,
        usual=card.get("usual_effects", {}).get(f"{method.value} {feature}"),
        tolerance=tolerance_of(plan, method, feature),
        smallest=smallest_in_words(change),
        smallest_short=smallest_in_short(change),
    )


def method_of(plan: EvaluationPlan, kind: str) -> Method:
    """The method that measures a kind, of the plan's own if it has one."""
    usual = MEASURED_BY[kind]
    if usual in plan.methods:
        return usual
    able = [each for each in plan.methods if kind in METHODS[each].kinds]
    return able[0] if able else usual


def tolerance_of(plan: EvaluationPlan, method: Method, feature: str) -> float:
    """The effect from which a change of a feature matters to a method."""
    limits = plan.limits(method, feature) if method in plan.methods else METHODS[method].limits()
    return limits.tolerance


def smallest_in_words(change: Mapping[str, float | None] | None) -> str:
    """The smallest change: `0.12 standard deviations`, or `3 % of rows to a new category`."""
    if not change:
        return NOTHING
    if change["share"] is not None:
        return f"{share(change['share'])} of rows in a new category"
    if change["shift"] is not None and change["shift"] < LEAST_SHIFT:
        return "any shift"
    if change["shift"] is not None:
        return f"a shift of {number(change['shift'], 2)} standard deviations"
    return NOTHING


def smallest_in_short(change: Mapping[str, float | None] | None) -> str:
    """The smallest change in a few letters: `0.12 σ`, `3 % of rows`."""
    if not change:
        return ""
    if change["share"] is not None:
        return f"{share(change['share'])} of rows"
    shift = change["shift"]
    if shift is None:
        return ""
    return "any shift" if shift < LEAST_SHIFT else f"{number(shift, 2)} σ"


def power_chart(rows: Sequence[PowerRow], monitor_id: UUID | None = None) -> Markup:
    """The usual effect of each feature before its tolerance, with the smallest change that is seen.

    Args:
        rows: In their order; those of which nothing is known are left out.
        monitor_id: Of a saved monitor, whose features have pages.
    """
    known = [row for row in rows if row.usual is not None or row.smallest_short]
    drawn = known[:MOST_DRAWN]
    if not drawn:
        return NO_TEXT
    label = "Usual effects and tolerances"
    return bullets([_bullet(row, monitor_id) for row in drawn], label=label)


def _bullet(row: PowerRow, monitor_id: UUID | None) -> Bullet:
    title = f"{row.feature}: usually up to {number(row.usual)}, tolerance {number(row.tolerance)}"
    style = "usual" if (row.ratio or 0.0) <= 1 else "drift"
    return Bullet(
        row.feature,
        row.usual,
        {"limit": row.tolerance},
        style=style,
        title=title,
        href=None if monitor_id is None else feature_address(monitor_id, row.feature),
        note=row.smallest_short,
    )


def card_in_words(card: Mapping[str, Any]) -> str:
    """A card in two sentences: how many windows tell, and the false alarms of a month; empty without one."""
    if not card:
        return ""
    if not card.get("checks"):
        reason = card.get("reason") or "The reference was not checked against itself."
        return f"{reason} How often it would alarm without drift is not known."
    windows, alarms = counted(card["checks"], "window"), card["alarms"]
    words = (
        f"{windows} of the reference were checked against the rest of it; {alarms} of them alarmed."
    )
    monthly = card.get("false_alarms_per_month")
    if not monthly:
        return words
    estimate, low, high = (number(monthly[each], 2) for each in ("estimate", "low", "high"))
    return f"{words} Expect {estimate} false alarms a month ({low} to {high}, 90 %)."
