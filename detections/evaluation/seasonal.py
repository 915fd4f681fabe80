"""Compares a window with the same hours of the weeks before it, beside the frozen baseline."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pyarrow as pa
from django.conf import settings

from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.errors import InsufficientData, MissingColumn, UnusableColumn
from algorithms.method_results import Reference
from algorithms.plan import EvaluationPlan
from algorithms.verdicts import Verdict, combine_verdicts
from detections.evaluation.judge import judge_window
from detections.results import RunResult, not_compared
from monitors.models import Monitor
from monitors.monitor_windows import Columns, current_window, frozen_column_types
from monitors.sources import LazyWindow, SourceError, SourcePolicy, open_window

NO_ROW = "The same window of the {} weeks before holds no row."

type Span = tuple[datetime, datetime]


def with_weeks_before(
    result: RunResult,
    monitor: Monitor,
    policy: SourcePolicy,
    frozen: FrozenBaseline,
    window: LazyWindow,
    bounds: Span,
    plan: EvaluationPlan,
) -> RunResult:
    """The result, and that of the seasonal comparison if the monitor asks for one; drift in either is drift.

    The window is read once more, and each of the weeks once. What cannot be compared is said in the reason.

    Raises:
        SourceError: If a read failed that may succeed later.
    """
    if not monitor.seasonal_weeks or not result.rows:
        return result
    weeks = _Weeks(monitor, policy, frozen_column_types(frozen), monitor.seasonal_windows(*bounds))
    seasonal = _judge(weeks, frozen, window, plan)
    methods = [replace(method, reference=Reference.SEASONAL) for method in seasonal.methods]
    return replace(
        result,
        verdict=combine_verdicts([result.verdict, *_counted(seasonal)]),
        reason=" ".join(filter(None, [result.reason, seasonal.reason])),
        methods=(*result.methods, *methods),
    )


def _counted(seasonal: RunResult) -> list[Verdict]:
    """The verdict of the seasonal comparison; none while there are no weeks before to compare with."""
    is_new = seasonal.verdict is Verdict.INSUFFICIENT_DATA
    if is_new and not any(method.is_judgeable for method in seasonal.methods):
        return []
    return [seasonal.verdict]


@dataclass
class _Weeks:
    """The rows of some windows of the monitor's data, one after the other."""

    monitor: Monitor
    policy: SourcePolicy
    columns: Columns
    spans: Sequence[Span]
    rows: list[int] = field(default_factory=list)

    def batches(self) -> Iterator[pa.RecordBatch]:
        for span in self.spans:
            spec = current_window(self.monitor, self.policy, span, self.columns)
            with open_window(spec) as window:
                self.rows.append(0)
                for batch in window.batches():
                    self.rows[-1] += batch.num_rows
                    yield batch


def _judge(
    weeks: _Weeks, frozen: FrozenBaseline, window: LazyWindow, plan: EvaluationPlan
) -> RunResult:
    names = [method.value for method in plan.without_schema().methods]
    try:
        reference = _fit(weeks, frozen, is_untyped=window.is_text)
    except InsufficientData:
        reason = NO_ROW.format(weeks.monitor.seasonal_weeks)
        return not_compared(Verdict.INSUFFICIENT_DATA, reason, methods=names)
    except (MissingColumn, UnusableColumn) as error:
        return not_compared(Verdict.ERROR, f"In the weeks before: {error}", methods=names)
    except SourceError as error:
        if error.is_transient:
            raise
        return not_compared(Verdict.ERROR, f"In the weeks before: {error}", methods=names)
    return judge_window(reference, window, _seasonal_plan(plan, weeks))


def _fit(weeks: _Weeks, frozen: FrozenBaseline, *, is_untyped: bool) -> FrozenBaseline:
    data = settings.ENV.data
    return FrozenBaseline.fit(
        weeks.batches(),
        {name: reference.kind for name, reference in frozen.features.items()},
        max_rows=data.max_reference_rows,
        bins=frozen.bins,
        max_value_bytes=data.max_baseline_bytes,
        is_untyped=is_untyped,
    )


def _seasonal_plan(plan: EvaluationPlan, weeks: _Weeks) -> EvaluationPlan:
    """The plan with the sizes of the weeks that were read; nothing is known of their usual effects."""
    usual_rows = tuple(rows for rows in weeks.rows if rows)
    return replace(plan.without_schema(), usual_rows=usual_rows, usual_effects={}, nulls={})
