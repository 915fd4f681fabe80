"""The audit trail in the admin, for admins of the tenant."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from drift_detector.audit import selectors
from drift_detector.audit.models import AuditEntry
from drift_detector.tenancy.admin import AgeFilter, TenantModelAdmin
from drift_detector.tenancy.models import Scope
from drift_detector.tenancy.site import may, site


@admin.register(AuditEntry, site=site)
class AuditEntryAdmin(TenantModelAdmin):
    list_display = [
        "created_at", "action", "object_type", "object_id", "shown_actor", "request_id", "address",
    ]  # fmt: skip
    list_filter = ["action", "actor_kind", AgeFilter]
    search_fields = [
        "actor_id__exact",
        "object_type__exact",
        "object_id__exact",
        "request_id__exact",
    ]
    export_fields = [
        "created_at", "action", "object_type", "object_id", "actor_kind", "actor_id", "shown_actor", "request_id",
        "address", "before", "after",
    ]  # fmt: skip
    fields = readonly_fields = [
        "created_at", "action", "object_type", "object_id", "shown_actor", "actor_kind", "actor_id", "before", "after",
        "request_id", "address",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return selectors.list_entries().order_by(*self.get_ordering(request))

    def get_ordering(self, request: HttpRequest) -> list[str]:
        return ["-created_at", "-id"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may(request, Scope.ADMIN)

    @admin.display(description="Actor")
    def shown_actor(self, entry: Any) -> str:
        """The kind and the name of who acted; of one who is gone, the id."""
        return f"{entry.actor_kind} {entry.actor_name or entry.actor_id}"
