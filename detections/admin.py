"""Lists runs, detectors, detections and backtests; a run and its detections have a page of their own."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from unfold.decorators import display

from detections.models import Backtest, Detection, DetectionRun, DetectorState
from drift_detector.tenancy.admin import TenantModelAdmin
from drift_detector.tenancy.site import site

VERDICT_COLOURS = {
    "ok": "success",
    "drift": "danger",
    "error": "danger",
    "insufficient_data": "warning",
    "no_data": "info",
}
SIGNAL_COLOURS = {"stable": "success", "warning": "warning", "drift": "danger"}


@admin.register(DetectionRun, site=site)
class DetectionRunAdmin(TenantModelAdmin):
    list_display = [
        "window_start",
        "window_end",
        "monitor",
        "trigger",
        "status",
        "shown_verdict",
        "rows",
        "worker",
    ]
    list_display_links = ["window_start"]
    list_filter = ["monitor", "status", "verdict", "trigger"]
    list_select_related = ["monitor"]
    page = "screens:run"

    def get_queryset(self, request: HttpRequest) -> QuerySet[DetectionRun]:
        return super().get_queryset(request).defer("inline_data")

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> Any:
        """The page of the run."""
        run = self.get_object(request, unquote(object_id))
        if run is None or request.method != "GET":
            return super().change_view(request, object_id, *args, **kwargs)
        return redirect(self.page, run.id)

    @display(description="Verdict", label=VERDICT_COLOURS, ordering="verdict")
    def shown_verdict(self, run: DetectionRun) -> str:
        return run.verdict or "–"


@admin.register(DetectorState, site=site)
class DetectorStateAdmin(TenantModelAdmin):
    list_display = [
        "monitor",
        "stream",
        "method",
        "shown_signal",
        "observations",
        "drifts",
        "last_drift_at",
    ]
    list_filter = ["signal", "method", "monitor"]
    list_select_related = ["monitor", "stream"]
    ordering = ["monitor__name", "stream__name", "method"]
    fields = readonly_fields = [
        "monitor", "stream", "method", "shown_signal", "observations", "error_batch", "drifts", "last_drift_at",
        "updated_at", "state",
    ]  # fmt: skip

    @display(description="Signal", label=SIGNAL_COLOURS, ordering="signal")
    def shown_signal(self, state: DetectorState) -> str:
        return state.signal


@admin.register(Detection, site=site)
class DetectionAdmin(TenantModelAdmin):
    list_display = [
        "window_start",
        "window_end",
        "monitor",
        "method",
        "reference",
        "shown_verdict",
        "severity",
        "worst_feature",
        "statistic",
        "effect_size",
    ]
    list_display_links = ["window_start"]
    list_filter = ["monitor", "method", "reference", "verdict", "severity"]
    list_select_related = ["monitor"]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> Any:
        """The method in the page of the detection's run."""
        detection = self.get_object(request, unquote(object_id))
        if detection is None or request.method != "GET":
            return super().change_view(request, object_id, *args, **kwargs)
        return redirect(f"{reverse('screens:run', args=[detection.run_id])}#{detection.anchor}")

    @display(description="Verdict", label=VERDICT_COLOURS, ordering="verdict")
    def shown_verdict(self, detection: Detection) -> str:
        return detection.verdict


@admin.register(Backtest, site=site)
class BacktestAdmin(TenantModelAdmin):
    list_display = [
        "created_at",
        "monitor",
        "start",
        "end",
        "status",
        "requested_by",
        "finished_at",
    ]
    list_filter = ["monitor", "status"]
    list_select_related = ["monitor"]
    fields = readonly_fields = [
        "monitor", "baseline", "requested_by", "start", "end", "status", "reason", "summary", "created_at",
        "finished_at",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Backtest]:
        return super().get_queryset(request).defer("windows")
