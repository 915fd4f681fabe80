"""The base class of every admin page, and the pages of members and API keys."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin

from drift_detector.tenancy.models import ApiKey, Membership, Role
from drift_detector.tenancy.site import get_membership, site


class TenantModelAdmin(ModelAdmin):
    """Shows the rows of the picked tenant, by row-level security; the member's role permits changes."""

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
        if membership is None or self.role_to_change is None:
            return False
        return Role(membership.role).covers(self.role_to_change)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def actor(request: HttpRequest) -> str:
    """The name, in records, of the person who is signed in to the admin."""
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
