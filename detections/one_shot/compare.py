"""Comparing two datasets once: no monitor, no ledger, and no server that is asked for anything."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

from algorithms.baseline import Baseline, FeatureKind
from algorithms.evaluation import evaluate, evaluate_profile
from algorithms.method_results import FeatureDetail, MethodResult
from algorithms.plan import METHOD_KINDS, EvaluationPlan, Method
from algorithms.verdicts import Signal, Verdict, combine_verdicts
from monitors.features import choose_features
from monitors.sources import LazyWindow, SourcePolicy, describe, open_window
from monitors.sources.uris import parse_uri

UNJUDGED = frozenset({Verdict.ERROR, Verdict.INSUFFICIENT_DATA, Verdict.NO_DATA})
TABLE_ORDER = (Verdict.DRIFT, Verdict.ERROR, Verdict.NO_DATA, Verdict.INSUFFICIENT_DATA, Verdict.OK)
ROW_FIELDS = (
    *("feature", "kind", "verdict", "signal", "severity", "reason"),
    *("statistic", "p_adjusted", "effect_size", "tolerance", "n_reference", "n_current"),
)


class FailOn(StrEnum):
    """What a caller takes for a failure; each but `never` includes drift."""

    DRIFT = "drift"
    WARNING = "warning"
    ERROR = "error"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to compare with what.

    Attributes:
        reference: Absolute path or URI; `current` likewise.
        columns: The features; all columns of a known type when empty.
        kinds: Kinds that take the place of those the columns' types suggest.
        timestamp_column: Not a feature; rows of `current` with `start <= timestamp < end` are compared.
        start: Aware, or None for unbounded; `end` likewise.
    """

    reference: str
    current: str
    plan: EvaluationPlan
    columns: tuple[str, ...] = ()
    kinds: Mapping[str, FeatureKind] = field(default_factory=dict)
    timestamp_column: str = ""
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRow:
    """One feature over all methods: the answer that decided its verdict, and the method that gave it."""

    method: Method
    detail: FeatureDetail

    def as_json(self) -> dict[str, Any]:
        """The row as plain JSON values; what else was measured is in the outcomes."""
        values = self.detail.as_json()
        return {"method": self.method, **{name: values[name] for name in ROW_FIELDS}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was found.

    Attributes:
        features: Drifted ones first, the largest effect for its tolerance before the others.
        left_out: Columns of the reference that were not compared, such as timestamps.
        outcomes: One per method, with all that was measured.
    """

    verdict: Verdict
    reference: str
    current: str
    reference_rows: int
    current_rows: int
    features: tuple[FeatureRow, ...]
    left_out: tuple[str, ...]
    outcomes: tuple[MethodResult, ...]

    @property
    def drifted(self) -> int:
        """How many features drifted."""
        return sum(row.detail.verdict is Verdict.DRIFT for row in self.features)

    def fails(self, limit: FailOn) -> bool:
        """Whether a caller with this limit should stop.

        `warning` also stops at a warning of any method, `error` also at any feature that could not be judged.
        """
        if limit is FailOn.NEVER or self.verdict is Verdict.DRIFT:
            return limit is not FailOn.NEVER
        if limit is FailOn.WARNING:
            return any(
                each.signal is Signal.WARNING
                for outcome in self.outcomes
                for each in outcome.details
            )
        return limit is FailOn.ERROR and any(
            row.detail.verdict in UNJUDGED for row in self.features
        )

    def as_json(self) -> dict[str, Any]:
        """The comparison as plain JSON values, without NaN or Infinity."""
        return {
            "verdict": self.verdict,
            "reference": {"uri": self.reference, "rows": self.reference_rows},
            "current": {"uri": self.current, "rows": self.current_rows},
            "features_drifted": self.drifted,
            "features_compared": len(self.features),
            "left_out": list(self.left_out),
            "rows": [row.as_json() for row in self.features],
            "outcomes": [outcome.as_json() for outcome in self.outcomes],
        }


def compare(question: Question) -> Comparison:
    """Summarize the reference, then compare the current window with it.

    Raises:
        SourceError: If either can't be read.
        ValidationError: If the columns, kinds or methods asked for don't fit the reference.
        InsufficientData: If the reference holds no row.
        UnusableColumn: If a column of the reference can't be read as its kind.
    """
    policy = _policy(question)
    columns, kinds = _choose(question, policy)
    window_of = (
        (question.timestamp_column, question.start, question.end)
        if question.timestamp_column
        else ()
    )
    with open_window(question.current, policy, list(kinds), *window_of) as window:
        baseline = _fit(question.reference, policy, kinds)
        rows, outcomes = _evaluate(baseline, window, question.plan)
    features = _rows(outcomes)
    return Comparison(
        verdict=combine_verdicts(row.detail.verdict for row in features),
        reference=question.reference,
        current=question.current,
        reference_rows=baseline.rows,
        current_rows=rows,
        features=features,
        left_out=tuple(name for name in columns if name not in kinds),
        outcomes=outcomes,
    )


def _policy(question: Question) -> SourcePolicy:
    """Whoever runs this reads with their own rights, so all of the disk and the buckets they name are allowed."""
    data = settings.ENV.data
    locations = [parse_uri(uri) for uri in (question.reference, question.current)]
    stores = {
        f"{each.scheme}://{each.base.partition('/')[0]}" for each in locations if not each.is_local
    }
    return SourcePolicy(
        allowed_roots=("/",),
        allowed_object_stores=tuple(stores),
        s3_endpoint=data.s3_endpoint,
        s3_region=data.s3_region,
        azure_account=data.azure_account,
        max_window_bytes=data.max_window_bytes,
    )


def _choose(
    question: Question, policy: SourcePolicy
) -> tuple[tuple[str, ...], dict[str, FeatureKind]]:
    """The columns asked for, and those among them that one of the methods compares, with their kinds."""
    reference = describe(question.reference, policy)
    kinds = choose_features(
        reference, question.columns, question.timestamp_column, overrides=question.kinds
    )
    comparable = frozenset[FeatureKind]().union(
        *(METHOD_KINDS[method] for method in question.plan.methods)
    )
    chosen = {name: kind for name, kind in kinds.items() if kind in comparable}
    if not chosen:
        raise ValidationError({"methods": "None of these methods compares a feature of this kind."})
    return question.columns or tuple(reference.columns), chosen


def _fit(uri: str, policy: SourcePolicy, kinds: Mapping[str, FeatureKind]) -> Baseline:
    data = settings.ENV.data
    with open_window(uri, policy, columns=list(kinds)) as window:
        return Baseline.fit(
            window.batches() if window.bytes_at_most >= data.stream_bytes else window,
            kinds,
            max_rows=data.max_reference_rows,
            max_value_bytes=data.max_baseline_bytes,
        )


def _evaluate(
    baseline: Baseline, window: LazyWindow, plan: EvaluationPlan
) -> tuple[int, tuple[MethodResult, ...]]:
    if window.bytes_at_most < settings.ENV.data.stream_bytes:
        return window.num_rows, tuple(evaluate(baseline, window, plan))
    profile = baseline.profile(window.batches())
    return profile.rows, tuple(evaluate_profile(baseline, profile, plan))


def _rows(outcomes: tuple[MethodResult, ...]) -> tuple[FeatureRow, ...]:
    answers: dict[str, list[FeatureRow]] = {}
    for outcome in outcomes:
        for detail in outcome.details:
            answers.setdefault(detail.feature, []).append(
                FeatureRow(method=Method(outcome.method), detail=detail)
            )
    rows = [_deciding(of_one) for of_one in answers.values()]
    return tuple(sorted(rows, key=lambda row: (TABLE_ORDER.index(row.detail.verdict), *_rank(row))))


def _deciding(answers: list[FeatureRow]) -> FeatureRow:
    verdict = combine_verdicts(row.detail.verdict for row in answers)
    return min((row for row in answers if row.detail.verdict is verdict), key=_rank)


def _rank(row: FeatureRow) -> tuple[bool, float]:
    return row.detail.signal is not Signal.WARNING, -row.detail.ratio
