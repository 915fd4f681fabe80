"""Measures the features of all slices at once, and builds the records of those that are kept.

A run has as many slice features as slices times features, of which it keeps a few. So all of them are measured as
arrays, without a record, and what is kept is measured again by itself with all that is said of it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import COLUMN_ERRORS
from ..examination import Key, examine, shortage
from ..judgement import complete, judge
from ..method_results import FeatureDetail
from ..methods import METHODS, Measurement, Method
from ..plan import EvaluationPlan
from ..profiles import FeatureProfile, Profile, Unprofiled
from ..references import FeatureReference
from ..verdicts import Signal
from .slice_conditions import columns_of
from .slice_details import named_for, plan_of_slices
from .slice_references import SliceReference


@dataclass(frozen=True, slots=True, eq=False)
class SliceFeature:
    """A feature on a slice.

    Attributes:
        slice: The slice's name.
        reference: The feature's reference on it.
        profile: The feature's window on it, or why there is none.
        rows: The slice's rows in the window.
    """

    slice: str
    reference: FeatureReference
    profile: FeatureProfile | Unprofiled
    rows: int


@dataclass(frozen=True, slots=True, eq=False)
class Rating:
    """A method's numbers of a feature on a slice.

    Attributes:
        method: The method.
        subject: The feature on the slice.
        measurement: Without an explanation; None if it was not measured.
        is_error: Whether it could not be read or measured.
    """

    method: Method
    subject: SliceFeature
    measurement: Measurement | None = None
    is_error: bool = False


def rate_slices(
    slices: Mapping[str, SliceReference], profiles: Mapping[str, Profile], plan: EvaluationPlan
) -> list[Rating]:
    """Measure every feature of every slice.

    Types are required of the whole alone: the few rows of a slice can all be words. A slice by a feature that has
    become sensitive since the baseline was built is left out: its condition holds values.
    """
    shown = [
        each for each in slices.values() if plan.sensitive.isdisjoint(columns_of(each.condition))
    ]
    subjects: dict[str, list[SliceFeature]] = {}
    for each in shown:
        for subject in _subjects(each, profiles[each.name]):
            subjects.setdefault(subject.reference.name, []).append(subject)
    plan = plan_of_slices(plan)
    return [rating for same in subjects.values() for rating in _rate_feature(same, plan)]


def _subjects(each: SliceReference, profile: Profile) -> Iterator[SliceFeature]:
    for name, reference in each.features.items():
        yield SliceFeature(each.name, reference, profile.features[name], profile.rows)


def _rate_feature(subjects: Sequence[SliceFeature], plan: EvaluationPlan) -> Iterator[Rating]:
    """One feature on all slices, by each method that compares its kind."""
    kind = subjects[0].reference.kind
    for method in plan.methods:
        if kind in METHODS[method].kinds:
            yield from _rate(method, subjects, plan.min_rows)


def _rate(method: Method, subjects: Sequence[SliceFeature], min_rows: int) -> Iterator[Rating]:
    measured: list[tuple[SliceFeature, FeatureProfile]] = []
    for each in subjects:
        if not each.rows or isinstance(each.profile, Unprofiled):
            yield Rating(method, each, is_error=bool(each.rows))
        elif shortage(method, each.reference, each.profile, min_rows):
            yield Rating(method, each)
        else:
            measured.append((each, each.profile))
    yield from _measure(method, measured)


def _measure(
    method: Method, subjects: Sequence[tuple[SliceFeature, FeatureProfile]]
) -> Iterator[Rating]:
    """The numbers of several slices; where one of them cannot be measured, each is tried by itself."""
    pairs = [(each.reference, profile) for each, profile in subjects]
    try:
        found = METHODS[method].measure_several(pairs)
    except COLUMN_ERRORS:
        for each, profile in subjects:
            yield _measure_one(method, each, profile)
        return
    for (each, _), measurement in zip(subjects, found, strict=True):
        yield Rating(method, each, measurement)


def _measure_one(method: Method, subject: SliceFeature, profile: FeatureProfile) -> Rating:
    try:
        return Rating(method, subject, METHODS[method].measure(subject.reference, profile))
    except COLUMN_ERRORS:
        return Rating(method, subject, is_error=True)


@dataclass(frozen=True, slots=True, eq=False)
class JudgedRating:
    """A rating with its verdict.

    Attributes:
        rating: The rating.
        p_adjusted: Its p-value after Benjamini–Hochberg over the run; None if it was not measured.
        is_drifted: Whether it drifts.
        rank: The higher, the nearer to a drift; errors come first.
    """

    rating: Rating
    p_adjusted: float | None
    is_drifted: bool
    rank: tuple[bool, float]


def judge_ratings(
    ratings: Iterable[Rating], p_adjusted: Iterable[float], plan: EvaluationPlan
) -> Iterator[JudgedRating]:
    """The ratings with their verdicts.

    Args:
        ratings: Of one run.
        p_adjusted: Those of the measured ones, in their order.
        plan: Limits and policy.
    """
    p_values = iter(p_adjusted)
    for rating in ratings:
        if rating.measurement is None:
            yield JudgedRating(rating, None, is_drifted=False, rank=(rating.is_error, -1.0))
        else:
            yield _judge(rating, rating.measurement, next(p_values), plan)


def _judge(rating: Rating, numbers: Measurement, p: float, plan: EvaluationPlan) -> JudgedRating:
    limits = plan.limits(rating.method, rating.subject.reference.name)
    signal = judge(rating.method, numbers, limits, plan.policy, p_adjusted=p)
    return JudgedRating(
        rating,
        p,
        is_drifted=signal is Signal.DRIFT,
        rank=(False, limits.ratio_of(numbers.effect_size)),
    )


def kept_of(
    judged: Iterable[JudgedRating], slices: Iterable[str], plan: EvaluationPlan
) -> dict[Method, list[FeatureDetail]]:
    """By method: the drifted features of each slice; of one without drift, the feature that comes nearest to it.

    Args:
        judged: Of one run.
        slices: The names of the slices, in the order in which they are listed.
        plan: Limits and policy.
    """
    found: dict[tuple[Method, str], list[JudgedRating]] = {}
    for each in judged:
        key = each.rating.method, each.rating.subject.slice
        found.setdefault(key, []).append(each)
    return {
        method: [
            _detail_of(each, plan)
            for name in slices
            for each in _kept(found.get((method, name), []))
        ]
        for method in plan.methods
    }


def _kept(found: Sequence[JudgedRating]) -> list[JudgedRating]:
    drifted = [each for each in found if each.is_drifted]
    return drifted or ([max(found, key=lambda each: each.rank)] if found else [])


def _detail_of(each: JudgedRating, plan: EvaluationPlan) -> FeatureDetail:
    """The record of a feature on a slice, with all that its method says of it."""
    method, subject = each.rating.method, each.rating.subject
    alone = replace(plan_of_slices(plan), methods={method: plan.methods[method]})
    examined = examine(subject.reference, lambda _: subject.profile, subject.rows, alone, None)
    own = examined[Key(method, subject.reference.name)]
    if own.measurement is None or each.p_adjusted is None:
        return named_for(subject.slice, own.detail)
    return complete(
        method,
        own.detail,
        own.measurement,
        plan,
        p_adjusted=each.p_adjusted,
        slice_name=subject.slice,
    )
