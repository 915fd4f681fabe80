"""Evaluating one run: a baseline against one window, feature by feature, method by method."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from algorithms.baseline import Baseline
from algorithms.columns import NumericSample
from algorithms.errors import UnusableColumn
from algorithms.judgement import explain_drift, judge
from algorithms.measurement import CurrentSample, Measurement, measure, read_current
from algorithms.multiple_testing import adjust_p_values
from algorithms.outcomes import FeatureDetail, MethodOutcome
from algorithms.plan import METHOD_KINDS, EvaluationPlan, Method, Policy
from algorithms.profiles import FeatureReference, NumericReference, summarize
from algorithms.verdicts import Signal, Verdict, combine_verdicts, severity_of, worst_severity

__all__ = ["evaluate"]

# What a bad column can cause; a time limit or a lack of memory is the run's affair.
COLUMN_ERRORS = (ValueError, TypeError, ArithmeticError, LookupError, pa.ArrowException)

type Key = tuple[Method, str]


@dataclass(frozen=True, slots=True)
class _Feature:
    """A feature's two windows; without a current sample its detail says why."""

    reference: FeatureReference
    detail: FeatureDetail
    current: CurrentSample | None = None


def evaluate(baseline: Baseline, table: pa.Table, plan: EvaluationPlan) -> list[MethodOutcome]:
    """Compare a window with its baseline.

    Each column is read once, whatever the number of methods. One bad column never fails the run: it becomes that
    feature's verdict, with a reason. The Benjamini–Hochberg family is every p-value of the run, KS and chi-squared
    together; PSI's null quantile shares its level among the features that PSI measured.

    Args:
        baseline: The reference.
        table: The window; columns that the baseline does not know are ignored.
        plan: Methods, limits and policy.

    Returns:
        One outcome per method of the plan, in its order.
    """
    features = {name: _read(reference, table, plan.min_rows) for name, reference in baseline.features.items()}
    measured: dict[Key, Measurement] = {}
    details: dict[Key, FeatureDetail] = {}
    for method in plan.methods:
        for name, feature in features.items():
            if feature.reference.kind is METHOD_KINDS[method]:
                answer = _measure(method, feature, baseline.bins)
                if isinstance(answer, Measurement):
                    measured[method, name] = answer
                details[method, name] = feature.detail if isinstance(answer, Measurement) else answer
    details |= _judge_all(measured, details, plan)
    return [_outcome(method, [details[key] for key in details if key[0] is method]) for method in plan.methods]


def _read(reference: FeatureReference, table: pa.Table, min_rows: int) -> _Feature:
    blank = _blank_detail(reference)
    if not table.num_rows:
        return _Feature(reference, replace(blank, verdict=Verdict.NO_DATA, reason="The window holds no row."))
    if reference.name not in table.column_names:
        reason = f"The window has no column {reference.name!r}."
        return _Feature(reference, replace(blank, verdict=Verdict.ERROR, reason=reason))
    try:
        current = read_current(reference, table.column(reference.name))
        detail = _describe(blank, current, table.num_rows)
        reason = _shortage(detail, min_rows)
    except UnusableColumn as error:
        return _Feature(reference, replace(blank, verdict=Verdict.ERROR, reason=str(error)))
    except COLUMN_ERRORS as error:
        return _Feature(reference, _failed(blank, error))
    if reason:
        return _Feature(reference, replace(detail, verdict=Verdict.INSUFFICIENT_DATA, reason=reason))
    return _Feature(reference, detail, current)


def _blank_detail(reference: FeatureReference) -> FeatureDetail:
    return FeatureDetail(
        feature=reference.name,
        kind=reference.kind,
        verdict=Verdict.OK,
        n_reference=reference.usable_rows,
        null_rate_reference=reference.nulls / max(1, reference.n + reference.nulls),
        reference_summary=reference.summary if isinstance(reference, NumericReference) else None,
    )


def _describe(blank: FeatureDetail, current: CurrentSample, rows: int) -> FeatureDetail:
    return replace(
        blank,
        n_current=current.rows,
        null_rate_current=current.nulls / rows,
        current_summary=summarize(current.values) if isinstance(current, NumericSample) else None,
    )


def _shortage(detail: FeatureDetail, min_rows: int) -> str:
    """Why the feature's windows are too small, or nothing."""
    for window, rows in (("reference", detail.n_reference), ("current", detail.n_current)):
        if not rows:
            return f"Every row of the {window} window is null."
        if rows < min_rows:
            return f"The {window} window holds {rows} usable rows; at least {min_rows} are needed."
    return ""


def _measure(method: Method, feature: _Feature, bins: int) -> Measurement | FeatureDetail:
    if feature.current is None:
        return feature.detail
    try:
        return measure(method, feature.reference, feature.current, bins)
    except COLUMN_ERRORS as error:
        return _failed(feature.detail, error)


def _failed(detail: FeatureDetail, error: Exception) -> FeatureDetail:
    return replace(detail, verdict=Verdict.ERROR, reason=f"{type(error).__name__}: {error}")


def _judge_all(
    measured: Mapping[Key, Measurement], details: Mapping[Key, FeatureDetail], plan: EvaluationPlan
) -> dict[Key, FeatureDetail]:
    p_values = {key: answer.p_value for key, answer in measured.items() if answer.p_value is not None}
    adjusted = dict(zip(p_values, adjust_p_values(list(p_values.values())), strict=True))
    psi_features = sum(answer.psi is not None for answer in measured.values())
    judged = {}
    for key, answer in measured.items():
        limits, p_adjusted = plan.limits(*key), adjusted.get(key)
        level = plan.psi_level / max(1, psi_features)
        signal = judge(answer, limits, plan.policy, p_adjusted=p_adjusted, psi_level=level)
        judged[key] = replace(
            details[key],
            statistic=answer.statistic,
            p_value=answer.p_value,
            p_adjusted=p_adjusted,
            effect_size=answer.effect_size,
            threshold=limits.threshold,
            tolerance=limits.tolerance,
            explanation=answer.explanation,
        )
        judged[key] = _conclude(judged[key], signal, answer.caveat, plan.policy)
    return judged


def _conclude(detail: FeatureDetail, signal: Signal, caveat: str, policy: Policy) -> FeatureDetail:
    if signal is not Signal.DRIFT:
        verdict = Verdict.INSUFFICIENT_DATA if caveat else Verdict.OK
        return replace(detail, verdict=verdict, signal=signal, reason=caveat)
    reason, severity = explain_drift(detail, policy), severity_of(detail.ratio)
    return replace(detail, verdict=Verdict.DRIFT, signal=signal, severity=severity, reason=reason)


def _outcome(method: Method, details: list[FeatureDetail]) -> MethodOutcome:
    verdict = combine_verdicts(detail.verdict for detail in details)
    if not details:
        verdict = Verdict.INSUFFICIENT_DATA
    worst = max(details, key=lambda detail: (detail.verdict is Verdict.DRIFT, detail.ratio), default=None)
    worst = None if worst is None or worst.statistic is None else worst
    return MethodOutcome(
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
