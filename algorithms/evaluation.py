"""Evaluates one run: compares a baseline with one window, feature by feature, method by method."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, NamedTuple

from .baseline import COLUMN_ERRORS, THREADS, Baseline
from .faults.fault_registry import Evidence, name_faults
from .faults.naming import evidence_of
from .judgement import explain_drift, judge
from .method_results import AnyMethod, FeatureDetail, MethodResult
from .methods import METHODS, Measurement, Method
from .multiple_testing import adjust_p_values
from .pictures import Drawing
from .plan import EvaluationPlan, Policy
from .profiles import FeatureProfile, NumericProfile, NumericSummary, Profile, Unprofiled
from .references import FeatureReference, NumericReference, Window
from .schema_check import check_column, list_new_columns, require_type
from .sensitive import without_values
from .slices.slice_conditions import columns_of
from .slices.slice_details import kept_of, named_for, plan_of_slices
from .verdicts import Signal, Verdict, combine_verdicts, severity_of, worst_severity

__all__ = ["evaluate", "evaluate_profile", "summarize"]

ALL_ROWS = "(rows)"
"""The name that stands for a window as a whole, in place of a feature's."""
PLACES = ("location", "edges", "reference_range", "current_range")
"""Parts of an explanation that are numbers of the feature, or lists of them."""
FEW_ROWS = 50_000
"""Of fewer rows a column takes less time than a second thread costs by waiting for the first."""


class Key(NamedTuple):
    """The subject of a measurement; an empty slice is the whole window."""

    method: Method
    feature: str
    slice: str = ""


@dataclass(frozen=True, slots=True)
class _Examined:
    """A feature's measurement, the record of it that judging completes, and what a fault is sought in."""

    detail: FeatureDetail
    measurement: Measurement | None = None
    evidence: Evidence | None = None


def evaluate(
    baseline: Baseline,
    window: Window,
    plan: EvaluationPlan,
    *,
    new_columns: Collection[str] = (),
    threads: int = THREADS,
    drawing: Drawing | None = None,
) -> list[MethodResult]:
    """Compare a window with its baseline, reading, measuring and freeing each column once.

    One bad column never fails the run: it becomes that feature's verdict, with a reason. The Benjamini–Hochberg family
    is every p-value of the run, over all methods.

    Args:
        baseline: The reference.
        window: The window; columns that the baseline does not know are not read.
        plan: Methods, limits and policy.
        new_columns: Columns of the data that the reference did not have.
        threads: Columns that are read and counted at once; one of a window of few rows.
        drawing: Takes each column's counts, for pictures of the window.

    Returns:
        One outcome per method of the plan, in its order.
    """
    rows, sampled = window.num_rows, plan.sampled(baseline.features)
    counter = baseline.slice_counter(window)

    def profiled(name: str) -> FeatureProfile | Unprofiled:
        keep_values = _has_values(baseline.features[name])
        keep_sample = name in sampled and not keep_values
        found = baseline.profile_feature(
            window, name, keep_values=keep_values, keep_sample=keep_sample, counter=counter
        )
        return require_type(baseline.features[name], found)

    def examined(name: str) -> dict[Key, _Examined]:
        return _examine(baseline.features[name], profiled, rows, plan, drawing)

    sliced = _examine_slices(baseline, counter.profiles, plan)
    if rows < FEW_ROWS:
        whole = map(examined, baseline.features)
        return _conclude_all(chain(whole, sliced), rows, plan, new_columns)
    with ThreadPoolExecutor(threads) as pool:
        side_by_side = pool.map(examined, baseline.features)
        return _conclude_all(chain(side_by_side, sliced), rows, plan, new_columns)


def _has_values(reference: FeatureReference) -> bool:
    return isinstance(reference, NumericReference) and reference.values is not None


def evaluate_profile(
    baseline: Baseline,
    profile: Profile,
    plan: EvaluationPlan,
    *,
    new_columns: Collection[str] = (),
    drawing: Drawing | None = None,
) -> list[MethodResult]:
    """Compare a window that has been counted already; otherwise as `evaluate`."""

    def profiled(name: str) -> FeatureProfile | Unprofiled:
        return require_type(baseline.features[name], profile.features[name])

    found = (
        _examine(reference, profiled, profile.rows, plan, drawing)
        for reference in baseline.features.values()
    )
    sliced = _examine_slices(baseline, lambda: profile.slices, plan)
    return _conclude_all(chain(found, sliced), profile.rows, plan, new_columns)


def _examine_slices(
    baseline: Baseline, profiled: Callable[[], Mapping[str, Profile]], plan: EvaluationPlan
) -> Iterator[dict[Key, _Examined]]:
    """Measure each slice; their profiles are there once the last column of the whole was read.

    Types are required of the whole alone: the few rows of a slice can all be words. A slice by a feature that has
    become sensitive since the baseline was built is left out: its condition holds values.
    """
    profiles, plan = profiled() if baseline.slices else {}, plan_of_slices(plan)
    for name, each in baseline.slices.items():
        if plan.sensitive.intersection(columns_of(each.condition)):
            continue
        profile = profiles[name]
        for reference in each.features.values():
            found = _examine(reference, profile.features.__getitem__, profile.rows, plan, None)
            yield {
                key._replace(slice=name): own
                if own.measurement
                else _Examined(named_for(name, own.detail))
                for key, own in found.items()
            }


def _examine(
    reference: FeatureReference,
    profiled: Callable[[str], FeatureProfile | Unprofiled],
    rows: int,
    plan: EvaluationPlan,
    drawing: Drawing | None,
) -> dict[Key, _Examined]:
    """Read one feature's column once; measure it by each method that compares its kind, and check the column."""
    measuring, checking = _keys_measuring(reference, plan), _keys_checking(reference, plan)
    if not rows:
        unread = _unread(reference, Verdict.NO_DATA, "The window holds no row.")
        return dict.fromkeys([*measuring, *checking], unread)
    profile = profiled(reference.name)
    if drawing is not None:
        drawing.add(reference, profile)
    checked = _Examined(check_column(_describe(reference), profile))
    return _measure_all(measuring, reference, profile, rows, plan) | dict.fromkeys(
        checking, checked
    )


def _keys_measuring(reference: FeatureReference, plan: EvaluationPlan) -> list[Key]:
    methods = (method for method in plan.methods if reference.kind in METHODS[method].kinds)
    return [Key(method, reference.name) for method in methods]


def _keys_checking(reference: FeatureReference, plan: EvaluationPlan) -> list[Key]:
    return [Key(method, reference.name) for method in _checking_schema(plan)]


def _checking_schema(plan: EvaluationPlan) -> list[Method]:
    return [method for method in plan.methods if METHODS[method].checks_schema]


def _unread(reference: FeatureReference, verdict: Verdict, reason: str) -> _Examined:
    return _Examined(_describe(reference, verdict=verdict, reason=reason))


def _measure_all(
    keys: Collection[Key],
    reference: FeatureReference,
    profile: FeatureProfile | Unprofiled,
    rows: int,
    plan: EvaluationPlan,
) -> dict[Key, _Examined]:
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
) -> _Examined:
    if shortage := _shortage(method, reference, profile, detail, min_rows):
        return _Examined(replace(detail, verdict=Verdict.INSUFFICIENT_DATA, **shortage))
    try:
        measurement = METHODS[method].measure(reference, profile)
        return _Examined(detail, _with_places(measurement, reference))
    except COLUMN_ERRORS as error:
        reason = f"{type(error).__name__}: {error}"
        return _Examined(replace(detail, verdict=Verdict.ERROR, reason=reason))


def _with_places(measurement: Measurement, reference: FeatureReference) -> Measurement:
    """The measurement with the origin added to what its explanation says of places."""
    if not isinstance(reference, NumericReference) or reference.origin is None:
        return measurement
    found = measurement.explanation
    places = {name: _place(reference, found[name]) for name in PLACES if name in found}
    return replace(measurement, explanation={**found, **places})


def _place(reference: NumericReference, found: Any) -> Any:
    return [*map(reference.shown, found)] if isinstance(found, list) else reference.shown(found)


def _shortage(
    method: Method,
    reference: FeatureReference,
    profile: FeatureProfile,
    detail: FeatureDetail,
    min_rows: int,
) -> dict[str, Any]:
    """The reason why a feature's windows are too small, and whose it is; empty if they are large enough."""
    rows = {"reference": detail.n_reference, "current": detail.n_current}
    if METHODS[method].counts_missing:
        rows["reference"] += reference.missing
        rows["current"] += profile.missing
    for window, usable in rows.items():
        if reason := _shortage_of(window, usable, min_rows):
            return {"reason": reason, "is_judgeable": window == "current"}
    return {}


def _shortage_of(window: str, rows: int, min_rows: int) -> str:
    if not rows:
        return f"Every row of the {window} window is null."
    if rows < min_rows:
        return f"The {window} window holds {rows} usable rows; at least {min_rows} are needed."
    return ""


def _conclude_all(
    found: Iterable[Mapping[Key, _Examined]],
    rows: int,
    plan: EvaluationPlan,
    new_columns: Collection[str],
) -> list[MethodResult]:
    examined: dict[Key, _Examined] = {}
    for feature in found:
        examined |= feature
    examined |= _examine_row_count(rows, plan) | _examine_new_columns(new_columns, plan)
    details = {key: each.detail for key, each in examined.items()} | _judge_all(examined, plan)
    details |= _with_faults(details, examined)
    details = {key: _shown(key.feature, each, plan) for key, each in details.items()}
    return [_summarize(method, details) for method in plan.methods]


def _with_faults(
    details: Mapping[Key, FeatureDetail], examined: Mapping[Key, _Examined]
) -> dict[Key, FeatureDetail]:
    """The details of the drifted features of the whole that have a fault, with it."""
    drifted = [key for key, each in details.items() if each.verdict is Verdict.DRIFT]
    whole = [key for key in drifted if not key.slice]
    evidence = {key.feature: each for key in whole if (each := examined[key].evidence) is not None}
    faults = name_faults(evidence) if evidence else {}
    named = [key for key in whole if key.feature in faults]
    return {key: replace(details[key], fault=faults[key.feature]) for key in named}


def _shown(feature: str, detail: FeatureDetail, plan: EvaluationPlan) -> FeatureDetail:
    return without_values(detail) if feature in plan.sensitive else detail


def _summarize(method: Method, details: Mapping[Key, FeatureDetail]) -> MethodResult:
    """A method's answer over all features of the whole and of the slices."""
    own = [detail for key, detail in details.items() if key.method is method]
    whole = [detail for detail in own if not detail.slice]
    return summarize(method, whole, kept_of(detail for detail in own if detail.slice))


def _examine_row_count(rows: int, plan: EvaluationPlan) -> dict[Key, _Examined]:
    detail = FeatureDetail(feature=ALL_ROWS, kind=None, verdict=Verdict.OK, n_current=rows)
    measures = {method: METHODS[method].row_count for method in plan.methods}
    return {
        Key(method, ALL_ROWS): _Examined(detail, measure(plan.usual_rows, rows))
        for method, measure in measures.items()
        if measure is not None
    }


def _examine_new_columns(names: Collection[str], plan: EvaluationPlan) -> dict[Key, _Examined]:
    found = list_new_columns(names)
    return {
        Key(method, detail.feature): _Examined(detail)
        for method in _checking_schema(plan)
        for detail in found
    }


def _judge_all(examined: Mapping[Key, _Examined], plan: EvaluationPlan) -> dict[Key, FeatureDetail]:
    """Judge all that was measured, as one family of p-values."""
    measured = [(key, each.measurement) for key, each in examined.items() if each.measurement]
    p_adjusted = adjust_p_values([measurement.p_value for _, measurement in measured])
    return {
        key: _judged(key, examined[key].detail, measurement, p, plan)
        for (key, measurement), p in zip(measured, p_adjusted, strict=True)
    }


def _judged(
    key: Key,
    detail: FeatureDetail,
    measurement: Measurement,
    p_adjusted: float,
    plan: EvaluationPlan,
) -> FeatureDetail:
    method, feature = key.method, key.feature
    limits = plan.limits(method, feature)
    signal = judge(method, measurement, limits, plan.policy, p_adjusted=p_adjusted)
    judged = replace(
        detail,
        verdict=Verdict.INSUFFICIENT_DATA if measurement.caveat else Verdict.OK,
        reason=measurement.caveat,
        is_judgeable=measurement.is_judgeable and not (key.slice and measurement.caveat),
        signal=signal,
        statistic=measurement.statistic,
        p_value=measurement.p_value,
        p_adjusted=p_adjusted,
        effect_size=measurement.effect_size,
        threshold=limits.threshold,
        tolerance=limits.tolerance,
        usual_effect=plan.usual_effects.get((method, feature)),
        scale=limits.scale,
        importance=plan.importances.get(feature, 1.0),
        slice=key.slice,
        explanation=measurement.explanation,
    )
    return _drifted(method, judged, plan.policy) if signal is Signal.DRIFT else judged


def _drifted(method: Method, detail: FeatureDetail, policy: Policy) -> FeatureDetail:
    severity = severity_of(detail.ratio * detail.importance)
    reason = explain_drift(method, detail, policy)
    return replace(detail, verdict=Verdict.DRIFT, severity=severity, reason=reason)


def summarize(
    method: AnyMethod, details: list[FeatureDetail], slices: Sequence[FeatureDetail] = ()
) -> MethodResult:
    """A method's answer over all features, from its answer on each; a slice can drift alone."""
    both = [*details, *slices]
    counted = [detail.verdict for detail in both if detail.is_judgeable]
    verdict = combine_verdicts(counted) if counted else Verdict.INSUFFICIENT_DATA
    worst = _worst(details)
    if worst is None or worst.verdict is not Verdict.DRIFT:
        worst = _worst([each for each in slices if each.verdict is Verdict.DRIFT]) or worst
    return MethodResult(
        method=method,
        verdict=verdict,
        is_drifted=verdict is Verdict.DRIFT,
        severity=worst_severity(detail.severity for detail in both),
        worst_feature=worst.feature if worst else None,
        statistic=worst.statistic if worst else None,
        threshold=worst.threshold if worst else None,
        p_value=worst.p_value if worst else None,
        effect_size=worst.effect_size if worst else None,
        details=tuple(details),
        slices=tuple(slices),
    )


def _worst(details: list[FeatureDetail]) -> FeatureDetail | None:
    """The drifted feature with the largest effect for its scale; without drift, that of all features."""
    worst = max(details, key=_rank, default=None)
    if worst is None or (worst.statistic is None and worst.verdict is not Verdict.DRIFT):
        return None
    return worst


def _rank(detail: FeatureDetail) -> tuple[bool, float]:
    return detail.verdict is Verdict.DRIFT, detail.ratio
