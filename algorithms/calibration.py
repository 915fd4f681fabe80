"""Checks a monitor against its own reference: windows that are known to be free of drift.

Window-sized blocks of the reference's time are held out, one after the other, and compared with the rest. The blocks
have the autocorrelation, the weekdays and the size of real windows, which no formula knows.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np
from scipy import special

from .baseline import Baseline
from .evaluation import evaluate_profile
from .method_results import FeatureDetail
from .methods import METHODS, Method
from .null_models import NullModel
from .plan import EvaluationPlan, Policy
from .profiles import (
    CategoricalProfile,
    FeatureProfile,
    NumericProfile,
    Profile,
    Unprofiled,
)
from .references import CategoricalReference, FeatureReference, NumericReference
from .verdicts import Verdict

QUANTILES = (0.5, 0.9, 1.0)
CONFIDENCE = 0.9
SURPRISE, ODD = 0.05, 0.001
"""Shares of windows without drift in which some feature's effect may pass its usual one, and in which it is so far off
that the window says nothing about what is usual."""

type Key = tuple[Method, str]
type _Details = Mapping[Key, FeatureDetail]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The result of checking the reference's own windows.

    Attributes:
        rows: Rows of each block that held enough to be judged.
        alarms: Blocks whose verdict was drift.
        drifted: How often each feature drifted.
        effects: Effect sizes, ascending, by method and feature.
        usual_effects: The effect size that one more window without drift stays below, by method and feature; see
            `usual_effect`. Each block was judged by what is usual for the others.
        nulls: What the blocks make of one more window's effect size, by method and feature. No block is left out as
            odd: what the reference holds can come again.
    """

    rows: tuple[int, ...]
    alarms: int
    drifted: Mapping[str, int] = field(default_factory=dict)
    effects: Mapping[Key, tuple[float, ...]] = field(default_factory=dict)
    usual_effects: Mapping[Key, float] = field(default_factory=dict)
    nulls: Mapping[Key, NullModel] = field(default_factory=dict)

    @property
    def checks(self) -> int:
        """Blocks that were judged."""
        return len(self.rows)

    def alarm_rate(self) -> tuple[float, float, float] | None:
        """Alarms per check without drift, and the ends of its 90 % interval (Jeffreys); None without a check."""
        if not self.checks:
            return None
        tail = (1 - CONFIDENCE) / 2
        low = self._alarm_quantile(tail) if self.alarms else 0.0
        high = self._alarm_quantile(1 - tail) if self.alarms < self.checks else 1.0
        return self.alarms / self.checks, low, high

    def _alarm_quantile(self, level: float) -> float:
        """A quantile of Jeffreys' posterior of the alarm rate."""
        missed = self.checks - self.alarms
        return float(special.betaincinv(self.alarms + 0.5, missed + 0.5, level))

    def as_json(self) -> dict[str, Any]:
        """Figures for people: rates, and quantiles of the effects without drift beside how many blocks they rest on."""
        return {
            "checks": self.checks,
            "rows": list(self.rows),
            "alarms": self.alarms,
            "alarm_rate": self._rate_as_json(),
            "drifted": dict(self.drifted),
            "effects": {_name(key): _quantiles(found) for key, found in self.effects.items()},
            "usual_effects": {_name(key): found for key, found in self.usual_effects.items()},
            "nulls": {_name(key): astuple(model) for key, model in self.nulls.items()},
        }

    def _rate_as_json(self) -> dict[str, float] | None:
        rate = self.alarm_rate()
        return None if rate is None else dict(zip(("estimate", "low", "high"), rate, strict=True))


def usual_effects_from_json(card: Mapping[str, Any]) -> dict[Key, float]:
    """The usual effects that `Calibration.as_json` wrote."""
    named = (
        (name.partition(" "), effect) for name, effect in card.get("usual_effects", {}).items()
    )
    return {(Method(method), feature): effect for (method, _, feature), effect in named}


def nulls_from_json(card: Mapping[str, Any]) -> dict[Key, NullModel]:
    """The null models that `Calibration.as_json` wrote; none in a card from before they were kept."""
    named = ((name.partition(" "), model) for name, model in card.get("nulls", {}).items())
    return {(Method(method), feature): NullModel(*model) for (method, _, feature), model in named}


def usual_effect(effects: Sequence[float], surprise: float) -> float | None:
    """The effect size that one more window without drift stays below, or None if too few windows tell.

    Args:
        effects: Shape (n,), of windows without drift.
        surprise: The share of such windows that may pass it.
    """
    model = NullModel.of(effects)
    return None if model is None else model.limit(surprise)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A comparison of a window without drift.

    Attributes:
        reference: What the window is compared with, which does not hold it.
        window: The window.
        usual_rows: How many rows windows of the reference held, if that is known.
    """

    reference: Baseline
    window: Profile
    usual_rows: tuple[int, ...] = ()


def calibrate(baseline: Baseline, blocks: Iterable[Profile], plan: EvaluationPlan) -> Calibration:
    """Compare each block of the reference with the rest of it.

    Args:
        baseline: The whole reference.
        blocks: Profiles of windows of it, in time order; those that are too small to be judged are left out.
        plan: Methods, limits and policy, as a run would use them.
    """
    checks = (Check(reference=_without(baseline, block), window=block) for block in blocks)
    return calibrate_checks(checks, plan)


def calibrate_checks(checks: Iterable[Check], plan: EvaluationPlan) -> Calibration:
    """Make these comparisons of windows without drift; those that are too small to be judged are left out."""
    by_block = [(check.window.rows, _examine(check, plan)) for check in checks]
    rows = [count for count, details in by_block if _is_judged(details)]
    judged = [details for _, details in by_block if _is_judged(details)]
    drifted = _drifted_by_the_others(judged, plan, SURPRISE)
    effects = {key: tuple(sorted(found)) for key, found in _effects(judged).items()}
    models = {key: NullModel.of(found) for key, found in effects.items()}
    return Calibration(
        rows=tuple(rows),
        alarms=sum(map(bool, drifted)),
        drifted=dict(Counter(chain.from_iterable(drifted))),
        effects=effects,
        usual_effects=_usual(_like_the_others(judged, plan), SURPRISE),
        nulls={key: model for key, model in models.items() if model is not None},
    )


def _examine(check: Check, plan: EvaluationPlan) -> _Details:
    """The record of each method and feature, of a window against its reference."""
    measuring = replace(plan.without_schema(), usual_rows=check.usual_rows)
    results = evaluate_profile(check.reference, check.window, measuring)
    return {
        (Method(result.method), detail.feature): detail
        for result in results
        for detail in result.details
    }


def _is_judged(details: _Details) -> bool:
    return any(detail.verdict in (Verdict.OK, Verdict.DRIFT) for detail in details.values())


def _like_the_others(judged: Sequence[_Details], plan: EvaluationPlan) -> list[_Details]:
    """The blocks without the features that were odd: the effects of an odd block would hide the next one."""
    odd = _drifted_by_the_others(judged, plan, ODD)
    return [_apart_from(features, details) for features, details in zip(odd, judged, strict=True)]


def _drifted_by_the_others(
    judged: Sequence[_Details], plan: EvaluationPlan, surprise: float
) -> list[set[str]]:
    """The features of each block that drifted, by what is usual for the other blocks."""
    drifted = []
    for place, details in enumerate(judged):
        others = [*judged[:place], *judged[place + 1 :]]
        usual = _usual(others, surprise)
        drifted.append(_beyond(details, replace(plan, usual_effects=usual)))
    return drifted


def _effects(judged: Iterable[_Details]) -> dict[Key, list[float]]:
    effects: dict[Key, list[float]] = {}
    for details in judged:
        for key, detail in details.items():
            if detail.effect_size is not None and METHODS[key[0]].kinds:
                effects.setdefault(key, []).append(detail.effect_size)
    return effects


def _usual(judged: Sequence[_Details], surprise: float) -> dict[Key, float]:
    """The usual effects of these blocks, the surprise shared among the features."""
    effects = _effects(judged)
    features = len({feature for _, feature in effects})
    found = {key: usual_effect(values, surprise / features) for key, values in effects.items()}
    return {key: effect for key, effect in found.items() if effect is not None}


def _beyond(details: _Details, plan: EvaluationPlan) -> set[str]:
    """The drifted features whose effect passes what is usual, too; raising a tolerance never makes a drift."""
    return {
        detail.feature
        for key, detail in details.items()
        if detail.verdict is Verdict.DRIFT
        and (
            plan.policy is Policy.THRESHOLD
            or (detail.effect_size or 0.0) >= plan.limits(*key).tolerance
        )
    }


def _apart_from(drifted: Collection[str], details: _Details) -> dict[Key, FeatureDetail]:
    return {key: detail for key, detail in details.items() if detail.feature not in drifted}


def _name(key: Key) -> str:
    method, feature = key
    return f"{method.value} {feature}"


def _quantiles(ascending: Sequence[float]) -> dict[str, float]:
    values = np.asarray(ascending)
    return {f"{level:g}": float(np.quantile(values, level)) for level in QUANTILES}


def counted_baseline(baseline: Baseline, profile: Profile) -> Baseline:
    """A reference on the cells of a baseline, without values and slices, that holds the rows of a profile."""
    features = {
        name: _counted(each, profile.features[name]) for name, each in baseline.features.items()
    }
    rows = profile.rows
    return replace(baseline, rows=rows, sampled_rows=rows, features=features, slices={})


def _counted(reference: FeatureReference, profile: FeatureProfile | Unprofiled) -> FeatureReference:
    if isinstance(reference, NumericReference) and isinstance(profile, NumericProfile):
        return replace(
            reference,
            n=profile.rows,
            nulls=profile.nulls,
            nans=profile.nans,
            infinite=profile.infinite,
            summary=profile.moments.summary(reference.centre),
            counts=profile.counts,
            values=None,
        )
    if isinstance(reference, CategoricalReference) and isinstance(profile, CategoricalProfile):
        return replace(
            reference,
            n=profile.rows,
            nulls=profile.nulls,
            counts=profile.counts,
            other=profile.unseen.rows,
        )
    return reference


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
