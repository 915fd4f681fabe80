"""The outbox in the admin: read-only, with a filter by state."""

from collections.abc import Iterable

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from drift_detector.events.models import IN_STATE, OutboxEvent
from drift_detector.tenancy.admin import TenantModelAdmin
from drift_detector.tenancy.site import site


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin
    ) -> Iterable[tuple[str, str]]:
        return OutboxEvent.State.choices

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[OutboxEvent]
    ) -> QuerySet[OutboxEvent]:
        value = self.value()
        if value not in IN_STATE:
            return queryset
        return queryset.filter(IN_STATE[OutboxEvent.State(value)])


@admin.register(OutboxEvent, site=site)
class OutboxEventAdmin(TenantModelAdmin):
    list_display = ["topic", "key", "seq", "state", "created_at", "published_at", "attempts"]
    list_filter = ["topic", StateFilter]
    fields = readonly_fields = [
        "topic", "key", "seq", "event_id", "envelope", "state", "created_at", "published_at",
        "attempts", "not_before", "dead_at", "last_error",
    ]  # fmt: skip
