"""Measures one feature of a window by each method of a plan, and checks its column."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from .errors import COLUMN_ERRORS
from .faults.fault_registry import Evidence
from .faults.naming import evidence_of
from .method_results import FeatureDetail
from .methods import METHODS, Measurement, Method
from .pictures import Drawing
from .plan import EvaluationPlan
from .profiles import FeatureProfile, NumericProfile, NumericSummary, Unprofiled
from .references import FeatureReference, NumericReference
from .schema_check import check_column
from .verdicts import Verdict

PLACES = ("location", "edges", "reference_range", "current_range")
"""Parts of an explanation that are numbers of the feature, or lists of them."""


class Key(NamedTuple):
    """The subject of a measurement."""

    method: Method
    feature: str


@dataclass(frozen=True, slots=True)
class Examined:
    """A feature's measurement, the record of it that judging completes, and what a fault is sought in."""

    detail: FeatureDetail
    measurement: Measurement | None = None
    evidence: Evidence | None = None


def examine(
    reference: FeatureReference,
    profiled: Callable[[str], FeatureProfile | Unprofiled],
    rows: int,
    plan: EvaluationPlan,
    drawing: Drawing | None,
) -> dict[Key, Examined]:
    """Read one feature's column once; measure it by each method that compares its kind, and check the column."""
    measuring, checking = _keys_measuring(reference, plan), _keys_checking(reference, plan)
    if not rows:
        unread = _unread(reference, Verdict.NO_DATA, "The window holds no row.")
        return dict.fromkeys([*measuring, *checking], unread)
    profile = profiled(reference.name)
    if drawing is not None:
        drawing.add(reference, profile)
    checked = Examined(check_column(_describe(reference), profile))
    return _measure_all(measuring, reference, profile, rows, plan) | dict.fromkeys(
        checking, checked
    )


def _keys_measuring(reference: FeatureReference, plan: EvaluationPlan) -> list[Key]:
    methods = (method for method in plan.methods if reference.kind in METHODS[method].kinds)
    return [Key(method, reference.name) for method in methods]


def _keys_checking(reference: FeatureReference, plan: EvaluationPlan) -> list[Key]:
    return [Key(method, reference.name) for method in checking_schema(plan)]


def checking_schema(plan: EvaluationPlan) -> list[Method]:
    """The methods of a plan that compare columns and their types."""
    return [method for method in plan.methods if METHODS[method].checks_schema]


def _unread(reference: FeatureReference, verdict: Verdict, reason: str) -> Examined:
    return Examined(_describe(reference, verdict=verdict, reason=reason))


def _measure_all(
    keys: Collection[Key],
    reference: FeatureReference,
    profile: FeatureProfile | Unprofiled,
    rows: int,
    plan: EvaluationPlan,
) -> dict[Key, Examined]:
    if isinstance(profile, Unprofiled):
        return dict.fromkeys(keys, _unread(reference, Verdict.ERROR, profile.reason))
    detail = _describe_windows(reference, profile, rows)
    found = {key: _measured(key.method, reference, profile, detail, plan.min_rows) for key in keys}
    measured = {key.method: each.measurement for key, each in found.items() if each.measurement}
    evidence = evidence_of(reference, profile, measured, plan)
    return {key: replace(each, evidence=evidence) for key, each in found.items()}


def _describe_windows(
    reference: FeatureReference, profile: FeatureProfile, rows: int
) -> FeatureDetail:
    summary = None
    if isinstance(profile, NumericProfile) and isinstance(reference, NumericReference):
        summary = reference.shown_summary(profile.moments.summary(reference.centre))
    return _describe(
        reference,
        n_current=profile.rows,
        null_rate_current=profile.missing / rows,
        current_summary=summary,
    )


def _describe(
    reference: FeatureReference, *, verdict: Verdict = Verdict.OK, **known: Any
) -> FeatureDetail:
    """The record of a feature with what the reference says of it, and what else is known."""
    return FeatureDetail(
        feature=reference.name,
        kind=reference.kind,
        verdict=verdict,
        n_reference=reference.usable_rows,
        null_rate_reference=reference.missing / max(1, reference.n + reference.missing),
        reference_summary=_summary_of(reference),
        **known,
    )


def _summary_of(reference: FeatureReference) -> NumericSummary | None:
    if not isinstance(reference, NumericReference):
        return None
    return reference.shown_summary(reference.summary)


def _measured(
    method: Method,
    reference: FeatureReference,
    profile: FeatureProfile,
    detail: FeatureDetail,
    min_rows: int,
) -> Examined:
    if found := shortage(method, reference, profile, min_rows):
        return Examined(replace(detail, verdict=Verdict.INSUFFICIENT_DATA, **found))
    try:
        measurement = METHODS[method].measure(reference, profile)
        return Examined(detail, _with_places(measurement, reference))
    except COLUMN_ERRORS as error:
        reason = f"{type(error).__name__}: {error}"
        return Examined(replace(detail, verdict=Verdict.ERROR, reason=reason))


def _with_places(measurement: Measurement, reference: FeatureReference) -> Measurement:
    """The measurement with the origin added to what its explanation says of places."""
    if not isinstance(reference, NumericReference) or reference.origin is None:
        return measurement
    found = measurement.explanation
    places = {name: _place(reference, found[name]) for name in PLACES if name in found}
    return replace(measurement, explanation={**found, **places})


def _place(reference: NumericReference, found: Any) -> Any:
    return [*map(reference.shown, found)] if isinstance(found, list) else reference.shown(found)


def shortage(
    method: Method, reference: FeatureReference, profile: FeatureProfile, min_rows: int
) -> dict[str, Any]:
    """The reason why a feature's windows are too small, and whose it is; empty if they are large enough."""
    rows = {"reference": reference.usable_rows, "current": profile.rows}
    if METHODS[method].counts_missing:
        rows["reference"] += reference.missing
        rows["current"] += profile.missing
    for window, usable in rows.items():
        if reason := _shortage_in(window, usable, min_rows):
            return {"reason": reason, "is_judgeable": window == "current"}
    return {}


def _shortage_in(window: str, rows: int, min_rows: int) -> str:
    if not rows:
        return f"Every row of the {window} window is null."
    if rows < min_rows:
        return f"The {window} window holds {rows} usable rows; at least {min_rows} are needed."
    return ""
