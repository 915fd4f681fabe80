"""Checks the fields of a monitor, for the API and the admin."""

from collections.abc import Mapping
from datetime import timedelta
from math import inf
from typing import Any

from django.core.exceptions import ValidationError

from algorithms.columns import FeatureKind
from algorithms.concept_drift.detector_registry import DETECTORS, ConceptMethod, new_detector
from algorithms.methods import METHODS, Method
from algorithms.performance import Metric, PerformanceLimit
from drift_detector.scheduling.cron import BadSchedule
from drift_detector.scheduling.schedules import check_storable
from monitors.sources import is_storable

LONGEST_DURATION = timedelta(days=36_600)
HIGHEST_THRESHOLD: Mapping[str, float] = {
    method.value: spec.highest_threshold for method, spec in METHODS.items()
}
HIGHEST_TOLERANCE: Mapping[str, float] = {
    method.value: 1.0 for method, spec in METHODS.items() if spec.is_significance
}
HIGHEST_IMPORTANCE = 100.0


def check_monitor(fields: Mapping[str, Any]) -> None:
    """Check the rules that span several fields of a monitor."""
    check_cron(fields["schedule_cron"], fields["timezone"])
    for name in ("window", "window_lag", "misfire_grace"):
        if fields[name] > LONGEST_DURATION:
            raise ValidationError({name: f"{name} must be at most 100 years."})
    if fields["window"] <= timedelta(0):
        raise ValidationError({"window": "window must be greater than zero."})
    if fields["misfire_grace"] < timedelta(0):
        raise ValidationError({"misfire_grace": "misfire_grace must not be negative."})
    if fields["window_lag"] < timedelta(0):
        raise ValidationError({"window_lag": "window_lag must not be negative."})
    start, end = fields.get("reference_start"), fields.get("reference_end")
    if start and end and start >= end:
        raise ValidationError({"reference_end": "reference_end must be after reference_start."})
    if fields.get("seasonal_weeks") and not fields["timestamp_column"]:
        raise ValidationError({"timestamp_column": "seasonal_weeks needs a timestamp_column."})
    _check_outcomes(fields)
    if (start or end) and not fields["timestamp_column"]:
        raise ValidationError(
            {"timestamp_column": "reference_start and reference_end need a timestamp_column."}
        )


def _check_outcomes(fields: Mapping[str, Any]) -> None:
    if (delay := fields.get("label_delay")) is not None:
        _check_label_delay(delay, fields["performance_limits"])
    if fields["prediction_column"] and fields["prediction_column"] == fields["label_column"]:
        raise ValidationError({"label_column": "label_column must differ from prediction_column."})
    needy = sorted(set(fields["performance_limits"]) & {Metric.ROC_AUC, Metric.LOG_LOSS})
    if needy and fields["prediction_column"] and not fields["score_column"]:
        raise ValidationError({"score_column": f"{needy[0]} needs a score_column."})
    if bool(fields["prediction_column"]) != bool(fields["label_column"]):
        raise ValidationError(
            {"label_column": "Outcomes need both a prediction_column and a label_column."}
        )
    if fields["prediction_column"] and not fields["timestamp_column"]:
        raise ValidationError({"timestamp_column": "prediction_column needs a timestamp_column."})
    if fields["error_scale"] is None and fields["error_batch"] == 1:
        return
    binary = [
        method
        for method in fields["concept_methods"]
        if DETECTORS[ConceptMethod(method)].detector.is_binary
    ]
    if binary:
        raise ValidationError(
            {
                "concept_methods": f"{binary[0]} needs errors of 0 and 1, without error_scale and error_batch."
            }
        )


def _check_label_delay(delay: timedelta, limits: Mapping[str, Any]) -> None:
    if not timedelta(0) <= delay <= LONGEST_DURATION:
        raise ValidationError({"label_delay": "label_delay must be from zero to 100 years."})
    if not limits:
        raise ValidationError({"label_delay": "label_delay needs performance_limits."})


def check_cron(expression: str, zone: str) -> None:
    """Raise for `schedule_cron` or `timezone` unless the two make a schedule."""
    try:
        check_storable("* * * * *", zone)
    except BadSchedule as error:
        raise ValidationError({"timezone": str(error)}) from error
    try:
        check_storable(expression, zone)
    except BadSchedule as error:
        raise ValidationError({"schedule_cron": str(error)}) from error


def check_methods(methods: Any) -> list[str]:
    """A list of known methods, each once and at least one."""
    known = [method.value for method in Method]
    if not isinstance(methods, list) or not methods or set(map(str, methods)) - set(known):
        raise ValidationError(f"methods must be a list of one or more of {', '.join(known)}.")
    return [method for method in known if method in methods]


def check_concept_methods(methods: Any) -> list[str]:
    """A list of known detectors, each once; none is fine."""
    known = [method.value for method in ConceptMethod]
    if not isinstance(methods, list) or set(map(str, methods)) - set(known):
        raise ValidationError(f"concept_methods must be a list of some of {', '.join(known)}.")
    return [method for method in known if method in methods]


def check_detector_settings(chosen: Any) -> dict[str, dict[str, Any]]:
    """Settings per detector: `{"adwin": {"delta": 0.01}}`."""
    known = [method.value for method in ConceptMethod]
    if (
        not isinstance(chosen, dict)
        or set(chosen) - set(known)
        or not all(isinstance(v, dict) for v in chosen.values())
    ):
        raise ValidationError(
            f"detector_settings must be an object of objects, with some of the keys {', '.join(known)}."
        )
    for method, settings in chosen.items():
        try:
            new_detector(ConceptMethod(method), settings)
        except (TypeError, ValueError) as error:
            raise ValidationError(str(error)) from error
    return chosen


def check_performance_limits(limits: Any) -> dict[str, dict[str, float]]:
    """The limits of metrics: `{"accuracy": {"minimum": 0.9}, "f1": {"relative": 0.1}}`."""
    known = [metric.value for metric in Metric]
    if not isinstance(limits, dict) or set(limits) - set(known):
        raise ValidationError(
            f"performance_limits must be an object with some of the keys {', '.join(known)}."
        )
    for metric, limit in limits.items():
        names = set(limit) if isinstance(limit, dict) else set()
        numbers = limit.values() if isinstance(limit, dict) else ()
        if len(names & {"minimum", "maximum", "relative"}) != 1 or len(names) != 1:
            raise ValidationError(f"{metric} must have one limit: minimum, maximum or relative.")
        if any(
            isinstance(number, bool) or not isinstance(number, int | float) for number in numbers
        ):
            raise ValidationError(f"{metric} must have a number as its limit.")
        try:
            PerformanceLimit(**limit)
        except (ValueError, OverflowError) as error:
            raise ValidationError(f"{metric}: {error}") from error
    return limits


def check_error_scale(scale: float | None) -> float | None:
    """A positive, finite number, or none."""
    if scale is not None and not 0 < scale < inf:
        raise ValidationError("error_scale must be a number above 0.")
    return scale


def check_thresholds(limits: Any) -> dict[str, dict[str, Any]]:
    """Thresholds per method, and per feature where one differs.

    `{"ks": 0.01}` is short for `{"ks": {"default": 0.01}}`; `{"ks": {"features": {"age": 0.01}}}` is for one feature.
    """
    return _check_limits(limits, HIGHEST_THRESHOLD)


def check_tolerances(limits: Any) -> dict[str, dict[str, Any]]:
    """Tolerated effect sizes, in the form of thresholds; PSI's is its threshold."""
    return _check_limits(limits, HIGHEST_TOLERANCE)


def check_feature_kinds(kinds: Any) -> dict[str, str]:
    """Columns, each with the kind that it is read as."""
    known = [kind.value for kind in FeatureKind]
    if not isinstance(kinds, dict) or any(kind not in known for kind in kinds.values()):
        raise ValidationError(
            f"feature_kinds must be an object of columns, each {' or '.join(known)}."
        )
    _check_names(kinds)
    return kinds


def check_importances(importances: Any) -> dict[str, float]:
    """Features, each with how much its drift matters beside the others', which are at 1."""
    if not isinstance(importances, dict):
        raise ValidationError("importances must be an object of features, each with a number.")
    _check_names(importances)
    for number in importances.values():
        _check_number("importances", number, HIGHEST_IMPORTANCE)
    return importances


def _check_limits(limits: Any, highest: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    if not isinstance(limits, dict) or set(limits) - set(highest):
        raise ValidationError(
            f"Limits must be an object with some of the keys {', '.join(highest)}."
        )
    return {
        method: _check_limit(method, value, highest[method]) for method, value in limits.items()
    }


def _check_limit(method: str, value: Any, highest: float) -> dict[str, Any]:
    if not isinstance(value, dict):
        value = {"default": value}
    features = value.get("features", {})
    if set(value) - {"default", "features"} or not isinstance(features, dict):
        raise ValidationError(f"{method} must be a number, or an object with default and features.")
    _check_names(features)
    limits: dict[str, Any] = value
    numbers = [*features.values(), *([value["default"]] if "default" in value else [])]
    for number in numbers:
        _check_number(method, number, highest)
    return limits


def _check_number(name: str, number: Any, highest: float) -> None:
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number <= highest:
        raise ValidationError(
            f"{name} must be a number above 0 and at most {highest:g}, not {number!r}."
        )


def _check_names(features: Mapping[Any, Any]) -> None:
    if any(not isinstance(name, str) or not is_storable(name) for name in features):
        raise ValidationError("A feature's name must hold only characters that can be stored.")
