"""Evaluates one run: compares a baseline with one window, feature by feature, method by method."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from .baseline import THREADS, Baseline
from .examination import Examined, Key, checking_schema, examine
from .faults.fault_registry import name_faults
from .judgement import complete
from .method_results import AnyMethod, FeatureDetail, MethodResult
from .methods import METHODS, Method
from .multiple_testing import adjust_p_values
from .pictures import Drawing
from .plan import EvaluationPlan
from .profiles import FeatureProfile, Profile, Unprofiled
from .references import FeatureReference, NumericReference, Window
from .schema_check import list_new_columns, require_type
from .sensitive import without_values
from .slices.slice_ratings import Rating, judge_ratings, kept_of, rate_slices
from .verdicts import Verdict, combine_verdicts, worst_severity

__all__ = ["evaluate", "evaluate_profile", "summarize"]

ALL_ROWS = "(rows)"
"""The name that stands for a window as a whole, in place of a feature's."""
FEW_ROWS = 50_000
"""Of fewer rows a column takes less time than a second thread costs by waiting for the first."""


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

    def examined(name: str) -> dict[Key, Examined]:
        return examine(baseline.features[name], profiled, rows, plan, drawing)

    if rows < FEW_ROWS:
        whole = _joined(map(examined, baseline.features))
    else:
        with ThreadPoolExecutor(threads) as pool:
            whole = _joined(pool.map(examined, baseline.features))
    ratings = rate_slices(baseline.slices, counter.profiles(), plan)
    return _conclude_all(whole, ratings, rows, plan, new_columns, slices=baseline.slices)


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

    whole = _joined(
        examine(reference, profiled, profile.rows, plan, drawing)
        for reference in baseline.features.values()
    )
    ratings = rate_slices(baseline.slices, profile.slices, plan)
    return _conclude_all(whole, ratings, profile.rows, plan, new_columns, slices=baseline.slices)


def _joined(found: Iterable[Mapping[Key, Examined]]) -> dict[Key, Examined]:
    examined: dict[Key, Examined] = {}
    for feature in found:
        examined |= feature
    return examined


def _conclude_all(
    whole: Mapping[Key, Examined],
    ratings: Sequence[Rating],
    rows: int,
    plan: EvaluationPlan,
    new_columns: Collection[str],
    *,
    slices: Collection[str],
) -> list[MethodResult]:
    """Judge all that was measured, of the whole and of the slices, as one family of p-values."""
    examined = {
        **whole,
        **_examine_row_count(rows, plan),
        **_examine_new_columns(new_columns, plan),
    }
    of_whole = [each.measurement for each in examined.values()]
    of_slices = [each.measurement for each in ratings]
    p_values = [each.p_value for each in [*of_whole, *of_slices] if each is not None]
    p_adjusted = iter(adjust_p_values(p_values))
    details = {key: _judged(key.method, each, plan, p_adjusted) for key, each in examined.items()}
    details |= _with_faults(details, examined)
    kept = kept_of(judge_ratings(ratings, p_adjusted, plan), slices, plan)
    return [_summarize(method, details, kept[method], plan) for method in plan.methods]


def _judged(
    method: Method, each: Examined, plan: EvaluationPlan, p_adjusted: Iterator[float]
) -> FeatureDetail:
    """The record of a feature of the whole; the next p-value is its own if it was measured."""
    if each.measurement is None:
        return each.detail
    return complete(method, each.detail, each.measurement, plan, p_adjusted=next(p_adjusted))


def _with_faults(
    details: Mapping[Key, FeatureDetail], examined: Mapping[Key, Examined]
) -> dict[Key, FeatureDetail]:
    """The details of the drifted features that have a fault, with it."""
    drifted = [key for key, each in details.items() if each.verdict is Verdict.DRIFT]
    found = [(key.feature, examined[key].evidence) for key in drifted]
    evidence = {feature: each for feature, each in found if each is not None}
    faults = name_faults(evidence) if evidence else {}
    named = [key for key in drifted if key.feature in faults]
    return {key: replace(details[key], fault=faults[key.feature]) for key in named}


def _shown(detail: FeatureDetail, plan: EvaluationPlan) -> FeatureDetail:
    return without_values(detail) if detail.feature in plan.sensitive else detail


def _summarize(
    method: Method,
    details: Mapping[Key, FeatureDetail],
    kept: Iterable[FeatureDetail],
    plan: EvaluationPlan,
) -> MethodResult:
    """A method's answer over all features of the whole and those that are kept of the slices."""
    whole = [_shown(detail, plan) for key, detail in details.items() if key.method is method]
    return summarize(method, whole, tuple(_shown(detail, plan) for detail in kept))


def _examine_row_count(rows: int, plan: EvaluationPlan) -> dict[Key, Examined]:
    detail = FeatureDetail(feature=ALL_ROWS, kind=None, verdict=Verdict.OK, n_current=rows)
    measures = {method: METHODS[method].row_count for method in plan.methods}
    return {
        Key(method, ALL_ROWS): Examined(detail, measure(plan.usual_rows, rows))
        for method, measure in measures.items()
        if measure is not None
    }


def _examine_new_columns(names: Collection[str], plan: EvaluationPlan) -> dict[Key, Examined]:
    found = list_new_columns(names)
    return {
        Key(method, detail.feature): Examined(detail)
        for method in checking_schema(plan)
        for detail in found
    }


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
