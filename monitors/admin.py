from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from drift_detector.tenancy.admin import TenantModelAdmin
from drift_detector.tenancy.models import Role
from drift_detector.tenancy.site import site
from monitors import services
from monitors.baselines import builds
from monitors.models import Baseline, Monitor
from monitors.validators import (
    check_concept_methods,
    check_detector_settings,
    check_error_scale,
    check_importances,
    check_methods,
    check_monitor,
    check_performance_limits,
    check_thresholds,
    check_tolerances,
)


class MonitorForm(forms.ModelForm):
    """The same checks as the API's."""

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if Monitor.objects.filter(name=name).exclude(id=self.instance.id).exists():
            raise forms.ValidationError("name must be unique; a monitor has this name.")
        return name

    def clean_methods(self) -> list[str]:
        return check_methods(self.cleaned_data["methods"])

    def clean_thresholds(self) -> dict[str, Any]:
        return check_thresholds(self.cleaned_data["thresholds"] or {})

    def clean_tolerances(self) -> dict[str, Any]:
        return check_tolerances(self.cleaned_data["tolerances"] or {})

    def clean_concept_methods(self) -> list[str]:
        return check_concept_methods(self.cleaned_data["concept_methods"] or [])

    def clean_detector_settings(self) -> dict[str, Any]:
        return check_detector_settings(self.cleaned_data["detector_settings"] or {})

    def clean_performance_limits(self) -> dict[str, dict[str, float]]:
        return check_performance_limits(self.cleaned_data["performance_limits"] or {})

    def clean_error_scale(self) -> float | None:
        return check_error_scale(self.cleaned_data["error_scale"])

    def clean_importances(self) -> dict[str, float]:
        return check_importances(self.cleaned_data["importances"] or {})

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            check_monitor(
                {each.name: getattr(self.instance, each.name) for each in Monitor._meta.fields}
                | cleaned
            )
        return cleaned


@admin.register(Monitor, site=site)
class MonitorAdmin(TenantModelAdmin):
    """Monitors are made through the API, which reads their sources first; here they are tuned and paused."""

    form = MonitorForm
    role_to_change = Role.OPERATOR
    list_display = ["name", "status", "schedule_cron", "timezone", "window", "policy", "updated_at"]
    list_filter = ["status", "policy"]
    search_fields = ["name"]
    readonly_fields = [
        "id", "model_id", "reference_data_uri", "reference_start", "reference_end", "current_data_uri",
        "timestamp_column", "feature_columns", "feature_kinds", "prediction_column", "label_column",
        "score_column", "positive_label",
        "created_by", "created_at", "updated_at",
        "retraining_required_at",
    ]  # fmt: skip
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "name",
                    "status",
                    "id",
                    "model_id",
                    "created_by",
                    "created_at",
                    "updated_at",
                ]
            },
        ),
        (
            "Schedule",
            {
                "fields": [
                    "schedule_cron",
                    "timezone",
                    "window",
                    "window_lag",
                    "catch_up",
                    "misfire_grace",
                ]
            },
        ),
        (
            "Judgement",
            {
                "fields": [
                    "methods",
                    "policy",
                    "thresholds",
                    "tolerances",
                    "min_rows",
                    "importances",
                    "seasonal_weeks",
                ]
            },
        ),
        (
            "Errors",
            {
                "fields": [
                    "performance_limits",
                    "label_delay",
                    "concept_methods",
                    "detector_settings",
                    "error_scale",
                    "error_batch",
                ]
            },
        ),
        ("Retraining", {"fields": ["retraining_enabled", "retraining_required_at"]}),
        (
            "Data",
            {
                "fields": [
                    "reference_data_uri",
                    "reference_start",
                    "reference_end",
                    "current_data_uri",
                    "timestamp_column",
                    "feature_columns",
                    "feature_kinds",
                    "prediction_column",
                    "label_column",
                    "score_column",
                    "positive_label",
                ]
            },
        ),
    ]
    actions = ["rebuild_baselines"]

    def save_model(self, request: HttpRequest, obj: Monitor, form: Any, change: bool) -> None:
        services.update_monitor(
            monitor=Monitor.objects.get(id=obj.id),
            **{name: form.cleaned_data[name] for name in form.changed_data},
        )

    @admin.action(description="Build a new baseline for selected monitors", permissions=["change"])
    def rebuild_baselines(self, request: HttpRequest, queryset: QuerySet[Monitor]) -> None:
        asked = sum(bool(builds.request_baseline(monitor=monitor)) for monitor in queryset)
        self.message_user(request, f"{asked} baselines are being built.")


@admin.register(Baseline, site=site)
class BaselineAdmin(TenantModelAdmin):
    list_display = ["monitor", "version", "status", "rows", "size_bytes", "built_at"]
    list_filter = ["status"]
    list_select_related = ["monitor"]
    ordering = ["-created_at"]
    fields = readonly_fields = [
        "monitor", "version", "status", "reason", "rows", "is_sampled", "features",
        "content_hash", "size_bytes", "created_at", "built_at",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Baseline]:
        return super().get_queryset(request).defer("content")
