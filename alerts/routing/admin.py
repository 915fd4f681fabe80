"""Pages of routes, silences, maintenance windows and notifications."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from alerts.models import (
    Alert,
    AlertEvent,
    Channel,
    MaintenanceWindow,
    Notification,
    Route,
    Silence,
)
from alerts.routing.matchers import named_monitors
from alerts.routing.route_forms import (
    ESCALATION_FIELDS,
    MATCHER_FIELDS,
    MaintenanceWindowForm,
    RouteForm,
    SilenceForm,
)
from alerts.routing.words import matchers_in_words, route_in_words
from algorithms.charts.number_words import NOTHING
from drift_detector.formats import duration, instant
from drift_detector.tenancy.admin import TenantModelAdmin, actor
from drift_detector.tenancy.models import Scope
from drift_detector.tenancy.site import site
from monitors.models import Monitor

LINK = '<a class="text-primary-700 dark:text-primary-400" href="{}">{}</a>'
TRY = "<li>{}: {} ({}, {})</li>"
MOST_EVENTS = 50
MATCHERS = ("Which alerts", {"fields": list(MATCHER_FIELDS)})
ESCALATION = [name for step in ESCALATION_FIELDS for name in step]


class ServiceAdmin(TenantModelAdmin):
    """A page whose rows are added and changed by services; those who may not change them read them in words."""

    plain: tuple[str, ...] = ()
    """The fields that people read who may not change them."""

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """The form; for a viewer the words and the plain fields, as matchers are no fields of the row."""
        if obj is None:
            return [(title, options) for title, options in self.fieldsets or () if title]
        if not self.has_change_permission(request, obj):
            return [(None, {"fields": ["in_words", *self.plain]})]
        return self.fieldsets

    def get_form(self, request: HttpRequest, *args: Any, **options: Any) -> Any:
        form = super().get_form(request, *args, **options)
        form.by = actor(request)
        return form

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return self.has_change_permission(request)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        obj.__dict__.update(form.save_row().__dict__)


@admin.register(Route, site=site)
class RouteAdmin(ServiceAdmin):
    form = RouteForm
    scope_to_change = Scope.ADMIN
    list_display = ["name", "position", "enabled", "digest", "updated_at"]
    readonly_fields = ["in_words"]
    plain = ("name", "position", "enabled", "created_by", "updated_at")
    fieldsets = [
        (None, {"fields": ["in_words"]}),
        ("Route", {"fields": ["name", "position", "enabled", "continues"]}),
        MATCHERS,
        ("Where to", {"fields": ["channels"]}),
        ("Escalation", {"fields": ESCALATION, "classes": ["collapse"]}),
        ("When", {"fields": ["group_wait", "group_interval", "repeat_interval"]}),
        ("Digest", {"fields": ["digest", "digest_at", "digest_weekday", "timezone"]}),
        ("Quiet hours", {"fields": ["quiet_from", "quiet_until", "quiet_for_critical"]}),
    ]

    @admin.display(description="In words")
    def in_words(self, route: Route) -> str:
        """The whole route in some sentences."""
        ids = [channel for step in route.steps for channel in step.channels]
        names = dict(Channel.objects.filter(id__in=ids).values_list("id", "name"))
        return route_in_words(route, monitors=_monitor_names([route]), channels=names)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_change_permission(request)


@admin.register(Silence, site=site)
class SilenceAdmin(ServiceAdmin):
    form = SilenceForm
    scope_to_change = Scope.ALERTS_WRITE
    list_display = ["reason", "author", "starts_at", "ends_at"]
    readonly_fields = ["in_words", "author"]
    plain = ("starts_at", "ends_at", "reason", "author")
    fieldsets = [
        (None, {"fields": ["in_words", "author"]}),
        ("Silence", {"fields": ["starts_at", "ends_at", "reason"]}),
        MATCHERS,
    ]

    @admin.display(description="In words")
    def in_words(self, silence: Silence) -> str:
        """The alerts that it silences."""
        return f"Silences {_matched(silence)}."


@admin.register(MaintenanceWindow, site=site)
class MaintenanceWindowAdmin(ServiceAdmin):
    form = MaintenanceWindowForm
    scope_to_change = Scope.ALERTS_WRITE
    list_display = ["name", "cron", "timezone", "duration", "enabled"]
    readonly_fields = ["in_words"]
    plain = ("name", "cron", "timezone", "duration", "enabled", "created_by")
    fieldsets = [
        (None, {"fields": ["in_words"]}),
        ("Maintenance window", {"fields": ["name", "cron", "timezone", "duration", "enabled"]}),
        MATCHERS,
    ]

    @admin.display(description="In words")
    def in_words(self, window: MaintenanceWindow) -> str:
        """The alerts that it silences, and for how long."""
        return f"Silences {_matched(window)} for {duration(window.duration)} each time."

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_change_permission(request)


@admin.register(Notification, site=site)
class NotificationAdmin(TenantModelAdmin):
    """The end of each notification, and what the channel said."""

    list_display = ["created_at", "channel", "kind", "severity", "status", "reason", "sent_at"]
    list_filter = ["status", "kind", "channel"]
    list_select_related = ["channel"]
    fields = readonly_fields = [
        "channel", "route", "shown_alert", "kind", "severity", "status", "reason", "due_at", "sent_at", "attempt",
        "shown_tries", "shown_events", "message_id", "created_at",
    ]  # fmt: skip

    @admin.display(description="Alert")
    def shown_alert(self, notification: Notification) -> SafeString | str:
        if notification.alert is None:
            return NOTHING
        return _link_to_alert(notification.alert)

    @admin.display(description="Tries")
    def shown_tries(self, notification: Notification) -> SafeString | str:
        """The times of its tries, and the answers of the channel."""
        rows = [
            (
                instant(datetime.fromisoformat(each["at"])),
                each["said"],
                _ending(each),
                duration(each["seconds"]),
            )
            for each in notification.tries
        ]
        return format_html("<ol>{}</ol>", format_html_join("", TRY, rows)) if rows else NOTHING

    @admin.display(description="Events")
    def shown_events(self, notification: Notification) -> SafeString | str:
        """The events that it covers, each with its alert."""
        found = AlertEvent.objects.filter(id__in=notification.events[:MOST_EVENTS])
        events = found.select_related("alert").order_by("created_at")
        shown = (
            (f"{each.created_at:%Y-%m-%d %H:%M} UTC", each.kind, _link_to_alert(each.alert))
            for each in events
        )
        return format_html_join("", "<p>{}: {}, {}</p>", shown) or NOTHING


def _ending(tried: Mapping[str, Any]) -> str:
    return "taken" if tried["is_ok"] else "not taken"


def _link_to_alert(alert: Alert) -> SafeString:
    return format_html(LINK, reverse("screens:alert", args=[alert.id]), alert.summary)


def _matched(row: Silence | MaintenanceWindow) -> str:
    return matchers_in_words(row.matchers, _monitor_names([row]))


def _monitor_names(rows: Iterable[Route | Silence | MaintenanceWindow]) -> dict[UUID, str]:
    """The names of the monitors that the matchers of rows name."""
    ids = {each for row in rows for each in named_monitors(row.matchers)}
    return dict(Monitor.objects.filter(id__in=ids).values_list("id", "name"))
