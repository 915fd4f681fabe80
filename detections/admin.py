"""Lists runs, detectors, detections and backtests; a run and its detections have a page of their own."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from algorithms.charts.number_words import number
from detections.models import Backtest, Detection, DetectionRun, DetectorState
from drift_detector.tenancy.admin import (
    OF_MONITOR,
    AgeFilter,
    PageAdmin,
    window_in_one_line,
)
from drift_detector.tenancy.site import site

VERDICT_COLOURS = {
    "ok": "success",
    "drift": "danger",
    "error": "danger",
    "insufficient data": "warning",
    "no data": "info",
}
SIGNAL_COLOURS = {"stable": "success", "warning": "warning", "drift": "danger"}


@admin.register(DetectionRun, site=site)
class DetectionRunAdmin(PageAdmin):
    ordering = ["-window_end", "-id"]
    list_display = [
        "shown_window", "shown_verdict", "monitor", "status", "trigger", "rows", "worker",
    ]  # fmt: skip
    list_filter = ["status", "verdict", "trigger", OF_MONITOR, AgeFilter]
    export_fields = [
        "monitor", "window_start", "window_end", "trigger", "status", "verdict", "reason", "rows", "worker",
        "created_at", "started_at", "finished_at",
    ]  # fmt: skip
    list_select_related = ["monitor"]
    page = "screens:run"

    def get_queryset(self, request: HttpRequest) -> QuerySet[DetectionRun]:
        return super().get_queryset(request).defer("inline_data")

    @admin.display(description="Window", ordering="window_end")
    def shown_window(self, run: DetectionRun) -> SafeString:
        return _window_of(run)

    @display(description="Verdict", label=VERDICT_COLOURS, ordering="verdict")
    def shown_verdict(self, run: DetectionRun) -> str:
        return run.verdict.replace("_", " ") or "–"


@admin.register(DetectorState, site=site)
class DetectorStateAdmin(PageAdmin):
    page = "screens:stream"
    page_key = "stream_id"
    list_display = [
        "monitor",
        "stream",
        "method",
        "shown_signal",
        "observations",
        "drifts",
        "last_drift_at",
    ]
    list_filter = ["signal", "method", OF_MONITOR]
    list_select_related = ["monitor", "stream"]
    ordering = ["monitor__name", "stream__name", "method"]

    @display(description="Signal", label=SIGNAL_COLOURS, ordering="signal")
    def shown_signal(self, state: DetectorState) -> str:
        return state.signal


@admin.register(Detection, site=site)
class DetectionAdmin(PageAdmin):
    page = "screens:run"
    page_key = "run_id"
    ordering = ["-window_end", "-id"]
    list_display = [
        "shown_window", "shown_verdict", "monitor", "method", "worst_feature", "severity", "reference",
        "shown_statistic", "shown_effect_size",
    ]  # fmt: skip
    export_fields = [
        "monitor", "run_id", "window_start", "window_end", "method", "reference", "verdict", "severity",
        "worst_feature", "statistic", "p_value", "effect_size", "threshold",
    ]  # fmt: skip
    list_filter = ["verdict", "severity", "reference", "method", OF_MONITOR, AgeFilter]
    list_select_related = ["monitor"]

    def page_address(self, row: Any) -> str:
        """The method in the page of the detection's run."""
        return f"{super().page_address(row)}#{row.anchor}"

    @admin.display(description="Window", ordering="window_end")
    def shown_window(self, detection: Detection) -> SafeString:
        return _window_of(detection)

    @admin.display(description="Statistic", ordering="statistic")
    def shown_statistic(self, detection: Detection) -> str:
        return number(detection.statistic)

    @admin.display(description="Effect size", ordering="effect_size")
    def shown_effect_size(self, detection: Detection) -> str:
        return number(detection.effect_size)

    @display(description="Verdict", label=VERDICT_COLOURS, ordering="verdict")
    def shown_verdict(self, detection: Detection) -> str:
        return detection.verdict.replace("_", " ")


@admin.register(Backtest, site=site)
class BacktestAdmin(PageAdmin):
    page = "screens:backtest"
    list_display = [
        "created_at",
        "monitor",
        "start",
        "end",
        "status",
        "requested_by",
        "finished_at",
    ]
    list_filter = ["status", OF_MONITOR]
    list_select_related = ["monitor"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Backtest]:
        return super().get_queryset(request).defer("windows")


def _window_of(row: DetectionRun | Detection) -> SafeString:
    return window_in_one_line(row.window_start, row.window_end, row.monitor.timezone)
