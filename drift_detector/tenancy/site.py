"""The admin site; it renders each page in the scope of the picked tenant."""

from collections.abc import Callable
from functools import partial, wraps
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import SimpleTemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from unfold.sites import UnfoldAdminSite

from drift_detector import encryption
from drift_detector.tenancy.acting import acting_in, note_request
from drift_detector.tenancy.authentication import actor_of
from drift_detector.tenancy.models import Membership, Role, Scope, User
from drift_detector.tenancy.quotas import OverQuota
from drift_detector.tenancy.rights import SCOPES
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.selection import (
    memberships_of,
    memberships_of_request,
    pick_tenant,
    picked_membership,
)
from drift_detector.tenancy.sign_in.passwords import PasswordView
from drift_detector.throttling.logins import account_signed_in, account_to_sign_in, bounded_login

NO_PASSWORDS = "People sign in by the identity provider here, and not by password."

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
            try:
                return _audited(request, membership, partial(inner, request, *args, **kwargs))
            except OverQuota as error:
                return refusal_page(request, 429, str(error), back="admin:index")

        return scoped

    def get_urls(self) -> list[URLResolver | URLPattern]:
        pick = path("tenant/<uuid:tenant_id>", self.admin_view(self.pick), name="pick_tenant")
        return [pick, *super().get_urls()]

    def login(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Sign in; how often a password may be tried is bounded."""
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        if request.method == "POST" and not settings.ENV.sign_in.passwords:
            return refusal_page(request, 403, NO_PASSWORDS)
        view: Any = PasswordView.as_view(
            extra_context=self._login_context(request),
            authentication_form=self.login_form or AdminAuthenticationForm,
        )
        login = bounded_login(view, account_of=account_to_sign_in, refuse=refusal_page)
        return login(request)

    def _login_context(self, request: HttpRequest) -> dict[str, Any]:
        oidc, wished = settings.ENV.oidc, request.GET.get(REDIRECT_FIELD_NAME, "")
        context = {
            **self.each_context(request),
            "title": "Log in",
            "app_path": request.get_full_path(),
            "username": request.user.get_username(),
            "passwords": settings.ENV.sign_in.passwords,
            "provider": oidc.name if oidc.signs_in else "",
        }
        return context if wished else context | {REDIRECT_FIELD_NAME: reverse("admin:index")}

    def password_change(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Change the own password; the old one is asked for, so this is bounded as the login is."""
        if not settings.ENV.sign_in.passwords:
            return refusal_page(request, 403, NO_PASSWORDS, back="admin:index")
        change = bounded_login(
            super().password_change, account_of=account_signed_in, refuse=refusal_page
        )
        return change(request, *args, **kwargs)

    def dress(self, request: HttpRequest) -> dict[str, Any]:
        """The part of a page's context that is the same for all people."""
        return {
            "site_title": self._get_config("SITE_TITLE", request),
            "site_header": self._get_config("SITE_HEADER", request),
            "site_symbol": self._get_config("SITE_SYMBOL", request),
            "site_favicons": self._get_favicons("SITE_FAVICONS", request),
            "styles": self._get_list("STYLES", request),
            "colors": self._get_colors("COLORS", request),
            "border_radius": self._get_config("BORDER_RADIUS", request),
            "theme": self._get_config("THEME", request),
        }

    def pick(self, request: HttpRequest, tenant_id: UUID) -> HttpResponse:
        """Switch to another tenant of the signed-in person; a link alone does not."""
        if request.method != "POST":
            return refusal_page(
                request, 405, "A tenant is chosen with a button.", back="admin:index"
            )
        assert isinstance(request.user, User)
        mine = {each.tenant_id: each.tenant for each in memberships_of(request.user)}
        if tenant_id in mine:
            pick_tenant(request, mine[tenant_id])
        else:
            messages.error(request, "You are not a member of that tenant.")
        return HttpResponseRedirect(reverse("admin:index"))


def _audited(
    request: HttpRequest, membership: Membership, view: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """Render a page as the person who asks for it; the audit trail tells that they read it, or were refused."""
    with acting_in(request, actor_of(membership.user), membership.tenant_id):
        try:
            return _in_scope(request, membership.tenant_id, view)
        except PermissionDenied:
            with tenant_scope(membership.tenant_id):
                note_request("refused", request)
            raise


def _in_scope(
    request: HttpRequest, tenant_id: UUID, view: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    with tenant_scope(tenant_id):
        response = view()
        if isinstance(response, SimpleTemplateResponse):
            response.render()  # the queries of the template need the scope, too
        if is_read(request, response):
            note_request("read", request)
        return response


def is_read(request: HttpRequest, response: HttpResponseBase) -> bool:
    """True if a person has got a page; the parts that it asks for by itself are read with it."""
    is_part = "HX-Request" in request.headers or "X-Requested-With" in request.headers
    return request.method == "GET" and response.status_code == HTTPStatus.OK and not is_part


def refusal_page(
    request: HttpRequest, status: int, reason: str, *, back: str = "admin:login"
) -> HttpResponse:
    """A page that refuses something, with a way to the page of a name."""
    return error_page(request, status, reason, back=reverse(back))


def error_page(
    request: HttpRequest, status: int, reason: str, *, back: str = "/admin/"
) -> HttpResponse:
    """A page in the dress of the site that asks the database for nothing.

    Args:
        request: The request, which may have no session.
        status: The HTTP status of the answer.
        reason: A sentence for people.
        back: The address of the way out.
    """
    title = HTTPStatus(status).phrase
    words = {"title": title, "status": status, "reason": reason, "back": back}
    page = render_to_string("tenancy/error.html", site.dress(request) | words)
    return HttpResponse(page, status=status)


def get_membership(request: HttpRequest) -> Membership | None:
    """The membership of the signed-in person, read once per request."""
    if not hasattr(request, "_membership"):
        found = picked_membership(request, _memberships(request))
        request._membership = found  # type: ignore[attr-defined]
    membership: Membership | None = request._membership  # type: ignore[attr-defined]
    return membership


def _memberships(request: HttpRequest) -> list[Membership]:
    """All memberships of the signed-in person, read once per request."""
    if not hasattr(request, "_memberships"):
        request._memberships = memberships_of_request(request)  # type: ignore[attr-defined]
    memberships: list[Membership] = request._memberships  # type: ignore[attr-defined]
    return memberships


def may(request: HttpRequest, scope: Scope) -> bool:
    """True if the role of the signed-in person in the picked tenant has a scope."""
    membership = get_membership(request)
    return membership is not None and scope in SCOPES[Role(membership.role)]


def tenant_subheader(request: HttpRequest) -> str:
    """The name of the picked tenant, which Unfold shows under the title."""
    membership = get_membership(request)
    return membership.tenant.name if membership else ""


def tenant_choices(request: HttpRequest) -> list[dict[str, str]]:
    """The tenants of the signed-in person, for Unfold's drop-down."""
    return [
        {
            "title": each.tenant.name,
            "link": reverse("admin:pick_tenant", args=[each.tenant_id]),
            "icon": "domain",
        }
        for each in _memberships(request)
    ]


def account_links(request: HttpRequest) -> list[dict[str, str]]:
    """Links to the pages of one's account, for people with a password; the provider keeps the others'."""
    user = request.user
    is_ours = isinstance(user, User) and user.has_usable_password()
    if not is_ours or not settings.ENV.sign_in.passwords:
        return []
    links = [{"title": "Change password", "link": reverse("admin:password_change")}]
    if encryption.has_key():  # without it no second factor can be kept
        second_factor = {
            "title": "Second factor and recovery codes",
            "link": reverse("second_factor"),
        }
        links.append(second_factor)
    return links


site = TenantAdminSite(name="admin")
