"""Makes evaluation plans from a monitor's methods, limits and policy; settings fill the open ones."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.conf import settings

from algorithms.calibration import usual_effects_from_json
from algorithms.concept_drift.methods import CALIBRATED_FOR_MEANS, ConceptMethod
from algorithms.plan import (
    DEFAULT_LIMITS,
    SIGNIFICANCE_METHODS,
    EvaluationPlan,
    Limits,
    Method,
    Policy,
    psi_limits,
    significance_limits,
    size_limits,
)
from monitors.models import Monitor


def evaluation_plan(monitor: Monitor, card: Mapping[str, Any] | None = None) -> EvaluationPlan:
    """The plan for a run of this monitor.

    Args:
        monitor: Saved or not.
        card: The baseline's power card, with the usual sizes and effects; None if there is none.
    """
    methods = [Method(method) for method in monitor.methods]
    overrides = {
        (method, feature): _limits(monitor, method, feature)
        for method in methods
        for limits in (monitor.thresholds, monitor.tolerances)
        for feature in limits.get(method, {}).get("features", {})
    }
    return EvaluationPlan(
        methods={method: _limits(monitor, method) for method in methods},
        overrides=overrides,
        policy=Policy(monitor.policy),
        min_rows=monitor.min_rows,
        importances=monitor.importances,
        usual_rows=tuple(card.get("rows", ())) if card else (),
        usual_effects=usual_effects_from_json(card) if card else {},
    )


def detector_settings(monitor: Monitor, method: ConceptMethod) -> dict[str, Any]:
    """The settings of a detector that differ from its calibrated ones."""
    env = settings.ENV
    ours: Mapping[ConceptMethod, Mapping[str, Any]] = {
        ConceptMethod.ADWIN: {"delta": env.adwin_delta, "max_buckets": env.adwin_max_buckets},
        ConceptMethod.DDM: {
            "warm_start": env.ddm_min_num_instances,
            "warning_threshold": env.ddm_warning_level,
            "drift_threshold": env.ddm_drift_level,
        },
    }
    if monitor.error_batch > 1 and method in CALIBRATED_FOR_MEANS:
        ours = CALIBRATED_FOR_MEANS
    return {**ours.get(method, {}), **monitor.detector_settings.get(method, {})}


def _limits(monitor: Monitor, method: Method, feature: str = "") -> Limits:
    """The monitor's own sizes are fixed; those that it leaves open may be raised to the usual ones."""
    env, default = settings.ENV, DEFAULT_LIMITS[method]
    threshold = _number(monitor.thresholds, method, feature)
    if method is Method.PSI:
        limit = threshold or env.drift_threshold_psi
        return replace(
            psi_limits(limit, min(env.drift_warning_threshold_psi, limit)),
            is_fixed=threshold is not None,
        )
    if method not in SIGNIFICANCE_METHODS:
        return replace(size_limits(threshold or default.threshold), is_fixed=threshold is not None)
    levels = {Method.KS: env.drift_threshold_ks, Method.CHI_SQUARED: env.drift_threshold_chi2}
    sizes = {Method.KS: env.effect_tolerance_ks, Method.CHI_SQUARED: env.effect_tolerance_chi2}
    level = threshold or levels.get(method, default.threshold)
    if tolerance := _number(monitor.tolerances, method, feature):
        return replace(significance_limits(level, tolerance), is_fixed=True)
    return significance_limits(level, sizes.get(method, default.tolerance), default.scale)


def _number(limits: Mapping[str, Any], method: Method, feature: str) -> float | None:
    """The monitor's own number for a feature, else for the method; None when it has left it open."""
    mine = limits.get(method, {})
    number: float | None = mine.get("features", {}).get(feature, mine.get("default"))
    return number
