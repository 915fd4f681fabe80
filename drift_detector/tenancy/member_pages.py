"""The admin's pages of members: roles are changed and memberships end; a command makes members."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from drift_detector.tenancy import services
from drift_detector.tenancy.admin import TenantModelAdmin
from drift_detector.tenancy.models import Membership, Role, Scope
from drift_detector.tenancy.site import site


@admin.register(Membership, site=site)
class MembershipAdmin(TenantModelAdmin):
    """A form here names no person who is not a member, so that people of other tenants can't be guessed."""

    scope_to_change = Scope.ADMIN
    list_display = ["user", "role", "created_at"]
    list_select_related = ["user"]
    readonly_fields = ["user", "created_at"]
    actions = ["remove_selected"]

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The form; a role that would leave the tenant without an admin is refused with a sentence."""
        try:
            page: HttpResponse = super().change_view(request, object_id, *args, **kwargs)
        except services.LastAdmin as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(request.path)
        return page

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        services.add_member(user=obj.user, role=Role(form.cleaned_data["role"]))

    @admin.action(description="Remove selected members", permissions=["change"])
    def remove_selected(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        """End the memberships that can end, and tell an honest count."""
        removed, refused = 0, 0
        for membership in queryset.select_related("user"):
            try:
                removed += services.remove_member(user=membership.user)
            except services.LastAdmin:
                refused += 1
        self.message_user(request, f"{removed} members removed.")
        if refused:
            self.message_user(request, str(services.LastAdmin()), messages.ERROR)
