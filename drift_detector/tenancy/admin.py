"""What every admin page stands on, and the pages of tenancy itself."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin

from drift_detector.tenancy.models import ApiKey, Membership, Role
from drift_detector.tenancy.site import get_membership, site


class TenantModelAdmin(ModelAdmin):
    """Rows of the picked tenant (row-level security sees to that); what may be done follows from the member's role."""

    role_to_change: Role | None = None
    list_disable_select_all = True
    list_per_page = 50
    show_full_result_count = False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return get_membership(request) is not None

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return get_membership(request) is not None

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        membership = get_membership(request)
        return bool(
            membership and self.role_to_change and Role(membership.role).covers(self.role_to_change)
        )

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def actor(request: HttpRequest) -> str:
    """How a person signed in to the admin is named in records."""
    return f"user:{request.user.get_username()}"


@admin.register(Membership, site=site)
class MembershipAdmin(TenantModelAdmin):
    role_to_change = Role.ADMIN
    list_display = ["user", "role", "created_at"]
    list_select_related = ["user"]
    readonly_fields = ["user", "created_at"]


@admin.register(ApiKey, site=site)
class ApiKeyAdmin(TenantModelAdmin):
    role_to_change = Role.ADMIN
    list_display = ["name", "prefix", "role", "created_at", "expires_at", "revoked_at"]
    fields = readonly_fields = ["name", "prefix", "role", "created_at", "expires_at", "revoked_at"]
    actions = ["revoke_selected"]

    @admin.action(description="Revoke selected keys", permissions=["change"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        revoked = queryset.filter(revoked_at__isnull=True).update(revoked_at=timezone.now())
        self.message_user(request, f"{revoked} keys revoked.")
