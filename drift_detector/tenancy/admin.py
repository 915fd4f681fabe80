"""The base class of every admin page, and the page of quotas."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.core.exceptions import (
    ImproperlyConfigured,
    SuspiciousOperation,
    ValidationError,
)
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    QueryDict,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.views import ChangeList

from algorithms.charts.number_words import number
from drift_detector.formats import window_text
from drift_detector.tenancy import saved_filters
from drift_detector.tenancy.exports import FORMATS, MOST_ROWS, Export, column_of
from drift_detector.tenancy.models import Scope, TenantQuota
from drift_detector.tenancy.quotas import list_standings
from drift_detector.tenancy.site import get_membership, may, site

type ValueCheck = Callable[[str], bool]
MOST_COUNTED = 10_000
OF_MONITOR = ("monitor", AutocompleteSelectFilter)
"""The filter of a list by one of many monitors."""


class ChoiceFilter(admin.SimpleListFilter):
    """A filter with choices of its own; a subclass sets `title`, `parameter_name` and `options`."""

    options: Sequence[tuple[str, str]] = ()

    @property
    def lookup_kwarg(self) -> str:
        """The parameter, under the name by which unfold's form keeps it beside other filters."""
        return str(self.parameter_name)

    @property
    def lookup_val(self) -> list[str]:
        """The chosen value, as unfold's form wants it."""
        return [self.value() or ""]

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin
    ) -> Sequence[tuple[str, str]]:
        return self.options


class AgeFilter(ChoiceFilter):
    """The rows that were made in the last days."""

    title = "created"
    parameter_name = "made_within"
    options = (("1", "last 24 hours"), ("7", "last 7 days"), ("30", "last 30 days"))

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        days = self.value()
        if days is None:
            return queryset
        return queryset.filter(created_at__gte=timezone.now() - timedelta(days=int(days)))


class PageChangeList(ChangeList):
    """A list whose rows lead to the page of their model, if it has one of ours."""

    def url_for_result(self, result: Model) -> str:
        admin_of_list: TenantModelAdmin = self.model_admin
        url: str = admin_of_list.page_address(result) or super().url_for_result(result)
        return url


class BoundedPaginator(Paginator):
    """Counts the rows of a list up to a bound, as a count reads them all; the pages end there, too."""

    template_name = "tenancy/pagination.html"

    @cached_property
    def found(self) -> int:
        """The number of rows, at most one more than the bound."""
        rows: Any = self.object_list
        found: int = rows.order_by().values("pk")[: MOST_COUNTED + 1].count()
        return found

    @cached_property
    def count(self) -> int:
        return min(self.found, MOST_COUNTED)

    @property
    def is_cut(self) -> bool:
        """True if there are more rows than the pages show."""
        return self.found > MOST_COUNTED


class TenantModelAdmin(ModelAdmin):
    """Shows the rows of the picked tenant, by row-level security; a scope of the member's role permits changes."""

    scope_to_change: Scope | None = None
    page = ""
    """The name of the page that shows one row; Django's form without it."""
    page_key = "pk"
    """The attribute of a row that the address of its page has."""
    export_fields: Sequence[str] = ()
    """The columns of an export after the id; those of the list without it."""
    change_list_template = "tenancy/change_list.html"
    list_filter_submit = True
    list_disable_select_all = True
    list_per_page = 50
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each facet would count the whole table

    def page_address(self, row: Any) -> str:
        """The address of a row's page; empty if it has none of ours."""
        return reverse(self.page, args=[getattr(row, self.page_key)]) if self.page else ""

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
        extra = kwargs.pop("extra_context", None) or {}
        shown = {
            "title": capfirst(self.opts.verbose_name_plural),
            "exports": self._exports(request),
            "most_rows": number(MOST_ROWS),
            "saved": self._saved(request),
            "save_address": reverse(f"{self.admin_site.name}:{self._name('save_filter')}"),
            "asked": _query_of(request).urlencode(),
        }
        try:
            return super().changelist_view(request, *args, extra_context=extra | shown, **kwargs)
        except ValidationError as error:  # an action on rows whose ids are none
            raise SuspiciousOperation("A selected row has no valid id.") from error

    def is_list(self, request: HttpRequest) -> bool:
        """True if the request is for the list or for an export of it."""
        match = request.resolver_match
        return match is not None and match.url_name in (
            self._name("changelist"),
            self._name("export"),
        )

    def _name(self, view: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{view}"

    def get_urls(self) -> list[URLPattern]:
        wrapped = self.admin_site.admin_view
        return [
            path("export/<str:form>", wrapped(self.export_view), name=self._name("export")),
            path("saved", wrapped(self.save_view), name=self._name("save_filter")),
            path("saved/<uuid:pk>", wrapped(self.forget_view), name=self._name("forget_filter")),
            *super().get_urls(),
        ]

    def save_view(self, request: HttpRequest) -> HttpResponse:
        """Keep the filters of the list under a name."""
        name, query = (request.POST.get(each, "") for each in ("name", "query"))
        try:
            saved_filters.save_filter(
                user=request.user, list_name=self.opts.label, name=name, query=query
            )
            self.message_user(request, f"The filters are kept as {name.strip()}.")
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
        return HttpResponseRedirect(self._list_address(query))

    def forget_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Remove filters that the person has kept."""
        if request.method != "POST" or not saved_filters.remove_filter(user=request.user, pk=pk):
            raise Http404
        return HttpResponseRedirect(self._list_address(""))

    def _list_address(self, query: str) -> str:
        address = reverse(f"{self.admin_site.name}:{self._name('changelist')}")
        asked = QueryDict(query).urlencode()
        return f"{address}?{asked}" if asked else address

    def _saved(self, request: HttpRequest) -> list[dict[str, str]]:
        """The filters that the person has kept for this list, each with its addresses."""
        forget = f"{self.admin_site.name}:{self._name('forget_filter')}"
        return [
            {
                "name": each.name,
                "href": self._list_address(each.query),
                "forget": reverse(forget, args=[each.pk]),
            }
            for each in saved_filters.list_filters(user=request.user, list_name=self.opts.label)
        ]

    def export_view(self, request: HttpRequest, form: str) -> HttpResponseBase:
        """The rows of the list with its filters, its search and its order, as a file."""
        if form not in FORMATS:
            raise Http404
        shown = self.get_changelist_instance(request)
        names = ["id", *(self.export_fields or self.get_list_display(request))]
        export = Export(
            name=str(self.opts.verbose_name_plural),
            columns=[column_of(self, name) for name in names],
            rows=shown.queryset,
            count=shown.queryset.order_by().values("pk")[: MOST_ROWS + 1].count(),
        )
        return FORMATS[form](export)

    def _exports(self, request: HttpRequest) -> list[tuple[str, str]]:
        """The titles and addresses of the exports of a list as it is shown."""
        query = _query_of(request).urlencode()
        asked = f"?{query}" if query else ""
        name = f"{self.admin_site.name}:{self._name('export')}"
        return [(form, f"{reverse(name, args=[form])}{asked}") for form in FORMATS]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return get_membership(request) is not None

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return get_membership(request) is not None

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.scope_to_change is not None and may(request, self.scope_to_change)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class PageAdmin(TenantModelAdmin):
    """A list whose rows have a page of ours and no form; the form's address leads to the page."""

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        if row is None or request.method != "GET":
            return super().change_view(request, object_id, *args, **kwargs)
        return HttpResponseRedirect(self.page_address(row))


def _query_of(request: HttpRequest) -> QueryDict:
    """The filters, the search and the order that a list is asked for, without its page."""
    query = request.GET.copy()
    for name in ("p", "all", "_facets"):
        query.pop(name, None)
    return query


def value_checks(model: type[Model], filters: Iterable[Any]) -> dict[str, ValueCheck]:
    """The query parameters of the filters of a list, as Django's filters name them, each with a check of its value."""
    checks: dict[str, ValueCheck] = {}
    for each in filters:
        checks |= _checks_of(model, each)
    return checks


def _checks_of(model: type[Model], list_filter: Any) -> dict[str, ValueCheck]:
    if isinstance(list_filter, str):
        return {f"{list_filter}__isnull": _is_truth} | _checks_of_field(model, list_filter)
    if isinstance(list_filter, type) and issubclass(list_filter, ChoiceFilter):
        known = {value for value, _ in list_filter.options}
        return {str(list_filter.parameter_name): known.__contains__}
    if isinstance(list_filter, type) and issubclass(list_filter, admin.SimpleListFilter):
        return {str(list_filter.parameter_name): _is_storable}
    return _checks_of_pair(model, *list_filter)


def _checks_of_pair(model: type[Model], name: str, kind: type) -> dict[str, ValueCheck]:
    if issubclass(kind, AutocompleteSelectFilter):
        # The form sends an empty value for none.
        of_field = _checks_of_field(model, name)
        return {lookup: partial(_is_empty_or, check) for lookup, check in of_field.items()}
    if not issubclass(kind, admin.EmptyFieldListFilter):
        raise ImproperlyConfigured(f"The lookups of {kind.__name__} are not known.")
    return {f"{name}__isempty": _is_truth}


def _is_empty_or(check: ValueCheck, value: str) -> bool:
    return not value or check(value)


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


def window_in_one_line(start: datetime, end: datetime, zone: str) -> SafeString:
    """A window of time in a zone, for a column of a list."""
    first, last = (each.astimezone(ZoneInfo(zone)) for each in (start, end))
    return format_html('<span class="in-one-line">{}</span>', window_text(first, last))


def actor(request: HttpRequest) -> str:
    """The name, in records, of the person who is signed in to the admin."""
    return f"user:{request.user.get_username()}"


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
