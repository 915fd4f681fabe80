"""Records the result of a run, frozen, and writes it as JSON without NaN or Infinity."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, is_dataclass
from enum import StrEnum
from typing import Any

from .columns import FeatureKind
from .concept_drift.detector_registry import ConceptMethod
from .faults.fault import Fault
from .methods import Method
from .profiles import NumericSummary
from .verdicts import Severity, Signal, Verdict

LONGEST_TEXT = 300


class Reference(StrEnum):
    """The data that a window was compared with."""

    BASELINE = "baseline"
    SEASONAL = "seasonal"  # the same weekday and hour of the weeks before
    TRAILING = "trailing"
    PREVIOUS = "previous"
    DAY_OF_MONTH = "day_of_month"
    MONTH_OF_YEAR = "month_of_year"
    HOLIDAY = "holiday"

    @property
    def is_in_time(self) -> bool:
        """True for rows of an earlier time, which are not frozen."""
        return self is not Reference.BASELINE


class PerformanceMethod(StrEnum):
    """The source of a model's performance over a window: labels, or an estimate."""

    PERFORMANCE = "performance"
    ESTIMATED = "estimated_performance"


type AnyMethod = Method | ConceptMethod | PerformanceMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureDetail:
    """One feature's answer from one method; what was not measured is None.

    Attributes:
        reason: A sentence for people, empty for ok.
        is_judgeable: False where the reference is why it was not judged; then the verdict does not count.
        kind: None for what is not a feature: the window's rows.
        p_adjusted: The p-value after Benjamini–Hochberg over the run.
        tolerance: The smallest effect size that matters, raised to `usual_effect` if that is larger.
        usual_effect: By how much the feature's windows differ without drift, as far as the reference shows.
        scale: The effect size that severity is measured by.
        importance: How much this feature's drift matters; it moves the severity.
        null_rate_reference: Share of null or NaN rows in the reference; the current window's beside it.
        explanation: What this method adds, such as where KS found the gap or which categories moved.
        fault: The simple fault of the data that explains the drift, if one does.
        slice: The slice on which the feature was judged; empty for the whole window.
    """

    feature: str
    kind: FeatureKind | None
    verdict: Verdict
    reason: str = ""
    is_judgeable: bool = True
    signal: Signal | None = None
    severity: Severity | None = None
    statistic: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    effect_size: float | None = None
    threshold: float | None = None
    tolerance: float | None = None
    usual_effect: float | None = None
    scale: float | None = None
    importance: float = 1.0
    n_reference: int = 0
    n_current: int = 0
    null_rate_reference: float | None = None
    null_rate_current: float | None = None
    reference_summary: NumericSummary | None = None
    current_summary: NumericSummary | None = None
    explanation: Mapping[str, Any] = field(default_factory=dict)
    fault: Fault | None = None
    slice: str = ""

    @property
    def ratio(self) -> float:
        """Effect size over the scale of severity; −1 when nothing was measured, infinite for a lost column."""
        if self.effect_size is None or self.scale is None:
            return math.inf if self.verdict is Verdict.DRIFT else -1.0
        return self.effect_size / self.scale if self.scale > 0 else math.inf

    def as_json(self) -> dict[str, Any]:
        """The record as plain JSON values."""
        return _fields_of(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodResult:
    """One method's answer over all features.

    Attributes:
        worst_feature: The drifted feature with the largest effect for its scale; of all when none drifted.
        statistic: That feature's; so are threshold, p_value and effect_size.
        severity: The highest among the drifted features, and `info` for new columns; else None.
        details: One record per feature of the kind that the method compares.
        reference: What was compared with: the frozen baseline, or an earlier time.
        counts: False if the comparison is shown, and another one decides in its place.
        slices: One record per drifted feature of a slice, and one for each slice without drift.
    """

    method: AnyMethod
    verdict: Verdict
    is_drifted: bool
    severity: Severity | None
    worst_feature: str | None
    statistic: float | None
    threshold: float | None
    p_value: float | None
    effect_size: float | None
    details: tuple[FeatureDetail, ...]
    reference: Reference = Reference.BASELINE
    counts: bool = True
    slices: tuple[FeatureDetail, ...] = ()

    @property
    def is_judgeable(self) -> bool:
        """True if the verdict counts: a feature of the reference can be judged by the method."""
        return any(detail.is_judgeable for detail in self.details)

    def as_json(self) -> dict[str, Any]:
        """The record as plain JSON values."""
        return _fields_of(self)


def counting(results: Iterable[MethodResult]) -> list[MethodResult]:
    """The results of the comparisons that decide about a run."""
    return [each for each in results if each.counts]


def json_safe(value: Any) -> Any:
    """The value with NaN as None, infinities as "inf" and "-inf", and dataclasses as dicts, at any depth.

    A NUL inside a text, which PostgreSQL can't keep, becomes U+FFFD; long texts, as categories may be, are cut.
    """
    match value:
        case float():
            return _safe_float(value)
        case str():
            return _safe_text(value)
        case list() | tuple():
            return [json_safe(item) for item in value]
        case Mapping():
            return {_safe_text(str(key)): json_safe(item) for key, item in value.items()}
    return _fields_of(value) if is_dataclass(value) else value


def _safe_float(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return float(value) if math.isfinite(value) else str(value)


def _safe_text(text: str) -> str:
    return text[:LONGEST_TEXT].replace("\0", "\N{REPLACEMENT CHARACTER}")


def _fields_of(record: Any) -> dict[str, Any]:
    return {name: json_safe(getattr(record, name)) for name in record.__dataclass_fields__}
