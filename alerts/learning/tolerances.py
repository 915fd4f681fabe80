"""Finds tolerances that keep noise away and hide nothing that was real. All of it is pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alerts.learning.precision import JudgedAlert, Place

LEAST_NOISE = 3
"""Fewer alerts of noise are no pattern."""
LEAST_SHARE = 0.5
"""The share of a feature's alerts of noise that a tolerance must hide, or it is not worth a change."""
DIGITS = (2, 3, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A tolerance that is worth a backtest.

    Attributes:
        method: The method.
        feature: The feature.
        tolerance: The effect size up to which a change would no longer matter.
        noise: Alerts of noise in which the method saw the feature drift.
        judged: All alerts with a reason in which it did, without the expected ones.
    """

    method: str
    feature: str
    tolerance: float
    noise: int
    judged: int

    @property
    def words(self) -> str:
        """The suggestion as a sentence."""
        alerts = f"{self.noise} of {self.judged} alerts were noise"
        return f"tolerance of {self.feature} ({self.method}) to {self.tolerance:g}: {alerts}"


def find_candidates(alerts: Sequence[JudgedAlert], highest: Mapping[str, float]) -> list[Candidate]:
    """A tolerance for each method and feature whose noise is smaller than all that was real.

    Args:
        alerts: The alerts with the reasons that people gave.
        highest: The highest tolerance of each method that has one.
    """
    places = sorted({place for alert in alerts for place in alert.effects})
    found = [
        _candidate(place, alerts, highest[place[0]]) for place in places if place[0] in highest
    ]
    return [candidate for candidate in found if candidate is not None]


def _candidate(place: Place, alerts: Sequence[JudgedAlert], highest: float) -> Candidate | None:
    """The tolerance is above the largest window of each alert that it hides, and below any of a real one."""
    noise = [max(each.effects[place]) for each in alerts if each.is_noise and place in each.effects]
    real = [min(each.effects[place]) for each in alerts if each.is_true and place in each.effects]
    ceiling = min([*real, math.nextafter(highest, math.inf)])
    hidden = [effect for effect in noise if effect < ceiling]
    if len(hidden) < max(LEAST_NOISE, LEAST_SHARE * len(noise)):
        return None
    tolerance = _rounded_between(max(hidden), ceiling)
    if tolerance is None:
        return None
    method, feature = place
    return Candidate(
        method=method,
        feature=feature,
        tolerance=tolerance,
        noise=len(noise),
        judged=len(noise) + len(real),
    )


def _rounded_between(floor: float, ceiling: float) -> float | None:
    """The shortest number that is at least `floor` and below `ceiling`; None if a few digits are not enough."""
    for digits in DIGITS:
        step = 10.0 ** (math.floor(math.log10(floor)) + 1 - digits)
        number = round(math.ceil(floor / step) * step, 12)
        if floor <= number < ceiling:
            return number
    return None
