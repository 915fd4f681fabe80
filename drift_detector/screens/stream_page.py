"""The page of a stream: its error rate over time, what its detectors say, and its alerts."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.shortcuts import get_object_or_404
from django.urls import reverse

from alerts.selectors import list_concept_alerts
from algorithms.charts.number_words import share
from algorithms.concept_drift.detector_registry import DETECTORS, ConceptMethod
from algorithms.verdicts import Signal
from detections.models import DetectorState, OutcomeStream, SignalChange
from detections.outcomes.error_rates import get_stream_rates
from detections.outcomes.selectors import list_streams
from drift_detector.api.time_spans import Span
from drift_detector.formats import counted
from drift_detector.screens.screen import Crumb, Screen, zone_of
from drift_detector.screens.stream_charts import rates_chart, window_outcomes, window_start

MOST_ALERTS = 10
MOST_CHANGES = 50
SPANS = {"day": 1, "week": 7, "month": 30, "year": 365}
"""Days before the newest outcome that the chart can be about."""

type Shown = Mapping[str, Any]


class StreamPage(Screen):
    template_name = "screens/stream.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        stream = get_object_or_404(list_streams(), id=self.kwargs["pk"])
        monitor = stream.monitor
        whole, chosen = get_stream_rates(stream, Span(None, None)), self.request.GET.get("last", "")
        rates = _rates(stream, whole, chosen)
        zone = zone_of(monitor)
        return super().get_context_data(
            title=f"Error rate of {monitor.name}",
            trail=_trail(stream),
            stream=stream,
            monitor=monitor,
            zone=zone,
            sentence=_sentence(whole),
            chart=rates_chart(rates, zone, stream.name),
            spans=_spans(stream, chosen),
            bin_seconds=rates["bin_seconds"],
            outcomes=sum(each["outcomes"] for each in rates["bins"]),
            detectors=[_detector(each, whole) for each in whole["detectors"]],
            changes=rates["signals"][::-1][:MOST_CHANGES],
            has_more=len(rates["signals"]) > MOST_CHANGES or rates["has_older_signals"],
            alerts=list_concept_alerts(monitor.id, most=MOST_ALERTS),
            streams=list_streams().filter(monitor_id=monitor.id).exclude(id=stream.id),
            **kwargs,
        )


def _trail(stream: OutcomeStream) -> list[Crumb]:
    monitor = stream.monitor
    return [
        Crumb("Concept drift", reverse("admin:detections_detectorstate_changelist")),
        Crumb(monitor.name, reverse("screens:monitor", args=[monitor.id])),
        Crumb(stream.name),
    ]


def _rates(stream: OutcomeStream, whole: Shown, chosen: str) -> Shown:
    """The error rate of the time that was asked for, by finer bins than that of all."""
    if chosen not in SPANS or not whole["bins"]:
        return whole
    start = whole["bins"][-1]["end"] - timedelta(days=SPANS[chosen])
    return get_stream_rates(stream, Span(start, None))


def _spans(stream: OutcomeStream, chosen: str) -> list[dict[str, Any]]:
    address = reverse("screens:stream", args=[stream.id])
    named = [("All", "", address)]
    named += [(f"Last {name}", name, f"{address}?{urlencode({'last': name})}") for name in SPANS]
    known = chosen if chosen in SPANS else ""
    return [
        {"title": title, "href": href, "is_chosen": name == known} for title, name, href in named
    ]


def _sentence(rates: Shown) -> str:
    """The state of the stream in a sentence."""
    detectors: Sequence[DetectorState] = rates["detectors"]
    signals = {each.signal for each in detectors}
    drifts = [each for each in rates["signals"] if each.signal == Signal.DRIFT]
    if not rates["bins"]:
        return "No outcome of this stream has a time that is kept."
    newest = f"The newest error rate is {share(rates['bins'][-1]['error_rate'])}"
    if Signal.WARNING in signals:
        return f"{newest}; a detector warns that it may be changing."
    if not drifts:
        return f"{newest}; no detector has seen a change of it."
    last: SignalChange = drifts[-1]
    verb = "rise" if (last.after or 0.0) > (last.before or 0.0) else "fall"
    rates_of_change = f"from {share(last.before)} to {share(last.after)}"
    return f"{newest}; the last change was a {verb} {rates_of_change}, seen by {last.method}."


def _detector(state: DetectorState, rates: Shown) -> dict[str, Any]:
    """A row of the table of detectors."""
    drifts = [each for each in rates["signals"] if _is_drift_of(each, state)]
    outcomes = window_outcomes(state)
    return {
        "method": state.method,
        "title": DETECTORS[ConceptMethod(state.method)].title,
        "signal": state.signal,
        "observations": state.observations,
        "drifts": state.drifts,
        "last_drift": drifts[-1].occurred_at if drifts else None,
        "window": "" if outcomes is None else counted(outcomes, "outcome"),
        "window_start": window_start(state, rates["bins"]),
        "averaged": state.error_batch,
    }


def _is_drift_of(change: SignalChange, state: DetectorState) -> bool:
    return change.signal == Signal.DRIFT and change.method == state.method
