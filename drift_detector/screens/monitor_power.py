"""Draws a power card: the usual effects of features beside their tolerances, and the smallest change that is seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from algorithms.methods import Method
from drift_detector.charts.bullets import Bullet, bullets
from drift_detector.charts.svg import Markup
from drift_detector.formats import counted, number, share
from drift_detector.screens.feature_page import feature_address
from monitors.evaluation_plans import evaluation_plan
from monitors.models import Baseline, Monitor

MOST_FEATURES = 30
LEAST_SHIFT = 0.001
"""In standard deviations: a smaller one is seen where a feature has few values, as each of them moves."""
MAIN_METHODS = {"numeric": Method.KS, "categorical": Method.CHI_SQUARED}
"""The methods that the smallest changes are computed for."""

type Card = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PowerCard:
    """A power card as a page shows it."""

    sentence: str
    drawing: Markup | None
    features_left_out: int


def power_card(monitor: Monitor, baseline: Baseline | None) -> PowerCard | None:
    """The power card of a baseline; None without one."""
    card = baseline.calibration if baseline is not None else None
    if baseline is None or not card:
        return None
    rows = _ranked(_bullets(monitor, baseline, card))
    shown = rows[:MOST_FEATURES]
    drawing = bullets(shown, label="Usual effects and tolerances") if shown else None
    return PowerCard(_sentence(card), drawing, len(rows) - len(shown))


def _ranked(rows: Sequence[Bullet]) -> list[Bullet]:
    """The features whose windows differ the most of themselves first."""
    return sorted(rows, key=lambda row: (-(row.value or 0.0), row.label))


def _bullets(monitor: Monitor, baseline: Baseline, card: Card) -> list[Bullet]:
    plan = evaluation_plan(monitor, card)
    asked = [
        (name, MAIN_METHODS[kind])
        for name, kind in baseline.features.items()
        if kind in MAIN_METHODS and MAIN_METHODS[kind] in plan.methods
    ]
    return [
        _bullet(monitor.id, card, name, method, plan.limits(method, name).tolerance)
        for name, method in asked
    ]


def _bullet(
    monitor_id: UUID, card: Card, name: str, method: Method, tolerance: float | None
) -> Bullet:
    key = f"{method.value} {name}"
    seen = card.get("effects", {}).get(key, {})
    usual = card.get("usual_effects", {}).get(key, seen.get("1"))
    change = card.get("smallest_changes", {}).get(name)
    return Bullet(
        label=name,
        value=usual,
        marks={} if tolerance is None else {"limit": tolerance},
        title=_title(name, method, usual, seen.get("0.5"), tolerance),
        href=feature_address(monitor_id, name),
        note=_change_in_words(change),
    )


def _title(
    name: str,
    method: Method,
    usual: float | None,
    median: float | None,
    tolerance: float | None,
) -> str:
    return (
        f"{name} by {method.value}: windows without drift stay below {number(usual)} "
        f"(median {number(median)}), the tolerance is {number(tolerance)}"
    )


def _change_in_words(change: Mapping[str, float | None] | None) -> str:
    """The smallest change that a check sees nine times in ten."""
    if change is None:
        return ""
    shift, moved = change.get("shift"), change.get("share")
    if shift is not None:
        return f"sees {number(shift, 2)} σ" if shift >= LEAST_SHIFT else "sees any shift"
    return "sees no change" if moved is None else f"sees {share(moved)} of rows"


def _sentence(card: Card) -> str:
    """How often the reference's own windows raised an alarm, and what that makes in a month."""
    if not card.get("checks"):
        reason: str = card.get("reason") or "The reference's windows were not checked."
        return reason
    checks, alarms = card["checks"], card["alarms"]
    raised = counted(alarms, "alarm") if alarms else "no alarm"
    text = f"{counted(checks, 'window')} of the reference itself raised {raised}."
    rates = card.get("false_alarms_per_month")
    if rates:
        between = f"{number(rates['low'], 2)} to {number(rates['high'], 2)}"
        text += f" That makes {between} false alarms a month, most likely {number(rates['estimate'], 2)}."
    return f"{text} A window has about {counted(card['window_rows'], 'row')}."
