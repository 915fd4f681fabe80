"""Makes evaluation plans from a monitor's methods, limits and policy; settings fill the open ones."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.conf import settings

from algorithms.calibration import nulls_from_json, usual_effects_from_json
from algorithms.concept_drift.detector_registry import DETECTORS, ConceptMethod
from algorithms.method_results import Reference
from algorithms.methods import METHODS, Limits, Method, MethodSpec
from algorithms.plan import EvaluationPlan, Policy, UsualInTime, default_methods
from monitors.models import Monitor
from monitors.time_references.time_references import list_entries

SETTINGS_OF_METHODS: Mapping[Method, Mapping[str, str]] = {
    Method.KS: {"threshold": "drift_threshold_ks", "tolerance": "effect_tolerance_ks"},
    Method.CHI_SQUARED: {"threshold": "drift_threshold_chi2", "tolerance": "effect_tolerance_chi2"},
    Method.PSI: {"threshold": "drift_threshold_psi", "warning": "drift_warning_threshold_psi"},
}
SETTINGS_OF_DETECTORS: Mapping[ConceptMethod, Mapping[str, str]] = {
    ConceptMethod.ADWIN: {"delta": "adwin_delta", "max_buckets": "adwin_max_buckets"},
    ConceptMethod.DDM: {
        "warm_start": "ddm_min_num_instances",
        "warning_threshold": "ddm_warning_level",
        "drift_threshold": "ddm_drift_level",
    },
}
"""The defaults that operators can set: a field of the spec, or a setting of the detector, and the name in `ENV`."""


def evaluation_plan(monitor: Monitor, card: Mapping[str, Any] | None = None) -> EvaluationPlan:
    """The plan for a run of this monitor.

    Args:
        monitor: Saved or not.
        card: The baseline's power card, with the usual sizes and effects; None if there is none.
    """
    usual_rows = tuple(card.get("rows", ())) if card else ()
    methods = _methods(monitor, usual_rows)
    return EvaluationPlan(
        methods={method: _limits(monitor, method) for method in methods},
        overrides=_overrides(monitor, methods),
        policy=Policy(monitor.policy),
        min_rows=monitor.min_rows,
        importances=monitor.importances,
        usual_rows=usual_rows,
        usual_effects=usual_effects_from_json(card) if card else {},
        nulls=nulls_from_json(card) if card else {},
        in_time=_usual_in_time(monitor, card) if card else {},
        sensitive=frozenset(monitor.sensitive_features),
    )


def _usual_in_time(monitor: Monitor, card: Mapping[str, Any]) -> dict[Reference, UsualInTime]:
    """The usual effects and null models of references in time whose settings are those of now."""
    now = list_entries(monitor)
    return {
        Reference(each["reference"]): UsualInTime(
            effects=usual_effects_from_json(each), nulls=nulls_from_json(each)
        )
        for each in card.get("references", ())
        if (Reference(each["reference"]), each["settings"]) in now
    }


def _methods(monitor: Monitor, usual_rows: tuple[int, ...]) -> list[Method]:
    """The monitor's own methods, or those of the default ones that its history allows."""
    if monitor.methods is None:
        return default_methods(usual_rows)
    return [Method(method) for method in monitor.methods]


def _overrides(monitor: Monitor, methods: list[Method]) -> dict[tuple[Method, str], Limits]:
    """The limits of the features that have some of their own."""
    return {
        (method, feature): _limits(monitor, method, feature)
        for method in methods
        for limits in (monitor.thresholds, monitor.tolerances)
        for feature in limits.get(method, {}).get("features", {})
    }


def detector_settings(monitor: Monitor, method: ConceptMethod) -> dict[str, Any]:
    """The settings of a detector that differ from its calibrated ones."""
    own = monitor.detector_settings.get(method, {})
    for_means = DETECTORS[method].calibrated_for_means
    if monitor.error_batch > 1 and for_means is not None:
        return {**for_means, **own}
    return {**_from_settings(SETTINGS_OF_DETECTORS.get(method, {})), **own}


def _limits(monitor: Monitor, method: Method, feature: str = "") -> Limits:
    """The monitor's own sizes are fixed; those that it leaves open may be raised to the usual ones."""
    return _spec_of_settings(method).limits(
        threshold=_number(monitor.thresholds, method, feature),
        tolerance=_number(monitor.tolerances, method, feature),
    )


def specs_of_settings() -> dict[Method, MethodSpec]:
    """All methods, each with the defaults that the settings give it."""
    return {method: _spec_of_settings(method) for method in METHODS}


def _spec_of_settings(method: Method) -> MethodSpec:
    """The method with the defaults that the settings give it."""
    return replace(METHODS[method], **_from_settings(SETTINGS_OF_METHODS.get(method, {})))


def _from_settings(names: Mapping[str, str]) -> dict[str, Any]:
    return {field: getattr(settings.ENV, name) for field, name in names.items()}


def _number(limits: Mapping[str, Any], method: Method, feature: str) -> float | None:
    """The monitor's own number for a feature, else for the method; None when it has left it open."""
    mine = limits.get(method, {})
    number: float | None = mine.get("features", {}).get(feature, mine.get("default"))
    return number
