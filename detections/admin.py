from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from detections.models import Backtest, Detection, DetectionRun, DetectorState
from detections.reports import services as reports
from drift_detector.formats import number, window_text
from drift_detector.tenancy.admin import OF_MONITOR, AgeFilter, TenantModelAdmin
from drift_detector.tenancy.site import get_membership, site

VERDICT_COLOURS = {
    "ok": "success",
    "drift": "danger",
    "error": "danger",
    "insufficient_data": "warning",
    "no_data": "info",
}
SIGNAL_COLOURS = {"stable": "success", "warning": "warning", "drift": "danger"}
IN_ONE_LINE = '<span class="in-one-line">{}</span>'
CELL = '<td class="px-3 py-1">{}</td>'
HEADING = '<th class="px-3 py-1 text-left">{}</th>'
LINK = '<a class="text-primary-600" href="{}">{}: {}</a><br>'
SKIPPED = "{}: {}<br>"
LINK_TO_REPORT = (
    '<a class="text-primary-600" href="{}" target="_blank" rel="noopener">open</a> ({} and {} rows)'
)
DETAIL_NAMES = (
    *("feature", "verdict", "statistic", "p_adjusted"),
    *("effect_size", "tolerance", "n_current", "reason"),
)


@admin.register(DetectionRun, site=site)
class DetectionRunAdmin(TenantModelAdmin):
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
    fields = readonly_fields = [
        "monitor", "baseline", "trigger", "requested_by", "scheduled_for", "window_start", "window_end", "status",
        "shown_verdict", "reason", "rows", "rows_read", "files_read", "shown_files_skipped", "shown_detections",
        "shown_report", "attempt", "not_before", "worker", "created_at", "started_at", "finished_at",
    ]  # fmt: skip
    actions_detail = ["make_report"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DetectionRun]:
        return super().get_queryset(request).defer("inline_data")

    @admin.display(description="Window", ordering="window_end")
    def shown_window(self, run: DetectionRun) -> SafeString:
        return _window_of(run)

    @display(description="Verdict", label=VERDICT_COLOURS, ordering="verdict")
    def shown_verdict(self, run: DetectionRun) -> str:
        return run.verdict or "–"

    @admin.display(description="Detections")
    def shown_detections(self, run: DetectionRun) -> SafeString:
        detections = run.detections.order_by("method")
        return format_html_join("\n", LINK, map(_link_to, detections))

    @admin.display(description="Files skipped")
    def shown_files_skipped(self, run: DetectionRun) -> SafeString | str:
        if not run.files_skipped_count:
            return "–"
        shown = ((each["file"], each["reason"]) for each in run.files_skipped)
        more = run.files_skipped_count - len(run.files_skipped)
        rest = format_html("and {} more", more) if more else ""
        return format_html("{}{}", format_html_join("\n", SKIPPED, shown), rest)

    @admin.display(description="Evidently report")
    def shown_report(self, run: DetectionRun) -> SafeString | str:
        report = run.reports.defer("html", "summary").first()
        if report is None:
            return "not made; use the button above"
        if report.status != report.Status.READY:
            return f"{report.status} {report.reason}"
        url = reverse("run-report", args=[run.id])
        return format_html(LINK_TO_REPORT, url, report.reference_rows, report.current_rows)

    @action(description="Make Evidently report", permissions=["make_report"])
    def make_report(self, request: HttpRequest, object_id: str) -> HttpResponseRedirect:
        try:
            reports.request_report(run=DetectionRun.objects.get(id=object_id))
            self.message_user(request, "The report is being made; reload this page in a while.")
        except reports.NoReport as error:
            self.message_user(request, str(error), messages.WARNING)
        url = reverse("admin:detections_detectionrun_change", args=[object_id])
        return HttpResponseRedirect(url)

    def has_make_report_permission(self, request: HttpRequest, *args: Any) -> bool:
        membership = get_membership(request)
        return membership is not None and membership.role != "viewer"


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
    list_filter = ["signal", "method", OF_MONITOR]
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
    fields = readonly_fields = [
        "monitor", "run", "method", "reference", "detection_type", "shown_verdict", "severity", "worst_feature",
        "statistic", "p_value", "effect_size", "threshold",
        "window_start", "window_end", "shown_details",
    ]  # fmt: skip

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
        return detection.verdict

    @admin.display(description="Features")
    def shown_details(self, detection: Detection) -> SafeString:
        details = sorted(detection.details, key=lambda each: -(each["effect_size"] or 0))
        head = format_html_join("", HEADING, ((name,) for name in DETAIL_NAMES))
        body = format_html_join("", "<tr>{}</tr>", ((_cells(row),) for row in details))
        return format_html("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", head, body)


@admin.register(Backtest, site=site)
class BacktestAdmin(TenantModelAdmin):
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
    fields = readonly_fields = [
        "monitor", "baseline", "requested_by", "start", "end", "status", "reason", "summary", "created_at",
        "finished_at",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Backtest]:
        return super().get_queryset(request).defer("windows")


def _window_of(row: DetectionRun | Detection) -> SafeString:
    """The window of a row, in the zone of its monitor."""
    zone = ZoneInfo(row.monitor.timezone)
    text = window_text(row.window_start.astimezone(zone), row.window_end.astimezone(zone))
    return format_html(IN_ONE_LINE, text)


def _link_to(detection: Detection) -> tuple[str, str, str]:
    url = reverse("admin:detections_detection_change", args=[detection.id])
    return url, detection.method, detection.verdict


def _cells(row: dict[str, Any]) -> SafeString:
    return format_html_join("", CELL, ((_shown(row[name]),) for name in DETAIL_NAMES))


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
