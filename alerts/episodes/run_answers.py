"""Reads what a run says about the statistical and the performance episode of its monitor."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Self

from alerts.episodes.observations import (
    METRIC_METHODS,
    DriftEntry,
    Evidence,
    Observation,
    Place,
    Track,
)
from alerts.models import Alert
from algorithms.method_results import FeatureDetail, MethodResult, Reference, json_safe
from algorithms.methods import Method
from algorithms.methods.method_limits import LEVEL
from algorithms.power import Sight
from algorithms.verdicts import Severity, Verdict, worst_severity
from detections.findings import ENTRY_FIELDS, first_of_each, with_fault
from detections.models import Detection, DetectionRun
from detections.slice_words import in_words

Kind = Alert.Kind
STATISTICAL_METHODS = frozenset(method.value for method in Method)
METHODS_OF_KIND: Mapping[str, frozenset[str]] = {
    Kind.STATISTICAL: STATISTICAL_METHODS,
    Kind.PERFORMANCE: METRIC_METHODS,
}

SEEN_BY_ROWS = frozenset({Method.KS.value, Method.CHI_SQUARED.value})
"""The methods whose power follows from the numbers of rows."""


OF_OTHER_KINDS = frozenset({Verdict.DRIFT, Verdict.UNSUPPORTED})
"""The verdicts of a run that can be due to the methods of another kind alone."""


class FeatureAnswer(NamedTuple):
    """The verdict of a method on a feature.

    Attributes:
        weight: The effect for its scale, times the feature's importance; what drifted is ranked by it.
        values: Reads a value of the detail by its name.
        slice: The slice on which the feature was judged; empty for the whole window.
    """

    feature: str
    verdict: str
    weight: float
    values: Callable[[str], Any]
    slice: str = ""

    @property
    def name(self) -> str:
        """The feature and its slice, which name an entry of an episode."""
        return in_words(self.feature, self.slice)

    @property
    def is_shown_alone(self) -> bool:
        """True for an unsupported estimate of a metric that labels have measured: they alone count."""
        return self.verdict == Verdict.UNSUPPORTED and not self.values("is_judgeable")


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodAnswer:
    """The answer of one method."""

    method: str
    reference: str
    verdict: str
    severity: str
    features: Sequence[FeatureAnswer]

    @property
    def counts(self) -> bool:
        """True unless all that it says is shown beside labels that count alone."""
        return not self.features or not all(each.is_shown_alone for each in self.features)

    @classmethod
    def of_result(cls, result: MethodResult) -> Self:
        """The answer of a run that has just ended."""
        return cls(
            method=result.method.value,
            reference=result.reference.value,
            verdict=result.verdict.value,
            severity=result.severity or "",
            features=[_of_detail(each) for each in (*result.details, *result.slices)],
        )

    @classmethod
    def of_stored(cls, detection: Detection) -> Self:
        """The answer of an earlier run."""
        return cls(
            method=detection.method,
            reference=detection.reference,
            verdict=detection.verdict,
            severity=detection.severity,
            features=[_of_record(each) for each in (*detection.details, *detection.slices)],
        )


def _of_detail(detail: FeatureDetail) -> FeatureAnswer:
    weight = detail.ratio * detail.importance
    values = partial(_value_of, detail)
    return FeatureAnswer(detail.feature, detail.verdict.value, weight, values, detail.slice)


def _value_of(detail: FeatureDetail, name: str) -> Any:
    return json_safe(getattr(detail, name))


def _of_record(record: Mapping[str, Any]) -> FeatureAnswer:
    verdict = record.get("verdict", Verdict.OK.value)
    slice_name = record.get("slice", "")
    return FeatureAnswer(record["feature"], verdict, _weight_of(record), record.get, slice_name)


def _weight_of(record: Mapping[str, Any]) -> float:
    effect, scale = record.get("effect_size"), record.get("scale")
    if not isinstance(effect, int | float) or not isinstance(scale, int | float) or scale <= 0:
        return math.inf
    return float(effect / scale * record.get("importance", 1.0))


def track_of(run: DetectionRun) -> Track:
    """The sort of a run that judged a window."""
    is_follow_up = run.trigger == DetectionRun.Trigger.LABELS
    return Track.FOLLOW_UP if is_follow_up else Track.CHECK


def place_of(run: DetectionRun) -> Place:
    """The place of a run in the order of the windows."""
    return Place(run.window_end, run.window_start, track_of(run).value)


def kinds_of(run: DetectionRun) -> Sequence[Alert.Kind]:
    """The kinds of episodes that a run can say something about; a follow-up judges performance alone."""
    is_follow_up = track_of(run) is Track.FOLLOW_UP
    return (Kind.PERFORMANCE,) if is_follow_up else (Kind.STATISTICAL, Kind.PERFORMANCE)


def observe(run: DetectionRun, kind: str, answers: Iterable[MethodAnswer]) -> Observation | None:
    """The observation that a run makes for a kind of episode; None if it judged nothing of that kind."""
    ours = [each for each in answers if each.method in METHODS_OF_KIND[kind] and each.counts]
    verdict = _verdict(run, ours)
    if verdict is None or kind not in kinds_of(run):
        return None
    return Observation(
        run_id=str(run.id),
        place=place_of(run),
        verdict=verdict.value,
        severity=_severity(ours) if verdict is Verdict.DRIFT else "",
        evidence=_evidence(run, ours),
        sights=dict(_sights(ours)) if verdict is Verdict.OK else {},
        entries=_entries(run, ours),
        not_ok=frozenset(_not_ok(ours)),
        judged=frozenset(_judged(ours)) if kind == Kind.PERFORMANCE else frozenset(),
        limited=frozenset(run.monitor.performance_limits)
        if kind == Kind.PERFORMANCE
        else frozenset(),
    )


def _verdict(run: DetectionRun, answers: Sequence[MethodAnswer]) -> Verdict | None:
    """The verdict of a kind's methods; a run that is not ok can be ok in what another kind is about."""
    verdicts = {answer.verdict for answer in answers}
    if Verdict.DRIFT in verdicts:
        return Verdict.DRIFT
    is_of_others = run.verdict in OF_OTHER_KINDS and verdicts == {Verdict.OK}
    is_ok = run.verdict == Verdict.OK or is_of_others
    return Verdict.OK if is_ok else None


def _evidence(run: DetectionRun, answers: Sequence[MethodAnswer]) -> Evidence | None:
    """The evidence of a drift; None if something drifted that has no p-value, such as a lost column."""
    drifted = [each for answer in answers for each in _drifted(answer)]
    has_other = any(each.values("p_value") is None for each in drifted)
    if run.p_value is None or run.opening_level is None or not drifted or has_other:
        return None
    return Evidence(run.p_value, run.opening_level)


def _sights(answers: Sequence[MethodAnswer]) -> Iterable[tuple[str, Sight]]:
    """The tests of KS and chi-squared, by feature or by method on a slice; the baseline's last, if it counts."""
    tested = [(answer, each) for answer in answers for each in answer.features if _is_test(each)]
    families = Counter(answer.reference for answer, _ in tested)
    for answer, each in sorted(tested, key=lambda pair: pair[0].reference == Reference.BASELINE):
        if answer.method in SEEN_BY_ROWS:
            name = in_words(answer.method, each.slice) if each.slice else each.feature
            yield name, _sight(answer.method, each, families[answer.reference])


def _is_test(each: FeatureAnswer) -> bool:
    return each.values("p_value") is not None and bool(each.values("n_reference"))


def _sight(method: str, each: FeatureAnswer, tests: int) -> Sight:
    explanation = each.values("explanation") or {}
    return Sight(
        method=Method(method),
        n=each.values("n_reference"),
        m=each.values("n_current"),
        level=(each.values("threshold") or LEVEL) / tests,
        degrees=explanation.get("degrees_of_freedom") or 1,
    )


def _severity(answers: Sequence[MethodAnswer]) -> str:
    severities = [Severity(answer.severity) for answer in answers if answer.severity]
    return (worst_severity(severities) or Severity.INFO).value


def _entries(run: DetectionRun, answers: Sequence[MethodAnswer]) -> tuple[DriftEntry, ...]:
    """The drifted features, each with the method that sees it best, the heaviest first."""
    drifted = first_of_each(drifted_answers(answers), lambda pair: bool(pair[1].slice))
    faults = faults_of(answers)
    records = [
        with_fault(_entry_record(answer, each), None if each.slice else faults.get(each.feature))
        for answer, each in drifted
    ]
    return tuple(DriftEntry.of_record(record, run.window_end) for record in records)


def drifted_answers(
    answers: Iterable[MethodAnswer],
) -> list[tuple[MethodAnswer, FeatureAnswer]]:
    """Every drifted feature once, by the method that sees it most clearly, the heaviest first."""
    pairs = [(answer, each) for answer in answers for each in _drifted(answer)]
    clearest: dict[str, tuple[MethodAnswer, FeatureAnswer]] = {}
    for answer, each in sorted(pairs, key=lambda pair: -pair[1].weight):
        clearest.setdefault(each.name, (answer, each))
    return list(clearest.values())


def faults_of(answers: Iterable[MethodAnswer]) -> dict[str, dict[str, Any]]:
    """The fault of each drifted feature that has one, whichever method's record holds it."""
    drifted = (each for answer in answers for each in _drifted(answer))
    pairs = ((each.feature, each.values("fault")) for each in drifted)
    return {feature: fault for feature, fault in pairs if fault}


def _drifted(answer: MethodAnswer) -> list[FeatureAnswer]:
    return [each for each in answer.features if each.verdict == Verdict.DRIFT]


def _entry_record(answer: MethodAnswer, each: FeatureAnswer) -> dict[str, Any]:
    record = {"method": answer.method, "reference": answer.reference}
    record |= {name: each.values(name) for name in ENTRY_FIELDS}
    return record | ({"slice": each.slice} if each.slice else {})


def _not_ok(answers: Sequence[MethodAnswer]) -> Iterable[str]:
    """The features on which some verdict is not ok, and the methods that could not judge a slice."""
    for answer in answers:
        counted = [each for each in answer.features if not each.is_shown_alone]
        unsure = [each for each in counted if each.verdict != Verdict.OK]
        yield from (each.name for each in unsure)
        sliced = [each for each in unsure if each.slice and each.verdict != Verdict.DRIFT]
        yield from (in_words(answer.method, each.slice) for each in sliced)


def _judged(answers: Sequence[MethodAnswer]) -> Iterable[tuple[str, str]]:
    for answer in answers:
        yield from ((answer.method, each.feature) for each in answer.features)
