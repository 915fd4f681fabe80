from django.contrib import admin

from drift_detector.events.models import OutboxEvent
from drift_detector.tenancy.admin import TenantModelAdmin
from drift_detector.tenancy.site import site


@admin.register(OutboxEvent, site=site)
class OutboxEventAdmin(TenantModelAdmin):
    list_display = ["topic", "key", "created_at", "published_at", "attempts"]
    list_filter = ["topic", ("published_at", admin.EmptyFieldListFilter)]
    fields = readonly_fields = [
        "topic", "key", "event_id", "envelope", "created_at", "published_at", "attempts", "last_error",
    ]  # fmt: skip
