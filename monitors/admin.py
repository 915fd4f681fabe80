"""Shows monitors and baselines to the people of a tenant, and tunes the monitors."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import JSONField, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action

from drift_detector.tenancy.admin import OF_MONITOR, PageAdmin, TenantModelAdmin
from drift_detector.tenancy.models import Scope
from drift_detector.tenancy.site import site
from monitors import services
from monitors.baselines import builds
from monitors.connections import admin as connection_pages  # noqa: F401 — they register themselves
from monitors.field_checks import FIELD_CHECKS, check_change
from monitors.models import DATA_FIELDS, Baseline, Monitor

RARE_FIELDS = {
    "Schedule": ["misfire_grace"],
    "Outcomes": ["label_delay", "detector_settings", "error_scale", "error_batch"],
}
"""The fields that the page `screens:tune` leaves to this form."""
SHOWN_AS_TEXT = {
    "csv_dialect": "shown_dialect",
    "null_values": "shown_null_values",
    "feature_columns": "shown_features",
    "feature_kinds": "shown_kinds",
}
"""The fields of the data that hold JSON, each with the method that writes it as text."""
SHOWN_DATA = [SHOWN_AS_TEXT.get(name, name) for name in DATA_FIELDS]
RECORD_FIELDS = ["id", "created_by", "created_at", "updated_at", "retraining_required_at"]


class MonitorForm(forms.ModelForm):
    """The same checks as the API's."""

    def clean(self) -> dict[str, Any]:
        super().clean()
        for name in FIELD_CHECKS:
            if name in self.cleaned_data:
                self._check_field(name)
        if not self.errors:
            self._check_together()
        return self.cleaned_data

    def _check_field(self, name: str) -> None:
        value, field = self.cleaned_data[name], Monitor._meta.get_field(name)
        if isinstance(field, JSONField):
            value = value or type(field.get_default())()  # an emptied text stands for no entries
        try:
            self.cleaned_data[name] = FIELD_CHECKS[name](value)
        except ValidationError as error:
            self.add_error(name, error)

    def _check_together(self) -> None:
        try:
            check_change(self.cleaned_data, self.instance)
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                # A field that is read-only here cannot show an error of its own.
                self.add_error(name if name in self.fields else None, messages)


@admin.register(Monitor, site=site)
class MonitorAdmin(TenantModelAdmin):
    """Shows a monitor's data and sets rare fields; `screens:tune` sets the others. A wizard and the API make it."""

    form = MonitorForm
    scope_to_change = Scope.MONITORS_WRITE
    list_display = ["name", "status", "schedule_cron", "timezone", "window", "policy", "updated_at"]
    list_filter = ["status", "policy"]
    search_fields = ["name"]
    readonly_fields = [*RECORD_FIELDS, "model_id", *SHOWN_DATA]
    fieldsets = [
        *((title, {"fields": names}) for title, names in RARE_FIELDS.items()),
        ("Data", {"fields": ["model_id", *SHOWN_DATA]}),
        ("Record", {"fields": RECORD_FIELDS}),
    ]
    actions = ["rebuild_baselines"]
    actions_detail = ["tune"]
    actions_list = ["new_monitor"]

    def save_model(self, request: HttpRequest, obj: Monitor, form: Any, change: bool) -> None:
        services.update_monitor(
            monitor=Monitor.objects.get(id=obj.id),
            **{name: form.cleaned_data[name] for name in form.changed_data},
        )

    @admin.display(description="Features")
    def shown_features(self, monitor: Monitor) -> str:
        return ", ".join(monitor.feature_columns) or "all columns of a known type"

    @admin.display(description="Kinds")
    def shown_kinds(self, monitor: Monitor) -> str:
        return _pairs(monitor.feature_kinds) or "as their types say"

    @admin.display(description="Form of CSV")
    def shown_dialect(self, monitor: Monitor) -> str:
        return _pairs(monitor.csv_dialect) or "the usual one"

    @admin.display(description="Words for a missing value")
    def shown_null_values(self, monitor: Monitor) -> str:
        return ", ".join(monitor.null_values) or "the usual ones"

    @action(description="Tune all other fields")
    def tune(self, request: HttpRequest, object_id: str) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("screens:tune", args=[object_id]))

    @action(description="New monitor", icon="add")
    def new_monitor(self, request: HttpRequest) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("screens:new_monitor"))

    @admin.action(description="Build a new baseline for selected monitors", permissions=["change"])
    def rebuild_baselines(self, request: HttpRequest, queryset: QuerySet[Monitor]) -> None:
        asked = sum(bool(builds.request_baseline(monitor=monitor)) for monitor in queryset)
        self.message_user(request, f"{asked} baselines are being built.")


def _pairs(values: dict[str, str]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in values.items())


@admin.register(Baseline, site=site)
class BaselineAdmin(PageAdmin):
    page = "screens:baseline"
    list_display = ["monitor", "version", "status", "rows", "size_bytes", "built_at"]
    list_filter = ["status", OF_MONITOR]
    list_select_related = ["monitor"]
    ordering = ["-created_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Baseline]:
        return super().get_queryset(request).defer("content")
