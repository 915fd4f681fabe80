"""Checks the fields of a monitor, for the API and the admin."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from math import inf
from typing import Any, NoReturn

from django.core.exceptions import ValidationError

from algorithms.columns import FeatureKind
from algorithms.concept_drift.detector_registry import DETECTORS, ConceptMethod, new_detector
from algorithms.methods import METHODS, Method, ThresholdKind
from algorithms.performance import Metric, PerformanceLimit
from drift_detector.scheduling.cron import BadSchedule, canonical, check_schedule
from drift_detector.scheduling.schedules import check_storable
from monitors.models import MOST_RUNS_OF_EPISODE, Monitor
from monitors.slice_checks import checked_slices, refuse_sensitive
from monitors.sources import CsvDialect, is_storable
from monitors.sources.csv_dialect import DECIMALS, DELIMITERS, QUOTES
from monitors.time_references.reference_checks import check_calendar, check_entries

LONGEST_DURATION = timedelta(days=36_600)
HIGHEST_THRESHOLD: Mapping[str, float] = {
    method.value: spec.highest_threshold
    for method, spec in METHODS.items()
    if spec.threshold_kind is not ThresholdKind.NONE
}
HIGHEST_TOLERANCE: Mapping[str, float] = {
    method.value: 1.0 for method, spec in METHODS.items() if spec.is_significance
}
LEAST_LIMIT = 1e-100
"""Smaller levels and sizes underflow to zero once they are divided among features."""
HIGHEST_IMPORTANCE = 100.0
METRICS_OF_SCORES = frozenset({Metric.ROC_AUC, Metric.LOG_LOSS})
DIALECT_CHOICES: Mapping[str, Sequence[str]] = {
    "delimiter": tuple(DELIMITERS),
    "decimal": DECIMALS,
    "encoding": (),
    "quote": QUOTES,
}
"""The keys of `csv_dialect`, each with the values that it can have; none where a name is looked up."""
LONGEST_NULL_WORD = 100
MOST_NULL_WORDS = 100
WAYS_TO_LIMIT = frozenset({"minimum", "maximum", "relative"})
OPENING_SEVERITIES = ("warning", "critical")
IN_TIME = ("seasonal_weeks", "references_in_time", "holidays")
OPENING_NUMBERS = frozenset({"runs", "of"})


def check_monitor(fields: Mapping[str, Any]) -> None:
    """Check the rules that span several fields of a monitor."""
    check_cron(fields["schedule_cron"], fields["timezone"])
    _check_durations(fields)
    _check_reference(fields)
    _check_time_needed(fields)
    _check_judged_by(fields)
    _check_performance(fields)
    _check_binary_errors(fields)
    refuse_sensitive(fields["slices"], fields["sensitive_features"])


def _refuse(field: str, reason: str) -> NoReturn:
    raise ValidationError({field: reason})


def _check_durations(fields: Mapping[str, Any]) -> None:
    for name in ("window", "window_lag", "misfire_grace"):
        if fields[name] > LONGEST_DURATION:
            _refuse(name, f"{name} must be at most 100 years.")
    if fields["window"] <= timedelta(0):
        _refuse("window", "window must be greater than zero.")
    for name in ("misfire_grace", "window_lag"):
        if fields[name] < timedelta(0):
            _refuse(name, f"{name} must not be negative.")


def _check_reference(fields: Mapping[str, Any]) -> None:
    start, end = fields.get("reference_start"), fields.get("reference_end")
    if start and end and start >= end:
        _refuse("reference_end", "reference_end must be after reference_start.")


def _check_time_needed(fields: Mapping[str, Any]) -> None:
    """Check that what is chosen by time has a column of times."""
    if fields["timestamp_column"]:
        return
    for name in IN_TIME:
        if fields.get(name):
            _refuse("timestamp_column", f"{name} needs a timestamp_column.")
    if fields["prediction_column"]:
        _refuse("timestamp_column", "prediction_column needs a timestamp_column.")
    if fields.get("reference_start") or fields.get("reference_end"):
        reason = "reference_start and reference_end need a timestamp_column."
        _refuse("timestamp_column", reason)


def _check_judged_by(fields: Mapping[str, Any]) -> None:
    is_in_time = fields.get("judged_by") == Monitor.JudgedBy.REFERENCES_IN_TIME
    if is_in_time and not any(fields.get(name) for name in IN_TIME):
        _refuse("judged_by", f"judged_by needs {', '.join(IN_TIME[:2])} or {IN_TIME[2]}.")


def _check_performance(fields: Mapping[str, Any]) -> None:
    if (delay := fields.get("label_delay")) is not None:
        _check_label_delay(delay, fields["performance_limits"])
    prediction, label = fields["prediction_column"], fields["label_column"]
    if prediction and prediction == label:
        _refuse("label_column", "label_column must differ from prediction_column.")
    by_score = sorted(set(fields["performance_limits"]) & METRICS_OF_SCORES)
    if by_score and prediction and not fields["score_column"]:
        _refuse("score_column", f"{by_score[0]} needs a score_column.")
    if bool(prediction) != bool(label):
        _refuse("label_column", "Outcomes need both a prediction_column and a label_column.")


def _check_binary_errors(fields: Mapping[str, Any]) -> None:
    if fields["error_scale"] is None and fields["error_batch"] == 1:
        return
    for method in fields["concept_methods"]:
        if DETECTORS[ConceptMethod(method)].detector.is_binary:
            reason = f"{method} needs errors of 0 and 1, without error_scale and error_batch."
            _refuse("concept_methods", reason)


def _check_label_delay(delay: timedelta, limits: Mapping[str, Any]) -> None:
    if not timedelta(0) <= delay <= LONGEST_DURATION:
        raise ValidationError({"label_delay": "label_delay must be from zero to 100 years."})
    if not limits:
        raise ValidationError({"label_delay": "label_delay needs performance_limits."})


def check_schedule_cron(expression: str) -> str:
    """The expression with single spaces; whether it is a schedule is checked with the zone."""
    return canonical(expression)


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


def check_data_timezone(zone: str) -> str:
    """The name of a zone of the IANA database."""
    try:
        check_schedule("* * * * *", zone)
    except BadSchedule as error:
        raise ValidationError(str(error)) from error
    return zone


def check_csv_dialect(dialect: Any) -> dict[str, str]:
    """The dialect of CSV files, where it is not the usual one: `{"delimiter": ";", "decimal": ","}`."""
    if not isinstance(dialect, dict) or set(dialect) - set(DIALECT_CHOICES):
        raise ValidationError(
            f"csv_dialect must be an object with some of the keys {', '.join(DIALECT_CHOICES)}."
        )
    for name, value in dialect.items():
        _check_dialect_value(name, value)
    try:
        CsvDialect(**dialect)
    except ValueError as error:
        raise ValidationError(f"{error}.") from error
    return dialect


def _check_dialect_value(name: str, value: Any) -> None:
    choices = DIALECT_CHOICES[name]
    if not isinstance(value, str) or (choices and value not in choices):
        needed = f"one of {', '.join(map(repr, choices))}" if choices else "text"
        raise ValidationError(f"{name} must be {needed}, not {value!r}.")


def check_null_values(words: Any) -> list[str]:
    """Words that stand for a missing value, each once."""
    if not isinstance(words, list) or not all(map(_is_null_word, words)):
        raise ValidationError(
            f"null_values must be a list of words, each of 1 to {LONGEST_NULL_WORD} characters."
        )
    if len(words) > MOST_NULL_WORDS:
        raise ValidationError(f"null_values must be at most {MOST_NULL_WORDS} words.")
    return list(dict.fromkeys(words))


def _is_null_word(word: Any) -> bool:
    return isinstance(word, str) and 0 < len(word) <= LONGEST_NULL_WORD and is_storable(word)


def check_methods(methods: Any) -> list[str] | None:
    """A list of known methods, each once and at least one; None for the default ones of the day."""
    if methods is None:
        return None
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
    is_object = isinstance(chosen, dict) and not set(chosen) - set(known)
    if not is_object or not all(isinstance(settings, dict) for settings in chosen.values()):
        raise ValidationError(
            f"detector_settings must be an object of objects, with some of the keys {', '.join(known)}."
        )
    checked: dict[str, dict[str, Any]] = chosen
    for method, settings in checked.items():
        _check_settings_of(ConceptMethod(method), settings)
    return checked


def _check_settings_of(method: ConceptMethod, settings: dict[str, Any]) -> None:
    try:
        new_detector(method, settings)
    except (TypeError, ValueError) as error:
        raise ValidationError(str(error)) from error


def check_performance_limits(limits: Any) -> dict[str, dict[str, float]]:
    """The limits of metrics: `{"accuracy": {"minimum": 0.9}, "f1": {"relative": 0.1}}`."""
    known = [metric.value for metric in Metric]
    if not isinstance(limits, dict) or set(limits) - set(known):
        raise ValidationError(
            f"performance_limits must be an object with some of the keys {', '.join(known)}."
        )
    for metric, limit in limits.items():
        _check_performance_limit(metric, limit)
    return limits


def _check_performance_limit(metric: str, limit: Any) -> None:
    if not isinstance(limit, dict) or len(limit) != 1 or not set(limit) <= WAYS_TO_LIMIT:
        raise ValidationError(f"{metric} must have one limit: minimum, maximum or relative.")
    if not all(map(_is_number, limit.values())):
        raise ValidationError(f"{metric} must have a number as its limit.")
    try:
        PerformanceLimit(**limit)
    except (ValueError, OverflowError) as error:
        raise ValidationError(f"{metric}: {error}") from error


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


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


def check_sensitive_features(names: Any) -> list[str]:
    """Names of features, each once."""
    if not isinstance(names, list):
        raise ValidationError("sensitive_features must be a list of features.")
    _check_names(names)
    return list(dict.fromkeys(names))


def check_slices(slices: Any) -> list[dict[str, str]]:
    """At most 20 slices, each with a name of its own and a condition: `{"name": "far", "where": "distance > 1000"}`."""
    return checked_slices(slices)


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
    limit = value if isinstance(value, dict) else {"default": value}
    features = limit.get("features", {})
    if set(limit) - {"default", "features"} or not isinstance(features, dict):
        raise ValidationError(f"{method} must be a number, or an object with default and features.")
    _check_names(features)
    for number in _numbers_of(limit):
        _check_number(method, number, highest)
    return limit


def _numbers_of(limit: Mapping[str, Any]) -> list[Any]:
    own = [limit["default"]] if "default" in limit else []
    return [*limit.get("features", {}).values(), *own]


def _check_number(name: str, number: Any, highest: float) -> None:
    if not _is_number(number) or not 0 < number <= highest:
        raise ValidationError(
            f"{name} must be a number above 0 and at most {highest:g}, not {number!r}."
        )
    if number < LEAST_LIMIT:
        raise ValidationError(f"{name} must be at least {LEAST_LIMIT:g}, not {number!r}.")


def _check_names(features: Iterable[Any]) -> None:
    if any(not isinstance(name, str) or not is_storable(name) for name in features):
        raise ValidationError("A feature's name must hold only characters that can be stored.")


def check_references_in_time(entries: Any) -> list[dict[str, Any]]:
    """At most 3 references in time: `{"kind": "trailing", "length": "P28D", "offset": "P1D"}`."""
    return check_entries(entries)


def check_holidays(calendar: Any) -> str:
    """A country, such as `DE`, or a part of one, such as `US-CA`; empty for no calendar."""
    return check_calendar(calendar)


def check_open_after(value: Any) -> Any:
    """The drifted runs that open an alert, by severity; None for the default."""
    if not value:
        return None
    if not isinstance(value, Mapping) or set(value) - set(OPENING_SEVERITIES):
        raise ValidationError("open_after must name warning, critical or both.")
    for severity, rule in value.items():
        _check_opening(severity, rule)
    return dict(value)


def _check_opening(severity: str, rule: Any) -> None:
    if not isinstance(rule, Mapping) or set(rule) != OPENING_NUMBERS:
        raise ValidationError(f"open_after of {severity} must have the two numbers runs and of.")
    if not all(map(_is_count_of_runs, rule.values())):
        reason = f"must be whole numbers from 1 to {MOST_RUNS_OF_EPISODE}."
        raise ValidationError(f"open_after of {severity}: runs and of {reason}")
    if rule["runs"] > rule["of"]:
        raise ValidationError(f"open_after of {severity}: runs must not be greater than of.")


def _is_count_of_runs(number: Any) -> bool:
    return type(number) is int and 1 <= number <= MOST_RUNS_OF_EPISODE
