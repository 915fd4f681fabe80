"""The page of a monitor: how it stands, its features over time, its runs, and what can be asked of it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from alerts.selectors import list_open_alerts_of_monitor
from detections.models import DetectionRun
from detections.outcomes.detector_states import list_detector_states
from detections.profiles.selectors import ALL_FEATURES, get_monitor_series
from drift_detector.api.time_spans import Span
from drift_detector.scheduling.cron_words import cron_in_words
from drift_detector.screens.days_form import DaysForm
from drift_detector.screens.fragment import Fragment, is_htmx
from drift_detector.screens.monitor_actions import BackfillForm, BadDaysForm, Refused, act
from drift_detector.screens.monitor_charts import (
    FIRST_ROWS,
    MORE_ROWS,
    heat_part,
    performance_charts,
)
from drift_detector.screens.monitor_runs import (
    OF_TICKS,
    latest_ticks,
    next_runs,
    run_strip,
    work_of,
)
from drift_detector.screens.monitor_words import Standing, state_of
from drift_detector.screens.power_rows import (
    MEASURED_BY,
    MOST_DRAWN,
    card_in_words,
    power_chart,
    power_rows,
)
from drift_detector.screens.screen import Crumb, Screen, zone_of
from drift_detector.tenancy.admin import actor
from monitors.bad_windows.selectors import list_bad_windows
from monitors.models import Baseline, Monitor
from monitors.selectors import get_current_baseline, list_light_baselines

WINDOWS = 52
BASELINES = 6
ALERTS = 20
BAD_WINDOWS = 20
SUGGESTED_TICKS = 12


class MonitorPage(Screen):
    template_name = "screens/monitor.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        monitor, now = get_object_or_404(Monitor, id=self.kwargs["pk"]), timezone.now()
        until = _moment(self.request.GET.get("until"))
        series = _series(monitor, until)
        runs, following = latest_ticks(monitor), next_runs(monitor, now)
        baselines = list(list_light_baselines(monitor.id)[:BASELINES])
        alerts = list(list_open_alerts_of_monitor(monitor.id)[:ALERTS])
        standing = Standing(
            monitor=monitor,
            series=series,
            latest=_latest_judged(runs),
            baselines=baselines,
            alerts=alerts,
            next_tick=following[0].at if following else None,
            now=now,
        )
        return super().get_context_data(
            title=monitor.name,
            trail=[
                Crumb("Monitors", reverse("admin:monitors_monitor_changelist")),
                Crumb(monitor.name),
            ],
            monitor=monitor,
            zone=zone_of(monitor),
            since=now.isoformat(),
            state=state_of(standing) if until is None else [],
            until=until,
            heat=heat_part(monitor, series, 0, FIRST_ROWS),
            windows=series["windows"],
            older=series["windows"][0]["window_start"] if series["has_older_windows"] else None,
            metrics=performance_charts(monitor, series),
            steps=run_strip(monitor, runs),
            cron=cron_in_words(monitor.schedule_cron),
            next_runs=following,
            alerts=alerts,
            baselines=baselines,
            bad_windows=list(list_bad_windows(monitor.id)[:BAD_WINDOWS]),
            **_power(monitor, get_current_baseline(monitor.id)),
            detectors=list(list_detector_states(monitor.id)),
            tune=reverse("screens:tune", args=[monitor.id]),
            forms=_forms(monitor, runs),
            **kwargs,
        )

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponseBase:
        """Do what a button asks for; a script gets the work that goes on, a browser the page again."""
        monitor, since = get_object_or_404(Monitor, id=pk), timezone.now()
        name = request.POST.get("action", "")
        try:
            said, is_done = act(monitor, name, request.POST, actor(request)), True
        except Refused as refusal:
            said, is_done = str(refusal), False
        if is_htmx(request):
            return _work_response(request, monitor, since, said=said, is_done=is_done)
        messages.add_message(request, messages.SUCCESS if is_done else messages.ERROR, said)
        return redirect("screens:monitor", pk)


class MonitorHeat(Fragment):
    """Further rows of the heat map."""

    template_name = "screens/_monitor_heat.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        monitor = get_object_or_404(Monitor, id=self.kwargs["pk"])
        until = _moment(self.request.GET.get("until"))
        start = _place(self.request.GET.get("from", ""))
        heat = heat_part(monitor, _series(monitor, until), start, MORE_ROWS)
        return super().get_context_data(monitor=monitor, heat=heat, until=until, **kwargs)


class MonitorWork(Fragment):
    """The work that goes on for the monitor, and what ended since a moment."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        monitor = get_object_or_404(Monitor, id=self.kwargs["pk"])
        return _work_response(request, monitor, _moment(request.GET.get("since")))


def _power(monitor: Monitor, baseline: Baseline | None) -> dict[str, Any]:
    """The power card of the baseline; without one its sentence is empty."""
    card = baseline.calibration if baseline is not None else None
    if baseline is None or not card:
        return {"sentence": ""}
    rows = power_rows(monitor, card, _measured(baseline.features))
    return {
        "sentence": card_in_words(card),
        "power_chart": power_chart(rows, monitor.id),
        "undrawn": max(0, len(rows) - MOST_DRAWN),
        "drawn_baseline": baseline,
    }


def _measured(features: Mapping[str, str]) -> dict[str, str]:
    """The features of the kinds that a power card measures."""
    return {name: kind for name, kind in features.items() if kind in MEASURED_BY}


def _work_response(
    request: HttpRequest,
    monitor: Monitor,
    since: datetime | None,
    *,
    said: str = "",
    is_done: bool = True,
) -> HttpResponse:
    work = work_of(monitor, since or timezone.now())
    context = {
        "monitor": monitor,
        "zone": zone_of(monitor),
        "work": work,
        "since": work.since.isoformat(),
        "said": said,
        "is_done": is_done,
    }
    return render(request, "screens/_monitor_work.html", context)


def _series(monitor: Monitor, until: datetime | None) -> dict[str, Any]:
    return get_monitor_series(
        monitor, Span(None, until), most_windows=WINDOWS, most_features=ALL_FEATURES
    )


def _latest_judged(runs: Sequence[DetectionRun]) -> DetectionRun | None:
    ended = [run for run in runs if run.verdict]
    return ended[-1] if ended else None


def _forms(monitor: Monitor, runs: Sequence[DetectionRun]) -> dict[str, Any]:
    """The forms about days, filled with the days of the latest ticks."""
    zone = zone_of(monitor)
    ticks = [run.scheduled_for for run in runs if run.trigger in OF_TICKS][-SUGGESTED_TICKS:]
    days = [tick.astimezone(zone).date().isoformat() for tick in ticks]
    initial = {"first": days[0], "last": days[-1]} if days else {}
    return {
        "backfill": BackfillForm(initial=initial, auto_id="backfill_%s"),
        "backtest": DaysForm(initial=initial, auto_id="backtest_%s"),
        "bad": BadDaysForm(initial=initial, auto_id="bad_%s"),
    }


def _moment(text: str | None) -> datetime | None:
    """A moment of a query; None if there is none."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError) as error:
        raise Http404("The time must be in ISO 8601.") from error


def _place(text: str) -> int:
    if not text.isdecimal() or len(text) > 6:
        raise Http404("from must be a whole number.")
    return int(text)
