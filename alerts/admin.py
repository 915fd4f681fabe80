"""Shows alerts to the people of a tenant, and takes what they say about them, through the API's services."""

from collections.abc import Sequence
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, SuspiciousOperation, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.decorators import display

from alerts.channels import admin as channel_pages  # noqa: F401 — they register themselves
from alerts.models import Alert
from alerts.routing import admin as routing_pages  # noqa: F401
from alerts.selectors import list_alerts
from alerts.workflow.bulk import OK, BulkResult, act_on_all
from alerts.workflow.forms import DONE, FORMS
from algorithms.charts.number_words import NOTHING
from drift_detector.tenancy.admin import (
    OF_MONITOR,
    AgeFilter,
    ChoiceFilter,
    PageAdmin,
    actor,
    window_in_one_line,
)
from drift_detector.tenancy.models import Scope
from drift_detector.tenancy.site import site

COLOURS = {"info": "info", "warning": "warning", "critical": "danger"}
MOST_AT_ONCE = 200
MOST_REASONS = 5
LIST = "admin:alerts_alert_changelist"


class StatusFilter(ChoiceFilter):
    """The alerts of a status: the column is computed, so Django would read the table for its values."""

    title = parameter_name = "status"
    options = tuple(Alert.Status.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        return queryset if self.value() is None else queryset.filter(status=self.value())


class UnseenFilter(ChoiceFilter):
    """The alerts that people have not seen; those of the past wait for no one."""

    title = "whether people have seen it"
    parameter_name = "unseen"
    options = (("1", "not seen"),)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        if self.value() is None:
            return queryset
        return queryset.filter(attention__in=Alert.WAITING, is_history=False)


@admin.register(Alert, site=site)
class AlertAdmin(PageAdmin):
    """The list of alerts; an action on several asks for its words on a page of its own."""

    ordering = ["-window_end", "-id"]
    page = "screens:alert"
    scope_to_change = Scope.ALERTS_WRITE
    list_display = [
        "summary",
        "shown_severity",
        "status",
        "shown_window",
        "occurrences",
        "assignee",
        "seen_by",
    ]
    list_filter = [
        StatusFilter, "severity", "kind", UnseenFilter, "attention", "phase", OF_MONITOR, AgeFilter,
    ]  # fmt: skip
    list_select_related = ["monitor"]
    export_fields = [
        "monitor", "summary", "kind", "severity", "peak_severity", "status", "phase", "attention", "assignee",
        "window_start", "window_end", "occurrences", "opened_at", "resolved_at", "acknowledged_at",
        "acknowledged_by", "acknowledged_reason", "note", "drifted_features",
    ]  # fmt: skip
    actions = [
        "acknowledge_selected", "snooze_selected", "assign_selected", "resolve_selected", "comment_selected",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        """A list leaves out what never opened, unless it asks for a phase."""
        alerts: QuerySet[Alert] = super().get_queryset(request)
        if not self.is_list(request) or "phase__exact" in request.GET:
            return alerts
        return alerts.filter(opened_at__isnull=False)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.act)
        return [path("act/<str:name>", view, name="alerts_alert_act"), *super().get_urls()]

    @display(description="Severity", label=COLOURS, ordering="severity")
    def shown_severity(self, alert: Alert) -> str:
        return alert.severity

    @admin.display(description="Drifted windows", ordering="window_end")
    def shown_window(self, alert: Alert) -> SafeString | str:
        if alert.window_start is None or alert.window_end is None:
            return NOTHING
        return window_in_one_line(alert.window_start, alert.window_end, alert.monitor.timezone)

    @admin.display(description="Acknowledged by", ordering="acknowledged_by")
    def seen_by(self, alert: Alert) -> str:
        return alert.acknowledged_by

    @admin.action(description="Acknowledge selected alerts", permissions=["change"])
    def acknowledge_selected(self, request: HttpRequest, queryset: QuerySet[Alert]) -> HttpResponse:
        return _to_form("acknowledge", queryset)

    @admin.action(description="Snooze selected alerts", permissions=["change"])
    def snooze_selected(self, request: HttpRequest, queryset: QuerySet[Alert]) -> HttpResponse:
        return _to_form("snooze", queryset)

    @admin.action(description="Assign selected alerts", permissions=["change"])
    def assign_selected(self, request: HttpRequest, queryset: QuerySet[Alert]) -> HttpResponse:
        return _to_form("assign", queryset)

    @admin.action(description="Resolve selected alerts", permissions=["change"])
    def resolve_selected(self, request: HttpRequest, queryset: QuerySet[Alert]) -> HttpResponse:
        return _to_form("resolve", queryset)

    @admin.action(description="Comment on selected alerts", permissions=["change"])
    def comment_selected(self, request: HttpRequest, queryset: QuerySet[Alert]) -> HttpResponse:
        return _to_form("comment", queryset)

    def act(self, request: HttpRequest, name: str) -> HttpResponse:
        """Ask for the words of an action on the alerts of `ids`, and do it when they come."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        if name not in FORMS:
            raise Http404
        ids = _ids_of(request)
        form = FORMS[name](request.POST or None)
        if form.is_valid() and self._is_done(request, name, ids, form):
            return HttpResponseRedirect(_way_back(ids))
        return self._ask(request, name, ids, form)

    def _ask(
        self, request: HttpRequest, name: str, ids: Sequence[UUID], form: forms.Form
    ) -> HttpResponse:
        title = f"{name.capitalize()} {_alerts(len(ids))}"
        context = {
            **site.each_context(request),
            "title": title,
            "button": name.capitalize(),
            "opts": self.model._meta,
            "alerts": list_alerts().filter(id__in=ids),
            "ids": _joined(ids),
            "form": form,
            "back": _way_back(ids),
        }
        return TemplateResponse(request, "alerts/act.html", context)

    def _is_done(
        self, request: HttpRequest, name: str, ids: Sequence[UUID], form: forms.Form
    ) -> bool:
        """Do the action; False if the services refuse what was typed, and the form says why."""
        try:
            results = act_on_all(
                alert_ids=ids, action=name, by=actor(request), said=form.cleaned_data
            )
        except ValidationError as error:
            form.add_error(None, error)
            return False
        self._report(request, name, results)
        return True

    def _report(self, request: HttpRequest, name: str, results: Sequence[BulkResult]) -> None:
        """Tell an honest count, and the reasons of the first refusals."""
        refused = [result for result in results if result.status != OK]
        done = len(results) - len(refused)
        self.message_user(request, f"{done} of {_alerts(len(results))} {DONE[name]}.")
        for result in refused[:MOST_REASONS]:
            self.message_user(request, result.detail, messages.WARNING)


def _to_form(name: str, queryset: QuerySet[Alert]) -> HttpResponse:
    return _form_page(name, [str(alert_id) for alert_id in queryset.values_list("id", flat=True)])


def _form_page(name: str, ids: Sequence[str]) -> HttpResponse:
    url = reverse("admin:alerts_alert_act", args=[name])
    return HttpResponseRedirect(f"{url}?ids={_joined(ids)}")


def _joined(ids: Sequence[object]) -> str:
    return ",".join(map(str, ids))


def _ids_of(request: HttpRequest) -> list[UUID]:
    """The ids of the alerts that a page or a form names."""
    named = request.POST if request.method == "POST" else request.GET
    texts = [text for text in named.get("ids", "").split(",") if text]
    if not 1 <= len(texts) <= MOST_AT_ONCE:
        raise SuspiciousOperation(f"ids must name 1 to {MOST_AT_ONCE} alerts.")
    try:
        return [UUID(text) for text in texts]
    except ValueError as error:
        raise SuspiciousOperation("A selected alert has no valid id.") from error


def _way_back(ids: Sequence[UUID]) -> str:
    if len(ids) == 1:
        return reverse("screens:alert", args=ids)
    return reverse(LIST)


def _alerts(number: int) -> str:
    return "1 alert" if number == 1 else f"{number} alerts"
