"""Pages of routes, silences, maintenance windows and notifications."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest

from alerts.models import Channel, MaintenanceWindow, Notification, Route, Silence, Step
from alerts.routing import services
from drift_detector.tenancy.admin import TenantModelAdmin, actor
from drift_detector.tenancy.models import Role
from drift_detector.tenancy.site import site

ROUTE_FIELDS = (
    "name", "position", "enabled", "matchers", "continues", "group_wait", "group_interval", "repeat_interval",
    "digest", "digest_at", "digest_weekday", "timezone", "quiet_from", "quiet_until", "quiet_for_critical",
)  # fmt: skip
SILENCE_FIELDS = ("matchers", "starts_at", "ends_at", "reason")
WINDOW_FIELDS = ("name", "matchers", "cron", "duration", "timezone", "enabled")


class ServiceForm(forms.ModelForm):
    """A form whose row is checked and saved by a service; its errors stand beside the fields."""

    by = ""
    saved: Sequence[str] = ()
    """The fields of the row that the service sets; the admin makes a form class of its own from this one."""

    def save_row(self) -> Model:
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        super().clean()
        if not self.errors:
            self._try_to_save()
        return self.cleaned_data

    def _try_to_save(self) -> None:
        """Let the service check the fields together, and undo what it writes until the form is saved."""
        try:
            with transaction.atomic():
                self.save_row()
                transaction.set_rollback(True)
        except ValidationError as error:
            for name, reasons in error.message_dict.items():
                self.add_error(name if name in self.fields else None, reasons)

    def _post_clean(self) -> None:
        """Leave the row as it is: the service sets its fields."""

    def _fields(self, names: Sequence[str]) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in names}


class RouteForm(ServiceForm):
    saved = ROUTE_FIELDS
    channels = forms.ModelMultipleChoiceField(queryset=Channel.objects.none())

    class Meta:
        model = Route
        fields = ROUTE_FIELDS

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields.get("channels")
        if isinstance(field, forms.ModelMultipleChoiceField):
            field.queryset = Channel.objects.all()
            is_new = self.instance._state.adding
            field.initial = [] if is_new else list(self.instance.channels)

    def save_row(self) -> Route:
        is_new = self.instance._state.adding
        route = services.new_route(by=self.by) if is_new else Route.objects.get(id=self.instance.id)
        fields = self._fields(self.saved)
        fields["matchers"] = fields["matchers"] or {}
        chosen = [channel.id for channel in self.cleaned_data["channels"]]
        later = [] if is_new else route.escalation
        return services.save_route(route, steps=[Step(timedelta(0), chosen), *later], fields=fields)


class SilenceForm(ServiceForm):
    saved = SILENCE_FIELDS

    class Meta:
        model = Silence
        fields = SILENCE_FIELDS

    def save_row(self) -> Silence:
        is_new = self.instance._state.adding
        kept = (
            services.new_silence(by=self.by) if is_new else Silence.objects.get(id=self.instance.id)
        )
        fields = self._fields(self.saved)
        fields["matchers"] = fields["matchers"] or {}
        return services.save_silence(kept, fields=fields)


class MaintenanceWindowForm(ServiceForm):
    saved = WINDOW_FIELDS

    class Meta:
        model = MaintenanceWindow
        fields = WINDOW_FIELDS

    def save_row(self) -> MaintenanceWindow:
        is_new = self.instance._state.adding
        kept = (
            services.new_window(by=self.by)
            if is_new
            else MaintenanceWindow.objects.get(id=self.instance.id)
        )
        fields = self._fields(self.saved)
        fields["matchers"] = fields["matchers"] or {}
        return services.save_window(kept, fields=fields)


class ServiceAdmin(TenantModelAdmin):
    """A page whose rows are added and changed by services."""

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
    role_to_change = Role.ADMIN
    list_display = ["name", "position", "enabled", "digest", "updated_at"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_change_permission(request)


@admin.register(Silence, site=site)
class SilenceAdmin(ServiceAdmin):
    form = SilenceForm
    role_to_change = Role.OPERATOR
    list_display = ["reason", "author", "starts_at", "ends_at"]
    readonly_fields = ["author"]


@admin.register(MaintenanceWindow, site=site)
class MaintenanceWindowAdmin(ServiceAdmin):
    form = MaintenanceWindowForm
    role_to_change = Role.OPERATOR
    list_display = ["name", "cron", "timezone", "duration", "enabled"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_change_permission(request)


@admin.register(Notification, site=site)
class NotificationAdmin(TenantModelAdmin):
    """The end of each notification, and what the channel said."""

    list_display = ["created_at", "channel", "kind", "severity", "status", "reason", "sent_at"]
    list_filter = ["status", "kind", "channel"]
    list_select_related = ["channel"]
    fields = readonly_fields = [
        "channel", "route", "alert", "kind", "severity", "status", "reason", "suppressed_by", "due_at", "sent_at",
        "attempt", "tries", "events", "message_id", "created_at",
    ]  # fmt: skip
