"""A monitor's methods, limits and policy in the engine's words; the settings fill what it leaves open."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

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


def evaluation_plan(monitor: Monitor, *, usual_rows: tuple[int, ...] = ()) -> EvaluationPlan:
    """What a run of this monitor asks.

    Args:
        monitor: Saved or not.
        usual_rows: Rows of windows of the reference's time, from the baseline's calibration.
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
        usual_rows=usual_rows,
    )


def _limits(monitor: Monitor, method: Method, feature: str = "") -> Limits:
    env, default = settings.ENV, DEFAULT_LIMITS[method]
    threshold = _number(monitor.thresholds, method, feature)
    if method is Method.PSI:
        limit = threshold or env.drift_threshold_psi
        return psi_limits(limit, min(env.drift_warning_threshold_psi, limit))
    if method not in SIGNIFICANCE_METHODS:
        return size_limits(threshold or default.threshold)
    levels = {Method.KS: env.drift_threshold_ks, Method.CHI_SQUARED: env.drift_threshold_chi2}
    sizes = {Method.KS: env.effect_tolerance_ks, Method.CHI_SQUARED: env.effect_tolerance_chi2}
    return significance_limits(
        threshold or levels.get(method, default.threshold),
        _number(monitor.tolerances, method, feature) or sizes.get(method, default.tolerance),
    )


def _number(limits: Mapping[str, Any], method: Method, feature: str) -> float | None:
    """The monitor's own number for a feature, else for the method; None when it has left it open."""
    mine = limits.get(method, {})
    number: float | None = mine.get("features", {}).get(feature, mine.get("default"))
    return number
