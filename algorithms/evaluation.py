"""Evaluates one run: compares a baseline with one window, feature by feature, method by method."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from .baseline import COLUMN_ERRORS, THREADS, Baseline
from .judgement import explain_drift, judge
from .measurement import Measurement, measure
from .method_results import AnyMethod, FeatureDetail, MethodResult
from .multiple_testing import adjust_p_values
from .plan import METHOD_KINDS, EvaluationPlan, Method, Policy
from .profiles import FeatureProfile, NumericProfile, Profile, Unprofiled
from .references import FeatureReference, NumericReference, Window
from .row_count import ALL_ROWS, measure_row_count
from .verdicts import Signal, Verdict, combine_verdicts, severity_of, worst_severity

__all__ = ["evaluate", "evaluate_profile", "summarize"]

FEW_ROWS = 50_000
"""Of fewer rows a column takes less time than a second thread costs by waiting for the first."""

type Key = tuple[Method, str]


@dataclass(frozen=True, slots=True)
class _Examined:
    """A feature's measurement, and the record of it that judging completes."""

    detail: FeatureDetail
    measurement: Measurement | None = None


def evaluate(
    baseline: Baseline, window: Window, plan: EvaluationPlan, *, threads: int = THREADS
) -> list[MethodResult]:
    """Compare a window with its baseline, reading, measuring and freeing each column once.

    One bad column never fails the run: it becomes that feature's verdict, with a reason. The Benjamini–Hochberg family
    is every p-value of the run, over all methods.

    Args:
        baseline: The reference.
        window: The window; columns that the baseline does not know are not read.
        plan: Methods, limits and policy.
        threads: Columns that are read and counted at once; one of a window of few rows.

    Returns:
        One outcome per method of the plan, in its order.
    """
    rows = window.num_rows

    def profiled(name: str) -> FeatureProfile | Unprofiled:
        reference = baseline.features[name]
        keep = isinstance(reference, NumericReference) and reference.values is not None
        return baseline.profile_feature(window, name, keep_values=keep)

    def examined(name: str) -> dict[Key, _Examined]:
        return _examine(baseline.features[name], profiled, rows, plan)

    if rows < FEW_ROWS:
        return _conclude_all(map(examined, baseline.features), rows, plan)
    with ThreadPoolExecutor(threads) as pool:
        return _conclude_all(pool.map(examined, baseline.features), rows, plan)


def evaluate_profile(
    baseline: Baseline, profile: Profile, plan: EvaluationPlan
) -> list[MethodResult]:
    """Compare a window that has been counted already; otherwise as `evaluate`."""
    found = (
        _examine(reference, profile.features.__getitem__, profile.rows, plan)
        for reference in baseline.features.values()
    )
    return _conclude_all(found, profile.rows, plan)


def _examine(
    reference: FeatureReference,
    profiled: Callable[[str], FeatureProfile | Unprofiled],
    rows: int,
    plan: EvaluationPlan,
) -> dict[Key, _Examined]:
    methods = [method for method in plan.methods if reference.kind in METHOD_KINDS[method]]
    if not rows:
        blank = _describe(reference, verdict=Verdict.NO_DATA, reason="The window holds no row.")
        return {(method, reference.name): _Examined(blank) for method in methods}
    profile = profiled(reference.name)
    if isinstance(profile, Unprofiled):
        blank = _describe(reference, verdict=Verdict.ERROR, reason=profile.reason)
        return {(method, reference.name): _Examined(blank) for method in methods}
    summary = None
    if isinstance(profile, NumericProfile) and isinstance(reference, NumericReference):
        summary = profile.moments.summary(reference.centre)
    detail = _describe(
        reference,
        n_current=profile.rows,
        null_rate_current=profile.missing / rows,
        current_summary=summary,
    )
    return {
        (method, reference.name): _measured(method, reference, profile, detail, plan.min_rows)
        for method in methods
    }


def _measured(
    method: Method,
    reference: FeatureReference,
    profile: FeatureProfile,
    detail: FeatureDetail,
    min_rows: int,
) -> _Examined:
    if reason := _shortage(method, reference, profile, min_rows):
        return _Examined(replace(detail, verdict=Verdict.INSUFFICIENT_DATA, reason=reason))
    try:
        return _Examined(detail, measure(method, reference, profile))
    except COLUMN_ERRORS as error:
        return _Examined(
            replace(detail, verdict=Verdict.ERROR, reason=f"{type(error).__name__}: {error}")
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
        reference_summary=reference.summary if isinstance(reference, NumericReference) else None,
        **known,
    )


def _shortage(
    method: Method, reference: FeatureReference, profile: FeatureProfile, min_rows: int
) -> str:
    """The reason why a feature's windows are too small, or nothing; for the null rate, null rows count too."""
    counts_nulls = method is Method.NULL_RATE
    windows = (("reference", reference.usable_rows, reference), ("current", profile.rows, profile))
    for window, usable, of in windows:
        rows = usable + of.missing if counts_nulls else usable
        if not rows:
            return f"Every row of the {window} window is null."
        if rows < min_rows:
            return f"The {window} window holds {rows} usable rows; at least {min_rows} are needed."
    return ""


def _conclude_all(
    found: Iterable[Mapping[Key, _Examined]], rows: int, plan: EvaluationPlan
) -> list[MethodResult]:
    examined = {key: each for feature in found for key, each in feature.items()}
    if Method.ROW_COUNT in plan.methods:
        detail = FeatureDetail(feature=ALL_ROWS, kind=None, verdict=Verdict.OK, n_current=rows)
        examined[Method.ROW_COUNT, ALL_ROWS] = _Examined(
            detail, measure_row_count(plan.usual_rows, rows)
        )
    details = {key: each.detail for key, each in examined.items()} | _judge_all(examined, plan)
    by_method: dict[Method, list[FeatureDetail]] = {method: [] for method in plan.methods}
    for (method, _), detail in details.items():
        by_method[method].append(detail)
    return [summarize(method, answers) for method, answers in by_method.items()]


def _judge_all(examined: Mapping[Key, _Examined], plan: EvaluationPlan) -> dict[Key, FeatureDetail]:
    measured = {
        key: (each.detail, each.measurement) for key, each in examined.items() if each.measurement
    }
    p_values = [measurement.p_value for _, measurement in measured.values()]
    judged = {}
    for (key, (detail, answer)), p_adjusted in zip(
        measured.items(), adjust_p_values(p_values), strict=True
    ):
        method, feature = key
        limits = plan.limits(method, feature)
        signal = judge(method, answer, limits, plan.policy, p_adjusted=p_adjusted)
        found = replace(
            detail,
            verdict=Verdict.INSUFFICIENT_DATA if answer.caveat else Verdict.OK,
            reason=answer.caveat,
            signal=signal,
            statistic=answer.statistic,
            p_value=answer.p_value,
            p_adjusted=p_adjusted,
            effect_size=answer.effect_size,
            threshold=limits.threshold,
            tolerance=limits.tolerance,
            usual_effect=plan.usual_effects.get(key),
            scale=limits.scale,
            importance=plan.importances.get(feature, 1.0),
            explanation=answer.explanation,
        )
        judged[key] = _drifted(method, found, plan.policy) if signal is Signal.DRIFT else found
    return judged


def _drifted(method: Method, detail: FeatureDetail, policy: Policy) -> FeatureDetail:
    reason, severity = (
        explain_drift(method, detail, policy),
        severity_of(detail.ratio * detail.importance),
    )
    return replace(detail, verdict=Verdict.DRIFT, severity=severity, reason=reason)


def summarize(method: AnyMethod, details: list[FeatureDetail]) -> MethodResult:
    """A method's answer over all features, from its answer on each."""
    verdict = combine_verdicts(detail.verdict for detail in details)
    if not details:
        verdict = Verdict.INSUFFICIENT_DATA
    worst = max(
        details, key=lambda detail: (detail.verdict is Verdict.DRIFT, detail.ratio), default=None
    )
    worst = None if worst is None or worst.statistic is None else worst
    return MethodResult(
        method=method,
        verdict=verdict,
        is_drifted=verdict is Verdict.DRIFT,
        severity=worst_severity(detail.severity for detail in details),
        worst_feature=worst.feature if worst else None,
        statistic=worst.statistic if worst else None,
        threshold=worst.threshold if worst else None,
        p_value=worst.p_value if worst else None,
        effect_size=worst.effect_size if worst else None,
        details=tuple(details),
    )
