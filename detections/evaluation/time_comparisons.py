"""Compares a window with earlier times, beside the frozen baseline, and says which comparison decides."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

import pyarrow as pa
from django.conf import settings

from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.errors import InsufficientData, MissingColumn, UnusableColumn
from algorithms.method_results import AnyMethod, MethodResult, counting
from algorithms.plan import EvaluationPlan
from algorithms.verdicts import Verdict, combine_verdicts
from detections.evaluation.judge import judge_window, verdict_of
from detections.results import RunResult, not_compared
from monitors.models import Monitor
from monitors.monitor_windows import Columns, current_window, frozen_column_types
from monitors.sources import LazyWindow, SourceError, SourcePolicy, open_window
from monitors.time_references.calendar_time import Span, length_of
from monitors.time_references.time_references import TimeReference, list_time_references

DECIDED = (Verdict.OK, Verdict.DRIFT)

type Subject = tuple[AnyMethod, str]
"""A method, and a feature that it judged."""

BASELINE_DECIDES = (
    "No reference in time could be judged, so the comparison with the baseline counts."
)
TIME_DECIDES = "The comparison with {} counts, and not that with the baseline."


def with_time_references(
    result: RunResult,
    monitor: Monitor,
    policy: SourcePolicy,
    frozen: FrozenBaseline,
    window: LazyWindow,
    bounds: Span,
    plan: EvaluationPlan,
) -> RunResult:
    """The result with the comparisons with earlier times that the monitor asks for; what decides is up to it.

    For each of them the window is read once more, and the earlier time once. What cannot be compared is said in the
    reason.

    Args:
        result: Of the comparison with the baseline.
        monitor: With its bad windows in `bad_spans`.
        policy: The places that may be read.
        frozen: The baseline.
        window: The window.
        bounds: Its start and end.
        plan: The plan of the comparison with the baseline.

    Raises:
        SourceError: If a read failed that may succeed later.
    """
    if not result.rows:
        return result
    comparing = _Comparing(monitor, policy, frozen, window, bounds, plan)
    references = list_time_references(monitor, bounds)
    if not references:
        return result
    compared = [comparing.compare(each) for each in references]
    if monitor.judged_by == Monitor.JudgedBy.REFERENCES_IN_TIME:
        return _judged_in_time(result, references, compared)
    return _joined(result, result.verdict, compared)


def _joined(
    result: RunResult, verdict: Verdict | None, compared: Sequence[RunResult], remark: str = ""
) -> RunResult:
    verdicts = [verdict] if verdict is not None else []
    reasons = [result.reason, *(each.reason for each in compared), remark]
    return replace(
        result,
        verdict=combine_verdicts([*verdicts, *_counted(compared)]),
        reason=" ".join(filter(None, reasons)),
        methods=(*result.methods, *(method for each in compared for method in each.methods)),
    )


def _counted(compared: Sequence[RunResult]) -> list[Verdict]:
    """The verdicts of comparisons; one has none while there are no rows to compare with."""
    return [
        each.verdict
        for each in compared
        if each.verdict is not Verdict.INSUFFICIENT_DATA
        or any(method.is_judgeable for method in each.methods)
    ]


def _judged_in_time(
    result: RunResult, references: Sequence[TimeReference], compared: Sequence[RunResult]
) -> RunResult:
    """The result in which the baseline decides only for methods that no reference in time could judge as fully.

    A method that the baseline could judge on more features than references in time could counts by both.
    """
    in_time = [method for each in compared for method in each.methods]
    decided = {method.method for method in in_time if _decides(method)}
    judged = set[Subject]().union(*map(_judged, in_time))
    methods = tuple(
        replace(each, counts=each.method not in decided or not _judged(each) <= judged)
        for each in result.methods
    )
    own = [each for each in counting(methods) if each.is_judgeable]
    verdict = verdict_of(own) if own else None
    if not decided:
        verdict = result.verdict
    pairs = zip(references, compared, strict=True)
    names = [reference.words for reference, each in pairs if any(map(_decides, each.methods))]
    remark = TIME_DECIDES.format(" and ".join(names)) if names else BASELINE_DECIDES
    return _joined(replace(result, methods=methods), verdict, compared, remark)


def _decides(method: MethodResult) -> bool:
    """True if a method could judge a feature by the comparison with an earlier time."""
    return bool(_judged(method))


def _judged(method: MethodResult) -> set[Subject]:
    """The features that a method could judge, each with the method."""
    judged = (detail for detail in method.details if detail.verdict in DECIDED)
    return {(method.method, detail.feature) for detail in judged}


@dataclass(frozen=True, slots=True)
class _Comparing:
    """The window of a run, and all that a comparison of it needs."""

    monitor: Monitor
    policy: SourcePolicy
    frozen: FrozenBaseline
    window: LazyWindow
    bounds: Span
    plan: EvaluationPlan

    def compare(self, reference: TimeReference) -> RunResult:
        """The result of a comparison with the rows of an earlier time."""
        result = self._judge(reference)
        named = [replace(method, reference=reference.reference) for method in result.methods]
        return replace(result, methods=tuple(named))

    def _judge(self, reference: TimeReference) -> RunResult:
        rows = self._rows_of(reference)
        plan = self._plan(reference, ())
        names = [method.value for method in plan.methods]
        try:
            fitted = self._fit(rows)
        except InsufficientData:
            reason = f"{_capitalized(reference.words)} holds no row."
            return not_compared(Verdict.INSUFFICIENT_DATA, reason, methods=names)
        except (MissingColumn, UnusableColumn) as error:
            return _failed(reference, error, names)
        except SourceError as error:
            if error.is_transient:
                raise
            return _failed(reference, error, names)
        return judge_window(fitted, self.window, self._plan(reference, rows.usual))

    def _rows_of(self, reference: TimeReference) -> "_Rows":
        columns = frozen_column_types(self.frozen)
        zone = ZoneInfo(self.monitor.timezone)
        length = length_of(self.bounds, zone)
        is_window = [length_of(span, zone) == length for span in reference.spans]
        return _Rows(self.monitor, self.policy, columns, reference.spans, is_window)

    def _fit(self, rows: "_Rows") -> FrozenBaseline:
        data = settings.ENV.data
        return FrozenBaseline.fit(
            rows.batches(),
            {name: feature.kind for name, feature in self.frozen.features.items()},
            max_rows=data.max_reference_rows,
            bins=self.frozen.bins,
            max_value_bytes=data.max_baseline_bytes,
            is_untyped=self.window.is_text,
        )

    def _plan(self, reference: TimeReference, usual_rows: tuple[int, ...]) -> EvaluationPlan:
        """The plan; faults are named by the comparisons that decide: one name for each feature."""
        decides = self.monitor.judged_by == Monitor.JudgedBy.REFERENCES_IN_TIME
        names_faults = self.plan.names_faults and decides
        return self.plan.for_time(reference.reference, usual_rows, names_faults=names_faults)


@dataclass
class _Rows:
    """The rows of some spans of the monitor's data, one after the other.

    Attributes:
        is_window: Which spans are as long as the window that is judged.
        usual: The rows of those that hold any, once they have been read.
    """

    monitor: Monitor
    policy: SourcePolicy
    columns: Columns
    spans: Sequence[Span]
    is_window: Sequence[bool]
    counts: list[int] = field(default_factory=list)

    @property
    def usual(self) -> tuple[int, ...]:
        pairs = zip(self.counts, self.is_window, strict=False)
        return tuple(rows for rows, is_window in pairs if rows and is_window)

    def batches(self) -> Iterator[pa.RecordBatch]:
        for span in self.spans:
            spec = current_window(self.monitor, self.policy, span, self.columns)
            with open_window(spec) as window:
                self.counts.append(0)
                for batch in window.batches():
                    self.counts[-1] += batch.num_rows
                    yield batch


def _failed(reference: TimeReference, error: Exception, names: list[str]) -> RunResult:
    return not_compared(Verdict.ERROR, f"In {reference.words}: {error}", methods=names)


def _capitalized(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}"
