"""Checks references in time on the reference's own windows: how often they would alarm without drift."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.calibration import Calibration, Check, calibrate_checks, counted_baseline
from algorithms.method_results import Reference
from algorithms.profiles import Profile
from drift_detector.scheduling.cron import next_tick
from monitors.evaluation_plans import evaluation_plan
from monitors.models import Monitor
from monitors.monitor_windows import frozen_column_types, reference_window
from monitors.sources import SourcePolicy, open_window
from monitors.time_references.calendar_time import Span, earlier, length_of, overlap
from monitors.time_references.time_references import (
    TimeReference,
    list_entries,
    list_time_references,
)

MOST_CHECKS = 60
MOST_LOOKED_AT = 2000
LEAST_INSIDE = 0.5
"""Share of a reference in time that must lie inside the reference period; with fewer rows, effects are larger."""
OUTSIDE = "The reference period is too short for this reference in time."

type Rates = tuple[float, float, float]
"""Alarms per check: the estimate, and the ends of its interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceCard:
    """The check of one reference in time.

    Attributes:
        reference: Its kind.
        entry: Its settings, as the monitor holds them.
        calibration: What the windows of the reference period say.
    """

    reference: Reference
    entry: Mapping[str, Any]
    calibration: Calibration

    def as_json(self) -> dict[str, Any]:
        """The figures of the card."""
        return {
            "reference": self.reference.value,
            "settings": dict(self.entry),
            "reason": "" if self.calibration.checks else OUTSIDE,
            **self.calibration.as_json(),
        }


def list_reference_cards(
    monitor: Monitor, policy: SourcePolicy, frozen: FrozenBaseline, period: Span | None
) -> list[ReferenceCard]:
    """A card for each reference in time. No transaction may be open.

    Windows as the schedule makes them are judged by their earlier times, as far as these lie inside the period. All
    are counted on the baseline's cells, each time once.

    Args:
        monitor: Saved or not.
        policy: The places that may be read.
        frozen: Its baseline.
        period: The time of the reference; None if it has none.

    Raises:
        SourceError: If the reference cannot be read.
    """
    entries = list_entries(monitor)
    if not entries or period is None:
        return []
    counting = _Counting(monitor, policy, frozen)
    found = _times_by_reference(monitor, period)
    plan = evaluation_plan(monitor)
    return [
        ReferenceCard(
            reference=reference,
            entry=entry,
            calibration=calibrate_checks(counting.checks(found.get(reference, [])), plan),
        )
        for reference, entry in entries
    ]


def rates_of(
    monitor: Monitor, calibration: Calibration, references: Sequence[ReferenceCard]
) -> Rates | None:
    """The rate at which runs drift without drift, at most; None if it is not known.

    It adds up over the comparisons that count. Holidays are few, so their own rate is left out.
    """
    ordinary = [each for each in references if each.reference is not Reference.HOLIDAY]
    counting = [each.calibration.alarm_rate() for each in ordinary]
    if monitor.judged_by != Monitor.JudgedBy.REFERENCES_IN_TIME or not ordinary:
        counting.append(calibration.alarm_rate())
    known = [rates for rates in counting if rates is not None]
    if len(known) < len(counting):
        return None
    sums = [min(1.0, sum(ends)) for ends in zip(*known, strict=True)]
    return sums[0], sums[1], sums[2]


def spread[Each](found: Sequence[Each], most: int) -> list[Each]:
    """The given number of them at most, evenly spread."""
    if len(found) <= most:
        return list(found)
    numbers = np.linspace(0, len(found) - 1, most).astype(int)
    return [found[number] for number in np.unique(numbers)]


type _Times = dict[Reference, list[tuple[Span, TimeReference]]]


def _times_by_reference(monitor: Monitor, period: Span) -> _Times:
    """Windows of the period with the parts of their earlier times that lie inside it, by reference."""
    found: _Times = {}
    for window in _windows(monitor, period):
        for each in list_time_references(monitor, window):
            spans = tuple(span for span in each.spans if _is_inside(span, period))
            if _length(spans) >= LEAST_INSIDE * _length(each.spans) > timedelta(0):
                pair = window, replace(each, spans=spans)
                found.setdefault(each.reference, []).append(pair)
    return {reference: spread(pairs, MOST_CHECKS) for reference, pairs in found.items()}


def _windows(monitor: Monitor, period: Span) -> Iterator[Span]:
    """Windows of the period that follow one another from the first tick on, without bad ones."""
    start, end = period
    zone, length = ZoneInfo(monitor.timezone), monitor.window
    just_before = start + length + monitor.window_lag - timedelta.resolution
    first, _ = monitor.window_at(next_tick(monitor.schedule_cron, monitor.timezone, just_before))
    count = int((end - first) / length)
    for number in spread(range(count), MOST_LOOKED_AT):
        window = (
            earlier(first, -number * length, zone),
            earlier(first, -(number + 1) * length, zone),
        )
        if not any(overlap(window, bad) for bad in monitor.bad_spans):
            yield window


def _is_inside(span: Span, period: Span) -> bool:
    return period[0] <= span[0] and span[1] <= period[1]


def _length(spans: Sequence[Span]) -> timedelta:
    return sum((end - start for start, end in spans), timedelta(0))


@dataclass(slots=True)
class _Counting:
    """Counts spans of the reference, each once."""

    monitor: Monitor
    policy: SourcePolicy
    frozen: FrozenBaseline
    counted: dict[Span, Profile] = field(default_factory=dict)

    def checks(self, times: Sequence[tuple[Span, TimeReference]]) -> Iterator[Check]:
        """The comparisons of windows with their earlier times, as far as there are rows."""
        for window, each in times:
            profiles = [self.profile(span) for span in each.spans]
            whole = Profile.merge(profiles)
            if whole.rows:
                usual = self._usual_rows(window, each, profiles)
                reference = counted_baseline(self.frozen, whole)
                yield Check(reference=reference, window=self.profile(window), usual_rows=usual)

    def _usual_rows(
        self, window: Span, each: TimeReference, profiles: Sequence[Profile]
    ) -> tuple[int, ...]:
        zone = ZoneInfo(self.monitor.timezone)
        length = length_of(window, zone)
        pairs = zip(each.spans, profiles, strict=True)
        return tuple(p.rows for span, p in pairs if p.rows and length_of(span, zone) == length)

    def profile(self, span: Span) -> Profile:
        """The counts of a span."""
        if span not in self.counted:
            start, end = span
            whole = reference_window(self.monitor, self.policy, frozen_column_types(self.frozen))
            with open_window(replace(whole, start=start, end=end)) as window:
                self.counted[span] = self.frozen.profile(window.batches())
        return self.counted[span]
