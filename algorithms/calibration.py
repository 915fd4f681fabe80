"""What a monitor would have said of its own reference: checks of windows that are known to be free of drift.

Window-sized blocks of the reference's time are held out, one after the other, and compared with the rest. The blocks
have the autocorrelation, the weekdays and the size of real windows, which no formula knows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import special

from algorithms.baseline import Baseline
from algorithms.evaluation import evaluate_profile
from algorithms.plan import EvaluationPlan
from algorithms.profiles import CategoricalProfile, FeatureProfile, NumericProfile, Profile, Unprofiled
from algorithms.references import CategoricalReference, FeatureReference, NumericReference
from algorithms.verdicts import Verdict

QUANTILES = (0.5, 0.9, 1.0)
CONFIDENCE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What checks of the reference's own windows found.

    Attributes:
        rows: Rows of each block that held enough to be judged.
        alarms: Blocks whose verdict was drift.
        drifted: How often each feature drifted.
        effects: Effect sizes, ascending, by method and feature, as "method feature".
    """

    rows: tuple[int, ...]
    alarms: int
    drifted: Mapping[str, int] = field(default_factory=dict)
    effects: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def checks(self) -> int:
        """Blocks that were judged."""
        return len(self.rows)

    def alarm_rate(self) -> tuple[float, float, float] | None:
        """Alarms per check without drift, and the ends of its 90 % interval (Jeffreys); None without a check."""
        if not self.checks:
            return None
        missed = self.checks - self.alarms
        tail = (1 - CONFIDENCE) / 2
        low = float(special.betaincinv(self.alarms + 0.5, missed + 0.5, tail)) if self.alarms else 0.0
        high = float(special.betaincinv(self.alarms + 0.5, missed + 0.5, 1 - tail)) if missed else 1.0
        return self.alarms / self.checks, low, high

    def as_json(self) -> dict[str, Any]:
        """Figures for people: rates, and quantiles of the effects without drift beside how many blocks they rest on."""
        rate = self.alarm_rate()
        return {
            "checks": self.checks,
            "rows": list(self.rows),
            "alarms": self.alarms,
            "alarm_rate": None if rate is None else {"estimate": rate[0], "low": rate[1], "high": rate[2]},
            "drifted": dict(self.drifted),
            "effects": {
                name: {f"{level:g}": _quantile(found, level) for level in QUANTILES}
                for name, found in self.effects.items()
            },
        }


def calibrate(baseline: Baseline, blocks: Iterable[Profile], plan: EvaluationPlan) -> Calibration:
    """Compare each block of the reference with the rest of it.

    Args:
        baseline: The whole reference.
        blocks: Profiles of windows of it, in time order; those that are too small to be judged are left out.
        plan: Methods, limits and policy, as a run would use them.
    """
    rows, alarms = [], 0
    drifted: dict[str, int] = {}
    effects: dict[str, list[float]] = {}
    for block in blocks:
        outcomes = evaluate_profile(_without(baseline, block), block, plan)
        details = [(outcome.method, detail) for outcome in outcomes for detail in outcome.details]
        if not any(detail.verdict in (Verdict.OK, Verdict.DRIFT) for _, detail in details):
            continue
        rows.append(block.rows)
        alarms += any(outcome.is_drifted for outcome in outcomes)
        for feature in {detail.feature for _, detail in details if detail.verdict is Verdict.DRIFT}:
            drifted[feature] = drifted.get(feature, 0) + 1
        for method, detail in details:
            if detail.effect_size is not None:
                effects.setdefault(f"{method} {detail.feature}", []).append(detail.effect_size)
    return Calibration(
        rows=tuple(rows),
        alarms=alarms,
        drifted=drifted,
        effects={name: tuple(sorted(found)) for name, found in effects.items()},
    )


def _quantile(ascending: Sequence[float], level: float) -> float:
    return float(np.quantile(np.asarray(ascending), level))


def _without(baseline: Baseline, block: Profile) -> Baseline:
    """The baseline of the reference less a block of it; of a sampled reference the whole, which no block is part of."""
    if baseline.sampled:
        features = {name: _binned(each) for name, each in baseline.features.items()}
        return replace(baseline, features=features)
    features = {name: _less(each, block.features[name]) for name, each in baseline.features.items()}
    return replace(baseline, rows=baseline.rows - block.rows, features=features)


def _binned(reference: FeatureReference) -> FeatureReference:
    """The reference without values, on the grid that the blocks were counted on."""
    return replace(reference, values=None) if isinstance(reference, NumericReference) else reference


def _less(reference: FeatureReference, profile: FeatureProfile | Unprofiled) -> FeatureReference:
    if isinstance(reference, NumericReference) and isinstance(profile, NumericProfile):
        return replace(
            reference,
            n=reference.n - profile.rows,
            nulls=reference.nulls - profile.nulls,
            nans=reference.nans - profile.nans,
            infinite=reference.infinite - profile.infinite,
            counts=reference.counts - profile.counts,
            values=None,
        )
    if isinstance(reference, CategoricalReference) and isinstance(profile, CategoricalProfile):
        return replace(
            reference,
            n=reference.n - profile.rows,
            nulls=reference.nulls - profile.nulls,
            counts=reference.counts - profile.counts,
            other=reference.other - profile.unseen.rows,
        )
    return reference
