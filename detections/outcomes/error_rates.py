"""Reads a stream's error rate over time, and the history of its detectors. Pages and the API share it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Min, Sum

from detections.models import DetectorState, ErrorBin, OutcomeStream, SignalChange
from detections.outcomes.error_bins import MOST_BINS
from drift_detector.api.time_spans import Span
from monitors.models import Monitor

MOST_STREAMS = 100
MOST_SIGNAL_CHANGES = 500


@dataclass(frozen=True, slots=True)
class _Coverage:
    """The span and the number of a stream's bins of one width.

    Attributes:
        width: Seconds.
        first: The start of the first.
        outcomes: Of all of them.
    """

    width: int
    first: datetime
    outcomes: int


def get_error_rates(monitor: Monitor, name: str | None, span: Span) -> dict[str, Any]:
    """The error rate of one of a monitor's streams by time, and its detectors' signals.

    Args:
        monitor: The monitor.
        name: The stream; None for the one that got outcomes last.
        span: Of the outcomes' times. The bins are the finest that reach back to its start.
    """
    streams = list(OutcomeStream.objects.filter(monitor_id=monitor.id)[:MOST_STREAMS])
    chosen = _latest(streams) if name is None else _named(monitor, name)
    answer = {"monitor_id": monitor.id, "streams": [each.name for each in streams]}
    if chosen is None:
        return answer | {
            "stream": name or "",
            "bin_seconds": None,
            "bins": [],
            "signals": [],
            "has_older_signals": False,
            "detectors": [],
        }
    return answer | {"stream": chosen.name} | get_stream_rates(chosen, span)


def get_stream_rates(stream: OutcomeStream, span: Span) -> dict[str, Any]:
    """The error rate of a stream by time, and its detectors' signals; see `get_error_rates`."""
    return _bins(stream, span) | _signals(stream, span)


def _named(monitor: Monitor, name: str) -> OutcomeStream | None:
    return OutcomeStream.objects.filter(monitor_id=monitor.id, name=name).first()


def _latest(streams: list[OutcomeStream]) -> OutcomeStream | None:
    """The stream with the newest bin; the first without any."""
    found = ErrorBin.objects.filter(stream_id__in=[each.id for each in streams])
    newest = dict(found.values_list("stream_id").annotate(Max("start")).order_by())
    known = [each for each in streams if each.id in newest]
    if not known:
        return streams[0] if streams else None
    return max(known, key=lambda each: newest[each.id])


def _bins(stream: OutcomeStream, span: Span) -> dict[str, Any]:
    width = _choose_width(stream, span.start)
    if width is None:
        return {"bin_seconds": None, "bins": []}
    length = timedelta(seconds=width)
    # the bin in which the span begins is shown, too
    first = None if span.start is None else span.start - length
    bounds = {"start__gt": first, "start__lt": span.end}
    within = {key: bound for key, bound in bounds.items() if bound is not None}
    found = ErrorBin.objects.filter(stream_id=stream.id, width=width, **within)
    newest = list(found.order_by("-start")[:MOST_BINS])
    return {"bin_seconds": width, "bins": [_bin(each, length) for each in reversed(newest)]}


def _choose_width(stream: OutcomeStream, start: datetime | None) -> int | None:
    """The finest width whose bins reach back to the start, or to the first outcome."""
    found = ErrorBin.objects.filter(stream_id=stream.id).values("width").order_by("width")
    rows = found.annotate(first=Min("start"), total=Sum("outcomes"))
    known = [_Coverage(each["width"], each["first"], each["total"]) for each in rows]
    if not known:
        return None
    every = max(each.outcomes for each in known)
    reaching = (
        each.width
        for each in known
        if each.outcomes == every or (start is not None and each.first <= start)
    )
    return next(reaching, known[-1].width)


def _bin(each: ErrorBin, length: timedelta) -> dict[str, Any]:
    return {
        "start": each.start,
        "end": each.start + length,
        "outcomes": each.outcomes,
        "error_rate": min(1.0, max(0.0, each.errors / each.outcomes)),
    }


def _signals(stream: OutcomeStream, span: Span) -> dict[str, Any]:
    bounds: Mapping[str, datetime | None] = {
        "occurred_at__gte": span.start,
        "occurred_at__lt": span.end,
    }
    within = {key: bound for key, bound in bounds.items() if bound is not None}
    found = SignalChange.objects.filter(stream_id=stream.id, **within)
    newest = list(found.order_by("-occurred_at", "-sequence")[: MOST_SIGNAL_CHANGES + 1])
    states = DetectorState.objects.filter(stream_id=stream.id).select_related("stream")
    return {
        "signals": newest[:MOST_SIGNAL_CHANGES][::-1],
        "has_older_signals": len(newest) > MOST_SIGNAL_CHANGES,
        "detectors": list(states),
    }
