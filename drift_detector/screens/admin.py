"""The list of monitors with how they stand, in the place of the plain one of `monitors`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from alerts import overview
from alerts.overview import Check
from algorithms.charts.number_words import NOTHING
from drift_detector.scheduling.timetable import Schedule
from drift_detector.screens.home import alerts_of, next_tick_of
from drift_detector.screens.templatetags.drift import badge, instant, window
from drift_detector.tenancy.admin import ChoiceFilter
from drift_detector.tenancy.site import site
from monitors.admin import MonitorAdmin
from monitors.models import Monitor

NO_CHECK = "none"
LINK = '<a class="whitespace-nowrap text-primary-600 dark:text-primary-400" href="{}">{}</a>'


class VerdictFilter(ChoiceFilter):
    """The monitors by the verdict of their last check."""

    title = "last verdict"
    parameter_name = "verdict"
    options = (
        *((each.value, each.value.replace("_", " ")) for each in reversed(overview.VERDICTS)),
        (NO_CHECK, "no check yet"),
    )

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        ranks = {each.value: place for place, each in enumerate(overview.VERDICTS, 1)}
        value = self.value()
        return queryset if value is None else queryset.filter(need=ranks.get(value, 0))


class OpenAlertsFilter(ChoiceFilter):
    """The monitors by the worst severity of their open alerts."""

    title = "worst open alert"
    parameter_name = "alert"
    options = (
        *((each.value, each.value) for each in reversed(overview.SEVERITIES)),
        ("none", "no open alert"),
    )

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        ranks = {each.value: place for place, each in enumerate(overview.SEVERITIES, 1)}
        value = self.value()
        return queryset if value is None else queryset.filter(worst=ranks.get(value, 0))


site.unregister(Monitor)


@admin.register(Monitor, site=site)
class MonitorListAdmin(MonitorAdmin):
    """The worst monitors first; what a row shows comes with the rows in one query."""

    page = "screens:monitor"
    list_display = [
        "name", "shown_verdict", "shown_open_alerts", "shown_drifted_features", "shown_window", "shown_next_tick",
        "status",
    ]  # fmt: skip
    search_fields = ["name"]
    export_fields = [
        "name", "status", "last_verdict", "last_window_start", "last_window_end", "worst_open_alert",
        "open_alert_count", "drifted_features", "schedule_cron", "timezone", "model_id",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        if not self.is_list(request):
            monitors: QuerySet[Any] = super().get_queryset(request)
            return monitors
        standing = overview.with_drifted_features(overview.with_standing(Monitor.objects.all()))
        return standing.order_by(*self.get_ordering(request))

    def get_list_filter(self, request: HttpRequest) -> Sequence[Any]:
        return [VerdictFilter, OpenAlertsFilter, "status"]

    def get_ordering(self, request: HttpRequest) -> list[str]:
        return ["-worst", "-need", "name"] if self.is_list(request) else ["name"]

    @admin.display(description="Last verdict", ordering="need")
    def shown_verdict(self, monitor: Any) -> SafeString:
        return badge(self.last_verdict(monitor))

    @admin.display(description="Last window")
    def shown_window(self, monitor: Any) -> SafeString | str:
        last = _last(monitor)
        if last is None:
            return NOTHING
        shown = window(last.start, last.end, ZoneInfo(monitor.timezone))
        return format_html(LINK, reverse("screens:run", args=[last.id]), shown)

    @admin.display(description="Next run")
    def shown_next_tick(self, monitor: Any) -> SafeString | str:
        return instant(next_tick_of_monitor(monitor), ZoneInfo(monitor.timezone))

    @admin.display(description="Open alerts", ordering="worst")
    def shown_open_alerts(self, monitor: Any) -> SafeString | str:
        if not monitor.open_alerts:
            return "0"
        shown = format_html("{} {}", badge(self.worst_open_alert(monitor)), monitor.open_alerts)
        return format_html(LINK, alerts_of(monitor.id), shown)

    @admin.display(description="Features drifted")
    def shown_drifted_features(self, monitor: Any) -> SafeString | str:
        count = len(_drifted(monitor))
        if not count:
            return "0"
        return format_html(LINK, reverse("screens:monitor", args=[monitor.id]), count)

    def last_verdict(self, monitor: Any) -> str:
        last = _last(monitor)
        return last.verdict if last else ""

    def last_window_start(self, monitor: Any) -> datetime | None:
        last = _last(monitor)
        return last.start if last else None

    def last_window_end(self, monitor: Any) -> datetime | None:
        last = _last(monitor)
        return last.end if last else None

    def worst_open_alert(self, monitor: Any) -> str:
        return overview.severity_of_rank(monitor.worst)

    def open_alert_count(self, monitor: Any) -> int:
        return int(monitor.open_alerts)

    def drifted_features(self, monitor: Any) -> str:
        return ", ".join(_drifted(monitor))


def next_tick_of_monitor(monitor: Monitor) -> datetime | None:
    """The next tick of a monitor that is active."""
    if monitor.status != Monitor.Status.ACTIVE:
        return None
    return next_tick_of(Schedule(monitor.schedule_cron, monitor.timezone), timezone.now())


def _last(monitor: Any) -> Check | None:
    return Check.of_json(monitor.last_check) if monitor.last_check else None


def _drifted(monitor: Any) -> list[str]:
    """The features of the alerts that go on, each once."""
    entries: Iterable[Mapping[str, Any]] = (
        each for of_alert in monitor.drifted for each in of_alert
    )
    return list(dict.fromkeys(str(entry["feature"]) for entry in entries))
