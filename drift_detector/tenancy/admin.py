"""The base class of every admin page, and the pages of members and API keys."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import (
    ImproperlyConfigured,
    SuspiciousOperation,
    ValidationError,
)
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from drift_detector.tenancy.models import ApiKey, Membership, Role, TenantQuota
from drift_detector.tenancy.quotas import list_standings
from drift_detector.tenancy.site import get_membership, site

RIGHTS = {
    Role.VIEWER: "read everything",
    Role.OPERATOR: "read everything; make and run monitors; work on alerts",
    Role.ADMIN: "all that an operator may; and set channels, routes, members and keys",
}
"""The rights of a role, in words."""

type ValueCheck = Callable[[str], bool]


class PageChangeList(ChangeList):
    """A list whose rows lead to the page of their model, if it has one of ours."""

    def url_for_result(self, result: Model) -> str:
        page: str = self.model_admin.page
        if page:
            return reverse(page, args=[getattr(result, self.model_admin.page_key)])
        url: str = super().url_for_result(result)
        return url


class TenantModelAdmin(ModelAdmin):
    """Shows the rows of the picked tenant, by row-level security; the member's role permits changes."""

    role_to_change: Role | None = None
    page = ""
    """The name of the page that shows one row; Django's form without it."""
    page_key = "pk"
    """The attribute of a row that the address of its page has."""
    list_disable_select_all = True
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each facet would count the whole table

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Allow what the page's own filters ask for and nothing else: `reason__regex` can run for minutes.

        Raises:
            SuspiciousOperation: If the filter has a value that it cannot have; Django would leave the filter out.
        """
        checks = value_checks(self.model, self.get_list_filter(request))
        if lookup not in checks:
            return False
        if not checks[lookup](str(value)):
            raise SuspiciousOperation(f"{lookup} has a value that it cannot have.")
        return True

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PageChangeList]:
        return PageChangeList

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        try:
            return super().get_changelist_instance(request)
        except IncorrectLookupParameters as error:
            # Django would answer with a redirect to the list without any filter.
            raise SuspiciousOperation("A filter has a value that it cannot have.") from error

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changelist_view(request, *args, **kwargs)
        except ValidationError as error:  # an action on rows whose ids are none
            raise SuspiciousOperation("A selected row has no valid id.") from error

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


class PageAdmin(TenantModelAdmin):
    """A list whose rows have a page of ours and no form; the form's address leads to the page."""

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            return super().change_view(request, object_id, *args, **kwargs)
        return HttpResponseRedirect(reverse(self.page, args=[getattr(row, self.page_key)]))


def value_checks(model: type[Model], filters: Iterable[Any]) -> dict[str, ValueCheck]:
    """The query parameters of the filters of a list, as Django's filters name them, each with a check of its value."""
    checks: dict[str, ValueCheck] = {}
    for each in filters:
        checks |= _checks_of(model, each)
    return checks


def _checks_of(model: type[Model], list_filter: Any) -> dict[str, ValueCheck]:
    if isinstance(list_filter, str):
        return {f"{list_filter}__isnull": _is_truth} | _checks_of_field(model, list_filter)
    if isinstance(list_filter, type) and issubclass(list_filter, admin.SimpleListFilter):
        return {str(list_filter.parameter_name): _is_storable}
    return _checks_of_pair(*list_filter)


def _checks_of_pair(name: str, kind: type) -> dict[str, ValueCheck]:
    if not issubclass(kind, admin.EmptyFieldListFilter):
        raise ImproperlyConfigured(f"The lookups of {kind.__name__} are not known.")
    return {f"{name}__isempty": _is_truth}


def _checks_of_field(model: type[Model], name: str) -> dict[str, ValueCheck]:
    """The lookup of the filter that Django chooses for a field."""
    field: Any = model._meta.get_field(name)
    if field.is_relation:
        lookup = f"{name}__{field.target_field.name}__exact"
        return {lookup: partial(_is_row, field.related_model)}
    if not field.flatchoices:
        return {name: _is_storable}
    known = {str(value) for value, _ in field.flatchoices}
    return {f"{name}__exact": known.__contains__}


def _is_row(model: type[Model], key: str) -> bool:
    try:
        return model._default_manager.filter(pk=key).exists()
    except (ValidationError, ValueError):
        return False


def _is_truth(value: str) -> bool:
    return value in {"0", "1", "True", "False"}


def _is_storable(value: str) -> bool:
    return "\0" not in value


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
    fields = readonly_fields = [
        "name", "prefix", "role", "rights", "state", "created_at", "expires_at", "revoked_at",
    ]  # fmt: skip
    actions = ["revoke_selected"]

    @admin.display(description="May")
    def rights(self, key: ApiKey) -> str:
        """The rights of the key's role, in words."""
        return RIGHTS[Role(key.role)]

    @admin.display(description="State")
    def state(self, key: ApiKey) -> str:
        """The state of the key: requests with it are answered, or why not."""
        if key.revoked_at is not None:
            return "revoked: requests with it are refused"
        if key.expires_at is not None and key.expires_at <= timezone.now():
            return "expired: requests with it are refused"
        return "usable"

    @admin.action(description="Revoke selected keys", permissions=["change"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        revoked = queryset.filter(revoked_at__isnull=True).update(revoked_at=timezone.now())
        self.message_user(request, f"{revoked} keys revoked.")


@admin.register(TenantQuota, site=site)
class TenantQuotaAdmin(TenantModelAdmin):
    """All quotas on one page; `manage.py set_quota` sets them."""

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.get_changelist_instance(
            request
        )  # refuses parameters that mean nothing, as all lists do
        context = {
            **site.each_context(request),
            "title": "Quotas",
            "opts": self.model._meta,
            "standings": list_standings(),
        }
        return TemplateResponse(request, "tenancy/quotas.html", context)
