from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from alerts import services
from alerts.channels import admin as channel_pages  # noqa: F401 — they register themselves
from alerts.models import Alert
from alerts.routing import admin as routing_pages  # noqa: F401
from drift_detector.tenancy.admin import TenantModelAdmin, actor
from drift_detector.tenancy.models import Role
from drift_detector.tenancy.site import site

COLOURS = {"info": "info", "warning": "warning", "critical": "danger"}


@admin.register(Alert, site=site)
class AlertAdmin(TenantModelAdmin):
    role_to_change = Role.OPERATOR
    list_display = [
        "summary",
        "kind",
        "shown_severity",
        "status",
        "window_start",
        "window_end",
        "occurrences",
        "seen_by",
    ]
    list_filter = [
        ("acknowledged_at", admin.EmptyFieldListFilter),
        "status",
        "kind",
        "severity",
        "monitor",
    ]
    list_select_related = ["monitor"]
    fields = readonly_fields = [
        "summary", "monitor", "kind", "shown_severity", "status", "occurrences", "first_run", "last_run",
        "window_start", "window_end", "drifted_features", "created_at", "resolved_at", "acknowledged_at",
        "acknowledged_by", "note",
    ]  # fmt: skip
    actions = ["acknowledge_selected"]

    @display(description="Severity", label=COLOURS, ordering="severity")
    def shown_severity(self, alert: Alert) -> str:
        return alert.severity

    @admin.display(description="Acknowledged by", ordering="acknowledged_by")
    def seen_by(self, alert: Alert) -> str:
        return alert.acknowledged_by

    @admin.action(description="Acknowledge selected alerts", permissions=["change"])
    def acknowledge_selected(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        asked = list(queryset.values_list("id", flat=True))
        done = sum(_acknowledged(alert_id, actor(request)) for alert_id in asked)
        self.message_user(request, f"{done} of {len(asked)} alerts acknowledged.")


def _acknowledged(alert_id: UUID, by: str) -> bool:
    try:
        services.acknowledge(alert_id=alert_id, by=by)
    except services.NotAcknowledgeable:
        return False
    return True
