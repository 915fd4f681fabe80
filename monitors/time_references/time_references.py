"""Finds the earlier times that a window of a monitor is compared with, without holidays and bad windows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from algorithms.method_results import Reference
from monitors.models import Monitor
from monitors.time_references.calendar_time import (
    Span,
    apart,
    day_span,
    days_of,
    earlier,
    length_of,
    overlap,
    without,
)
from monitors.time_references.holiday_days import is_holiday
from monitors.time_references.reference_checks import read_choice
from monitors.time_references.reference_kinds import KINDS

MOST_PIECES = 62
"""A stretch of no more windows is read window by window, so that their numbers of rows are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeReference:
    """An earlier time that one window is compared with.

    Attributes:
        reference: Its kind.
        words: Its name in a sentence.
        entry: The settings as the monitor holds them; they tell two references of a kind apart.
        spans: Times without a common moment, the latest first; none if nothing is left of them.
    """

    reference: Reference
    words: str
    entry: Mapping[str, Any]
    spans: tuple[Span, ...]


def list_time_references(monitor: Monitor, window: Span) -> list[TimeReference]:
    """The references in time of a window; one on a holiday has the latest holidays alone.

    The monitor has its bad windows in `bad_spans`.
    """
    on_holiday = _has_holiday(monitor, window, ZoneInfo(monitor.timezone))
    return [
        _find(monitor, window, reference, entry)
        for reference, entry in list_entries(monitor)
        if (reference is Reference.HOLIDAY) == on_holiday
    ]


def list_entries(monitor: Monitor) -> list[tuple[Reference, Mapping[str, Any]]]:
    """The references in time of a monitor, each with its settings."""
    weeks, calendar = monitor.seasonal_weeks, monitor.holidays
    seasonal = [(Reference.SEASONAL, {"weeks": weeks})] if weeks else []
    chosen = [(Reference(each["kind"]), each) for each in monitor.references_in_time]
    holidays = [(Reference.HOLIDAY, {"calendar": calendar})] if calendar else []
    return [*seasonal, *chosen, *holidays]


def _find(
    monitor: Monitor, window: Span, reference: Reference, entry: Mapping[str, Any]
) -> TimeReference:
    zone, kind, choice = ZoneInfo(monitor.timezone), KINDS[reference], read_choice(reference, entry)
    spans = [span for span in kind.spans(window, choice, zone) if _is_past(span, window)]
    if kind.is_stretch:
        pieces = _in_pieces(spans, window, zone)
        left = without(pieces, _gaps(monitor, spans, zone))
    else:
        good = (span for span in spans if not _is_left_out(monitor, span, reference, zone))
        left = apart(good)
    words = kind.name_in_words(choice)
    return TimeReference(reference=reference, words=words, entry=entry, spans=tuple(left))


def _is_past(span: Span, window: Span) -> bool:
    """True for a time before the window; where clocks skip an hour nothing can be left of it."""
    return span[0] < span[1] <= window[0]


def _in_pieces(spans: Sequence[Span], window: Span, zone: ZoneInfo) -> list[Span]:
    """Stretches cut into times as long as the window, from their ends; as they are if these are many."""
    length = length_of(window, zone)
    if sum((end - start) / length for start, end in spans) > MOST_PIECES:
        return list(spans)
    return [piece for span in spans for piece in _pieces(span, window, zone)]


def _pieces(span: Span, window: Span, zone: ZoneInfo) -> Iterator[Span]:
    start, end = span
    length = length_of(window, zone)
    while start < end:
        first = max(start, earlier(end, length, zone))
        yield first, end
        end = first


def _is_left_out(monitor: Monitor, span: Span, reference: Reference, zone: ZoneInfo) -> bool:
    """True for a time that shares a moment with a bad window, or with a holiday if the window is on none."""
    if any(overlap(span, bad) for bad in monitor.bad_spans):
        return True
    return reference is not Reference.HOLIDAY and _has_holiday(monitor, span, zone)


def _has_holiday(monitor: Monitor, span: Span, zone: ZoneInfo) -> bool:
    calendar = monitor.holidays
    return bool(calendar) and any(is_holiday(calendar, day) for day in days_of(span, zone))


def _gaps(monitor: Monitor, spans: Iterable[Span], zone: ZoneInfo) -> list[Span]:
    """The bad windows, and the holidays in some stretches."""
    days = (day for span in spans for day in days_of(span, zone)) if monitor.holidays else ()
    holidays = [day_span(day, zone) for day in days if is_holiday(monitor.holidays, day)]
    return [*monitor.bad_spans, *holidays]
