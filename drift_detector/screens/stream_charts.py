"""Draws the error rate of a stream over time, with what its detectors said."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from algorithms.charts.lines import Line, LineChart, Moment, Point, line_chart
from algorithms.charts.number_words import number, share
from algorithms.charts.svg import NO_TEXT, Markup
from algorithms.verdicts import Signal
from detections.models import DetectorState, OutcomeStream, SignalChange
from detections.outcomes.error_rates import get_stream_rates
from drift_detector.api.time_spans import Span
from drift_detector.formats import instant
from drift_detector.screens.screen import zone_of
from drift_detector.screens.templatetags.drift import window_text

DAY_SECONDS = 86_400
MOST_WARNINGS = 40
"""Warnings in a chart; more of them hide the line."""

type Shown = Mapping[str, Any]


def stream_chart(stream: OutcomeStream) -> Markup:
    """The chart of all that is kept of a stream, which comes with its monitor."""
    rates = get_stream_rates(stream, Span(None, None))
    return rates_chart(rates, zone_of(stream.monitor), stream.name)


def rates_chart(rates: Shown, zone: ZoneInfo, name: str) -> Markup:
    """The error rate by bins, with warnings, change points and where detectors' windows begin.

    Args:
        rates: As `get_stream_rates` gives them.
        zone: Of the labels.
        name: The stream's.
    """
    if not rates["bins"]:
        return NO_TEXT
    moments = [*_signals(rates["signals"], zone), *_windows(rates, zone)]
    is_fine = rates["bin_seconds"] < DAY_SECONDS
    chart = LineChart(
        label=f"{name}: error rate over time",
        lines=[Line("error rate", list(_points(rates["bins"], zone)))],
        moments=moments,
        date_format="%m-%d %H:%M" if is_fine else "%Y-%m-%d",
        from_zero=True,
    )
    return line_chart(chart)


def _points(bins: Sequence[Shown], zone: ZoneInfo) -> Iterator[Point]:
    """A point for each bin; a gap where outcomes are missing."""
    for each, following in pairwise([*bins, None]):
        assert each is not None
        yield _point(each, zone)
        if following is not None and following["start"] > each["end"]:
            yield Point(each["end"].astimezone(zone), None)


def _point(each: Shown, zone: ZoneInfo) -> Point:
    start, end = each["start"].astimezone(zone), each["end"].astimezone(zone)
    rate, outcomes = share(each["error_rate"]), number(each["outcomes"])
    title = f"{window_text(start, end)}: {rate} of {outcomes} outcomes"
    return Point(start, each["error_rate"], title=title)


def _signals(changes: Sequence[SignalChange], zone: ZoneInfo) -> Iterator[Moment]:
    warnings = [each for each in changes if each.signal == Signal.WARNING]
    for each in warnings[-MOST_WARNINGS:]:
        at = each.occurred_at.astimezone(zone)
        yield Moment(at, f"{each.method}: warning at {instant(at)}", "warning")
    for each in changes:
        if each.signal == Signal.DRIFT:
            yield _change(each, zone)


def _change(each: SignalChange, zone: ZoneInfo) -> Moment:
    at = (each.changed_at or each.occurred_at).astimezone(zone)
    rates = f"from {share(each.before)} to {share(each.after)}"
    return Moment(at, f"{each.method}: change {rates} at {instant(at)}")


def _windows(rates: Shown, zone: ZoneInfo) -> Iterator[Moment]:
    for detector in rates["detectors"]:
        begins = window_start(detector, rates["bins"])
        if begins is not None:
            at = begins.astimezone(zone)
            yield Moment(at, f"{detector.method}: its window begins about {instant(at)}", "now")


def window_outcomes(detector: DetectorState) -> int | None:
    """The outcomes in a detector's window: those since its last drift; None if it does not say."""
    observations = (detector.state or {}).get("n")
    return observations * detector.error_batch if isinstance(observations, int) else None


def window_start(detector: DetectorState, bins: Sequence[Shown]) -> datetime | None:
    """The start of the bin in which a detector's window begins; None if it is older than all of them."""
    left = window_outcomes(detector)
    for each in reversed(bins):
        if left is None:
            return None
        left -= each["outcomes"]
        if left <= 0:
            start: datetime = each["start"]
            return start
    return None
