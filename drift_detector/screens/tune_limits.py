"""The table of a monitor's limits by feature: what is usual, what is tolerated, and the inputs that change it."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.http import QueryDict

from algorithms.charts.number_words import number
from algorithms.methods import METHODS, Method, ThresholdKind
from algorithms.plan import EvaluationPlan
from drift_detector.screens.power_rows import method_of, smallest_in_words, tolerance_of
from monitors import validators
from monitors.evaluation_plans import evaluation_plan
from monitors.models import Baseline, Monitor

PER_PAGE = 50
LIMIT, IMPORTANCE, METHOD = "limit", "importance", "method"
"""The beginnings of the names of inputs: `limit:tolerances:ks:delay`, `importance:delay`, `method:thresholds:ks`."""
CHECKS = {"tolerances": validators.check_tolerances, "thresholds": validators.check_thresholds}

type Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One feature by one method.

    Attributes:
        feature: Its name.
        kind: `numeric` or `categorical`.
        method: The method that the limit is of.
        key: The name of the input.
        usual: The effect that a window without drift stays below; None if it is not known.
        effective: The tolerance that runs use now.
        smallest: The smallest change that a check sees, in words; for the first row of a feature.
        value: The feature's own limit, as text; empty for none.
        importance: As text; empty for 1.
        is_sensitive: True if no value of the feature is kept.
        is_first: True for the first row of a feature, which has the inputs that are about no method.
        errors: What is wrong with the inputs.
    """

    feature: str
    kind: str
    method: str
    key: str
    usual: float | None
    effective: float
    smallest: str
    value: str
    importance: str
    is_sensitive: bool
    is_first: bool
    errors: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class MethodRow:
    """One method with its limits for all features that have none of their own."""

    method: str
    title: str
    is_run: bool
    threshold: str
    threshold_default: str
    has_threshold: bool
    tolerance: str
    tolerance_default: str
    has_tolerance: bool
    errors: Sequence[str] = ()


@dataclass(slots=True)
class LimitInputs:
    """The limits that a form says, with what is wrong with them."""

    fields: dict[str, Any]
    sent: Mapping[str, str] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)


def limit_rows(
    monitor: Monitor, baseline: Baseline, inputs: LimitInputs, words: str = ""
) -> list[LimitRow]:
    """The rows of all features whose name holds some words, those nearest to their tolerance first."""
    card = baseline.calibration or {}
    plan = evaluation_plan(monitor, card)
    kinds = {
        name: kind for name, kind in baseline.features.items() if words.lower() in name.lower()
    }
    rows = [row for name, kind in kinds.items() for row in _rows(plan, card, inputs, name, kind)]
    nearest = {row.feature: _nearness(row) for row in reversed(rows)}
    return sorted(rows, key=lambda row: -nearest[row.feature])


def _nearness(row: LimitRow) -> float:
    return 0.0 if row.usual is None else row.usual / row.effective


def _rows(
    plan: EvaluationPlan, card: Mapping[str, Any], inputs: LimitInputs, feature: str, kind: str
) -> Iterator[LimitRow]:
    first = method_of(plan, kind)
    yield _row(plan, card, inputs, feature, kind, first, is_first=True)
    for place in ("tolerances", "thresholds"):
        for method, limits in inputs.fields[place].items():
            is_shown = method == first and place == _place_of(first)
            if feature in _features_of(limits) and not is_shown:
                yield _row(plan, card, inputs, feature, kind, Method(method), place=place)


def _row(
    plan: EvaluationPlan,
    card: Mapping[str, Any],
    inputs: LimitInputs,
    feature: str,
    kind: str,
    method: Method,
    *,
    place: str = "",
    is_first: bool = False,
) -> LimitRow:
    where = place or _place_of(method)
    key, about = f"{LIMIT}:{where}:{method.value}:{feature}", f"{IMPORTANCE}:{feature}"
    own = _features_of(inputs.fields[where].get(method, {})).get(feature)
    importance = inputs.fields["importances"].get(feature)
    return LimitRow(
        feature=feature,
        kind=kind,
        method=method.value,
        key=key,
        usual=card.get("usual_effects", {}).get(f"{method.value} {feature}"),
        effective=tolerance_of(plan, method, feature),
        smallest=smallest_in_words(card.get("smallest_changes", {}).get(feature)),
        value=inputs.sent.get(key, _text(own)),
        importance=inputs.sent.get(about, _text(importance)),
        is_sensitive=feature in inputs.fields["sensitive_features"],
        is_first=is_first,
        errors=[*inputs.errors.get(key, ()), *(inputs.errors.get(about, ()) if is_first else ())],
    )


def _place_of(method: Method) -> str:
    """The field that holds the effect from which a change matters: of some methods it is the threshold."""
    return "tolerances" if METHODS[method].is_significance else "thresholds"


def _features_of(limits: Any) -> Mapping[str, float]:
    found: Mapping[str, float] = limits.get("features", {}) if isinstance(limits, Mapping) else {}
    return found


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def method_rows(inputs: LimitInputs, ticked: Sequence[str]) -> list[MethodRow]:
    """A row for each method of the service."""
    return [_method_row(method, inputs, method.value in ticked) for method in Method]


def _method_row(method: Method, inputs: LimitInputs, is_run: bool) -> MethodRow:
    spec = METHODS[method]
    keys = {place: f"{METHOD}:{place}:{method.value}" for place in CHECKS}
    own = {place: _text(_default_of(inputs.fields[place].get(method.value))) for place in CHECKS}
    return MethodRow(
        method=method.value,
        title=spec.title,
        is_run=is_run,
        threshold=inputs.sent.get(keys["thresholds"], own["thresholds"]),
        threshold_default=number(spec.threshold),
        has_threshold=spec.threshold_kind is not ThresholdKind.NONE,
        tolerance=inputs.sent.get(keys["tolerances"], own["tolerances"]),
        tolerance_default=number(spec.tolerance),
        has_tolerance=spec.is_significance,
        errors=[reason for key in keys.values() for reason in inputs.errors.get(key, ())],
    )


def _default_of(limits: Any) -> float | None:
    return limits.get("default") if isinstance(limits, Mapping) else limits


def read_limits(sent: QueryDict, before: Fields) -> LimitInputs:
    """The limits, importances and sensitive features that a form leaves; those without an input stay.

    Args:
        sent: The form.
        before: The monitor's fields, as the API writes them.
    """
    names = ("tolerances", "thresholds", "importances", "sensitive_features")
    inputs = LimitInputs({name: deepcopy(before[name]) for name in names})
    inputs.sent = {
        key: text
        for key, text in sent.items()
        if isinstance(text, str) and key.startswith((f"{LIMIT}:", f"{IMPORTANCE}:", f"{METHOD}:"))
    }
    for key, text in inputs.sent.items():
        _read_number(inputs, key, text.strip())
    _read_sensitive(inputs, sent)
    for place in CHECKS:
        inputs.fields[place] = _without_empty(inputs.fields[place])
    return inputs


def _read_number(inputs: LimitInputs, key: str, text: str) -> None:
    """Set what an input says, or note what is wrong with it."""
    try:
        value = _number(text)
        _set(inputs.fields, key, value)
    except ValidationError as error:
        inputs.errors[key] = error.messages


def _number(text: str) -> float | None:
    if not text:
        return None
    try:
        return float(text.replace(",", "."))
    except ValueError as error:
        raise ValidationError(f"It must be a number, not {text[:20]!r}.") from error


def _set(fields: dict[str, Any], key: str, value: float | None) -> None:
    """Set a number of the fields by the name of its input; None takes it away.

    Raises:
        ValidationError: If the number is none that the field can have.
    """
    about, _, rest = key.partition(":")
    if about == IMPORTANCE:
        _set_importance(fields["importances"], rest, value)
        return
    place, _, rest = rest.partition(":")
    method, _, feature = rest.partition(":")
    if place not in CHECKS or method not in [each.value for each in Method]:
        return
    _check(place, method, value)
    limits = fields[place].setdefault(method, {})
    if not isinstance(limits, dict):
        limits = fields[place][method] = {"default": limits}
    chosen = limits.setdefault("features", {}) if feature else limits
    _put(chosen, feature or "default", value)


def _check(place: str, method: str, value: float | None) -> None:
    if value is not None:
        CHECKS[place]({method: value})


def _set_importance(importances: dict[str, float], feature: str, value: float | None) -> None:
    if value is not None:
        validators.check_importances({feature: value})
    _put(importances, feature, value)


def _put(values: dict[str, Any], name: str, value: float | None) -> None:
    if value is None:
        values.pop(name, None)
    else:
        values[name] = value


def _without_empty(limits: Mapping[str, Any]) -> dict[str, Any]:
    """The limits without methods that have none left."""
    kept: dict[str, Any] = {}
    for method, limit in limits.items():
        if isinstance(limit, dict):
            left = {name: value for name, value in limit.items() if value or name == "default"}
            if left:
                kept[method] = left
        else:
            kept[method] = limit
    return kept


def _read_sensitive(inputs: LimitInputs, sent: QueryDict) -> None:
    """The sensitive features: of those that the form shows, the ticked ones."""
    shown, ticked = set(sent.getlist("shown")), sent.getlist("sensitive")
    kept = [name for name in inputs.fields["sensitive_features"] if name not in shown]
    inputs.fields["sensitive_features"] = [*kept, *(name for name in ticked if name in shown)]
