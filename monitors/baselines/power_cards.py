"""Makes the power card: a monitor's rate of false alarms, and the smallest change it can see."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.calibration import calibrate
from algorithms.plan import EvaluationPlan
from algorithms.power import smallest_changes
from algorithms.profiles import Profile
from drift_detector.scheduling.cron import runs_per_month
from monitors.baselines.reference_cards import Rates, list_reference_cards, rates_of, spread
from monitors.evaluation_plans import evaluation_plan
from monitors.models import Monitor
from monitors.monitor_windows import frozen_column_types, reference_window
from monitors.sources import SourcePolicy, WindowSpec, open_window
from monitors.time_references.calendar_time import Span, overlap

MOST_BLOCKS = 60
LEAST_COVERED = 0.95
"""Share of a window that the reference must cover for the window to count."""
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
"""Days at the ends of the calendar."""
RATES = ("estimate", "low", "high")
NO_TIME = "Without a timestamp column the reference can't be cut into windows."
NO_NULL = (
    "The reference has fewer than 6 windows that can be compared, so the evidence of runs rests on "
    "tests that take rows for independent."
)
TOO_SHORT = "The reference is shorter than two windows."


def make_power_card(
    monitor: Monitor, policy: SourcePolicy, frozen: FrozenBaseline
) -> dict[str, Any]:
    """Check the monitor's reference against itself, window by window. No transaction may be open.

    Returns:
        JSON: `checks`, `alarms`, `alarm_rate`, `effects` and `nulls` of the reference's own windows
        (see `Calibration`), or the `reason` why there are none, and the `null_reason` why there are no
        null models; `references`, the same of each reference in time; `checks_per_month` by the
        schedule and `false_alarms_per_month` from all that counts; the `window_seconds` of a window;
        and the `smallest_changes` seen in windows of `window_rows`.

    Raises:
        SourceError: If the reference cannot be read.
    """
    plan = evaluation_plan(monitor)
    period = _reference_span(monitor, policy) if monitor.timestamp_column else None
    spans = list(_blocks(monitor, period))
    profiles = (_profile(monitor, policy, frozen, span) for span in spans)
    calibration = calibrate(frozen, profiles, plan)
    references = list_reference_cards(monitor, policy, frozen, period)
    plan = replace(plan, usual_effects=calibration.usual_effects)
    rows = int(np.median(calibration.rows)) if calibration.rows else frozen.rows
    return calibration.as_json() | {
        "reason": _reason(monitor, len(spans)),
        "null_reason": "" if calibration.nulls else NO_NULL,
        "window_rows": rows,
        "window_seconds": monitor.window.total_seconds(),
        "references": [each.as_json() for each in references],
        **_false_alarms(
            rates_of(monitor, calibration, references), runs_per_month(monitor.schedule_cron)
        ),
        "smallest_changes": _smallest_changes(frozen, plan, rows),
    }


def _false_alarms(rates: Rates | None, checks: float) -> dict[str, Any]:
    """The monitor's checks in a month, and the false alarms among them as far as they are known."""
    alarms = (
        {name: checks * rate for name, rate in zip(RATES, rates, strict=True)} if rates else None
    )
    return {"checks_per_month": checks, "false_alarms_per_month": alarms}


def _smallest_changes(
    frozen: FrozenBaseline, plan: EvaluationPlan, rows: int
) -> dict[str, dict[str, Any]]:
    changes = smallest_changes(frozen, plan, rows)
    return {
        name: {"shift": change.shift, "share": change.share} for name, change in changes.items()
    }


def _reason(monitor: Monitor, blocks: int) -> str:
    if not monitor.timestamp_column:
        return NO_TIME
    return "" if blocks else TOO_SHORT


def _profile(monitor: Monitor, policy: SourcePolicy, frozen: FrozenBaseline, span: Span) -> Profile:
    start, end = span
    whole = reference_window(monitor, policy, frozen_column_types(frozen))
    with open_window(replace(whole, start=start, end=end)) as window:
        return frozen.profile(window.batches())


def _blocks(monitor: Monitor, period: Span | None) -> Iterator[Span]:
    """Windows of the reference that follow one another; at most `MOST_BLOCKS`, evenly spread."""
    if period is None:
        return
    start, end = period
    count = int((end - start) / monitor.window + 1 - LEAST_COVERED)
    if count < 2:
        return
    for number in spread(range(count), MOST_BLOCKS):
        first = start + number * monitor.window
        block = first, first + monitor.window
        if not any(overlap(block, bad) for bad in monitor.bad_spans):
            yield block


def _reference_span(monitor: Monitor, policy: SourcePolicy) -> Span | None:
    """The reference's bounds, or where it has none those of its rows; None without a row."""
    start, end = monitor.reference_start, monitor.reference_end
    if start and end:
        return start, end
    least, most = _time_bounds(reference_window(monitor, policy, [monitor.timestamp_column]))
    if least is None or most is None:
        return None
    return start or least, end or most + timedelta(microseconds=1)


def _time_bounds(spec: WindowSpec) -> tuple[datetime | None, datetime | None]:
    """The earliest and the latest time of the window's rows."""
    with open_window(spec) as window:
        found = pc.min_max(window.column(str(spec.timestamp_column)))
    return _moment(found["min"], outside=FIRST), _moment(found["max"], outside=LAST)


def _moment(value: pa.Scalar, *, outside: datetime) -> datetime | None:
    """The moment of a time; another one if Python has no such year."""
    try:
        return _aware(value.as_py())
    except OverflowError:  # the year 1 begins in the year 0 of UTC, east of it
        return outside


def _aware(moment: datetime | date | None) -> datetime | None:
    """A timestamp, or a date's midnight, in UTC."""
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
