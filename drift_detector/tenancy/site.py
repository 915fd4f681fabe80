"""The admin site; it renders each page in the scope of the picked tenant."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import SimpleTemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from unfold.sites import UnfoldAdminSite

from drift_detector.tenancy.models import Membership, User
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.selection import membership_of_request, memberships_of, pick_tenant

type View = Callable[..., HttpResponseBase]


class TenantAdminSite(UnfoldAdminSite):
    """Open to staff who are members of a tenant; each page shows one tenant only."""

    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and get_membership(request) is not None

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Django's wrapper (sign-in, CSRF) around the view, and the tenant's scope around both."""
        inner = super().admin_view(view, cacheable)

        @wraps(view)
        def scoped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            membership = get_membership(request)
            if membership is None:
                return inner(request, *args, **kwargs)
            with tenant_scope(membership.tenant_id):
                response = inner(request, *args, **kwargs)
                if isinstance(response, SimpleTemplateResponse):
                    response.render()  # the queries of the template need the scope, too
                return response

        return scoped

    def get_urls(self) -> list[URLResolver | URLPattern]:
        pick = path("tenant/<uuid:tenant_id>", self.admin_view(self.pick), name="pick_tenant")
        return [pick, *super().get_urls()]

    def pick(self, request: HttpRequest, tenant_id: UUID) -> HttpResponse:
        """Switch to another tenant of the signed-in person."""
        assert isinstance(request.user, User)
        mine = {each.tenant_id: each.tenant for each in memberships_of(request.user)}
        if tenant_id in mine:
            pick_tenant(request, mine[tenant_id])
        else:
            messages.error(request, "You are not a member of that tenant.")
        return HttpResponseRedirect(reverse("admin:index"))


def get_membership(request: HttpRequest) -> Membership | None:
    """The membership of the signed-in person, read once per request."""
    if not hasattr(request, "_membership"):
        request._membership = membership_of_request(request)  # type: ignore[attr-defined]
    membership: Membership | None = request._membership  # type: ignore[attr-defined]
    return membership


def tenant_subheader(request: HttpRequest) -> str:
    """The name of the picked tenant, which Unfold shows under the title."""
    membership = get_membership(request)
    return membership.tenant.name if membership else ""


def tenant_choices(request: HttpRequest) -> list[dict[str, str]]:
    """The tenants of the signed-in person, for Unfold's drop-down."""
    if not isinstance(request.user, User):
        return []
    return [
        {
            "title": each.tenant.name,
            "link": reverse("admin:pick_tenant", args=[each.tenant_id]),
            "icon": "domain",
        }
        for each in memberships_of(request.user)
    ]


site = TenantAdminSite(name="admin")
