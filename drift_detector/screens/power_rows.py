"""A power card in rows: each feature's usual effect, its tolerance, and the smallest change that a check sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from algorithms.methods import METHODS, Method
from algorithms.plan import EvaluationPlan
from drift_detector.charts.bullets import Bullet, bullets
from drift_detector.charts.svg import NO_TEXT, Markup
from drift_detector.formats import NOTHING, number, share
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
    """

    feature: str
    kind: str
    method: str
    usual: float | None
    tolerance: float
    smallest: str

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
    return PowerRow(
        feature=feature,
        kind=kind,
        method=method.value,
        usual=card.get("usual_effects", {}).get(f"{method.value} {feature}"),
        tolerance=tolerance_of(plan, method, feature),
        smallest=smallest_in_words(card.get("smallest_changes", {}).get(feature)),
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


def power_chart(rows: Sequence[PowerRow]) -> Markup:
    """The usual effect of each feature before its tolerance."""
    drawn = [row for row in rows if row.usual is not None][:MOST_DRAWN]
    if not drawn:
        return NO_TEXT
    return bullets([_bullet(row) for row in drawn], label="Usual effects and tolerances")


def _bullet(row: PowerRow) -> Bullet:
    title = f"{row.feature}: usually up to {number(row.usual)}, tolerance {number(row.tolerance)}"
    style = "usual" if (row.ratio or 0.0) <= 1 else "drift"
    return Bullet(row.feature, row.usual, {"limit": row.tolerance}, style=style, title=title)


def card_in_words(card: Mapping[str, Any]) -> str:
    """One sentence about a card: how many windows tell, and the false alarms of a month."""
    if card.get("reason") and not card.get("checks"):
        return f"{card['reason']} How often it would alarm without drift is not known."
    alarms = card.get("false_alarms_per_month")
    checks = card["checks"]
    words = f"{checks} windows of the reference were checked against the rest of it; {card['alarms']} of them alarmed."
    if alarms is None:
        return words
    estimate, high = number(alarms["estimate"], 2), number(alarms["high"], 2)
    return f"{words} Expect {estimate} false alarms a month, and at most {high} (90 %)."
