"""The admin's pages of API keys: a list, and pages that make, rotate and revoke a key."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import MaxValueValidator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from algorithms.charts.number_words import NOTHING
from drift_detector.formats import instant
from drift_detector.tenancy import services
from drift_detector.tenancy.admin import ChoiceFilter, TenantModelAdmin
from drift_detector.tenancy.models import ApiKey, KeyState, Scope
from drift_detector.tenancy.quotas import OverQuota
from drift_detector.tenancy.services import ENDLESS, LONGEST_OVERLAP, Lifetime
from drift_detector.tenancy.site import may, site

LIST = "admin:tenancy_apikey_changelist"
WORDS = {
    KeyState.USABLE: "usable",
    KeyState.EXPIRES_SOON: "usable; expires soon",
    KeyState.EXPIRED: "expired: requests with it are refused",
    KeyState.REVOKED: "revoked: requests with it are refused",
}
COLOURS = {
    "usable": "success",
    "expires soon": "warning",
    "expired": "danger",
    "revoked": "danger",
}
RIGHTS = {
    Scope.MONITORS_READ: "read everything but keys",
    Scope.MONITORS_WRITE: "make and change monitors, and build baselines",
    Scope.RUNS_WRITE: "request runs, backfills, backtests and reports",
    Scope.OUTCOMES_WRITE: "send outcomes",
    Scope.ALERTS_WRITE: "work on alerts, silences and maintenance windows",
    Scope.ADMIN: "manage channels, routes, keys and rules of retraining",
}
"""The rights of a scope, in words."""

NO_BUTTONS = dict.fromkeys(
    ("show_save", "show_save_and_continue", "show_save_and_add_another"), False
)
"""The form of a key has nothing to save."""

type Made = tuple[ApiKey, str]


class StateFilter(ChoiceFilter):
    """The keys of one state."""

    title = "state"
    parameter_name = "state"
    options = tuple((each.value, each.value.replace("_", " ")) for each in KeyState)

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        asked = self.value()
        return ApiKey.objects.in_state(KeyState(asked)) & queryset if asked else queryset


class LifetimeForm(forms.Form):
    """The end of a key that is made."""

    days = forms.IntegerField(
        required=False,
        min_value=1,
        label="Days until it expires",
        widget=UnfoldAdminIntegerFieldWidget,
    )
    never_expires = forms.BooleanField(
        required=False,
        label="It never expires",
        help_text="Then only a person ends it. A key with an end is safer.",
        widget=UnfoldBooleanWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        keys = settings.ENV.keys
        self.fields["days"].initial = keys.days
        self.fields["days"].help_text = f"At most {keys.longest_days}."
        self.fields["days"].validators.append(MaxValueValidator(keys.longest_days))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "days" in cleaned and not cleaned["days"] and not cleaned.get("never_expires"):
            self.add_error("days", "A key needs a number of days, unless it never expires.")
        return cleaned

    @property
    def lifetime(self) -> Lifetime:
        """The end, as the services take it."""
        if self.cleaned_data["never_expires"]:
            return ENDLESS
        return Lifetime(timezone.now() + timedelta(days=self.cleaned_data["days"]))


class NewKeyForm(LifetimeForm):
    """The name, the scopes and the end of a new key."""

    field_order = ("name", "scopes", "days", "never_expires")
    name = forms.CharField(
        max_length=100, help_text="Its purpose.", widget=UnfoldAdminTextInputWidget
    )
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, f"{scope.value}: {words}") for scope, words in RIGHTS.items()],
        help_text="No scope includes another one.",
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    def make(self) -> Made:
        """Make the key."""
        scopes = [Scope(each) for each in self.cleaned_data["scopes"]]
        return services.create_api_key(
            name=self.cleaned_data["name"], scopes=scopes, lifetime=self.lifetime
        )


class RotateForm(LifetimeForm):
    """The end of the successor, and of the old key."""

    field_order = ("overlap_days", "days", "never_expires")
    overlap_days = forms.IntegerField(
        min_value=0,
        max_value=LONGEST_OVERLAP.days,
        label="Days that the old key still works",
        help_text="0 revokes it at once.",
        widget=UnfoldAdminIntegerFieldWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["overlap_days"].initial = settings.ENV.keys.overlap_days

    def rotate(self, key_id: UUID) -> Made:
        """Make the successor of a key."""
        overlap = timedelta(days=self.cleaned_data["overlap_days"])
        return services.rotate_api_key(key_id=key_id, overlap=overlap, lifetime=self.lifetime)


@admin.register(ApiKey, site=site)
class ApiKeyAdmin(TenantModelAdmin):
    """Shows no key: the page that answers the request which made one shows it, and keeps it nowhere."""

    scope_to_change = Scope.ADMIN
    list_display = [
        "name", "prefix", "shown_state", "shown_scopes", "last_used_at", "expires", "created_at",
    ]  # fmt: skip
    list_filter = [StateFilter]
    search_fields = ["name", "prefix"]
    export_fields = [
        "name", "prefix", "shown_state", "shown_scopes", "last_used_at", "last_used_from",
        "expires_at", "revoked_at", "created_at",
    ]  # fmt: skip
    fields = readonly_fields = [
        "name", "prefix", "state_in_words", "rights", "created_at", "expires", "revoked_at",
        "last_used_at", "last_used_from", "successor_of",
    ]  # fmt: skip
    actions = ["revoke_selected"]
    change_form_outer_before_template = "tenancy/key_acts.html"

    @display(description="State", label=COLOURS)  # type: ignore[untyped-decorator]
    def shown_state(self, key: ApiKey) -> str:
        return key.state.value.replace("_", " ")

    @admin.display(description="Scopes")
    def shown_scopes(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description="Expires", ordering="expires_at")
    def expires(self, key: ApiKey) -> str:
        return instant(key.expires_at) if key.expires_at else "never"

    @admin.display(description="May")
    def rights(self, key: ApiKey) -> str:
        """The rights of the key's scopes, in words."""
        return "; ".join(f"{RIGHTS[Scope(each)]} ({each})" for each in key.scopes)

    @admin.display(description="State")
    def state_in_words(self, key: ApiKey) -> str:
        """The state of the key: requests with it are answered, or why not."""
        return WORDS[key.state]

    @admin.display(description="Successor")
    def successor_of(self, key: ApiKey) -> str:
        """The key that takes its place."""
        return str(key.successor) if key.successor_id else NOTHING

    def get_urls(self) -> list[URLPattern]:
        wrapped = self.admin_site.admin_view
        return [
            path("add/", wrapped(self.new_view), name=self._name("add")),
            path("<uuid:pk>/rotate/", wrapped(self.rotate_view), name=self._name("rotate")),
            path("<uuid:pk>/revoke/", wrapped(self.revoke_view), name=self._name("revoke")),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return may(request, Scope.ADMIN)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The key's record, and above it what can be done with it."""
        key = self.get_object(request, object_id)
        is_open = key is not None and key.state in (KeyState.USABLE, KeyState.EXPIRES_SOON)
        acts = {
            **NO_BUTTONS,
            "key": key,
            "may_rotate": is_open and key.successor_id is None and may(request, Scope.ADMIN),
            "may_revoke": key is not None and key.revoked_at is None and may(request, Scope.ADMIN),
        }
        extra = (kwargs.pop("extra_context", None) or {}) | acts
        page: HttpResponse = super().change_view(
            request, object_id, *args, extra_context=extra, **kwargs
        )
        return page

    def new_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a key's name, scopes and end, and show it once."""
        self._require_admin(request)
        form = NewKeyForm(request.POST or None)
        words = {"title": "New API key", "button": "Make the key", "back": reverse(LIST)}
        return self._make(request, form, form.make, words)

    def rotate_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Ask for the overlap, make the successor and show it once."""
        self._require_admin(request)
        key = get_object_or_404(ApiKey, id=pk)
        form = RotateForm(request.POST or None)
        lead = "The successor has the same name and the same scopes."
        words = {"title": f"Rotate {key}", "button": "Make the successor", "lead": lead}
        back = reverse("admin:tenancy_apikey_change", args=[pk])
        return self._make(request, form, lambda: form.rotate(pk), words | {"back": back})

    def revoke_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Ask if a key must end now, and end it."""
        self._require_admin(request)
        key = get_object_or_404(ApiKey, id=pk)
        if request.method == "POST":
            services.revoke_api_key(key_id=pk)
            self.message_user(request, f"The key {key} is revoked.")
            return HttpResponseRedirect(reverse(LIST))
        lead = "Requests with it are refused from now on. This cannot be undone."
        words = {"title": f"Revoke {key}", "button": "Revoke the key", "lead": lead}
        return self._ask(
            request, words | {"back": reverse("admin:tenancy_apikey_change", args=[pk])}
        )

    def _make(
        self,
        request: HttpRequest,
        form: forms.Form,
        make: Callable[[], Made],
        words: dict[str, str],
    ) -> HttpResponse:
        """Show the form, or the key that it makes: in this answer alone, which nothing may store."""
        made = _made(form, make) if form.is_valid() else None
        if made is None:
            return self._ask(request, words, form)
        key, text = made
        shown = {"title": f"The key {key.name}", "key": key, "text": text, "back": reverse(LIST)}
        response = TemplateResponse(request, "tenancy/new_key.html", self._dress(request) | shown)
        response["Cache-Control"] = "no-store"
        return response

    def _ask(
        self, request: HttpRequest, words: dict[str, str], form: forms.Form | None = None
    ) -> HttpResponse:
        context = self._dress(request) | words | {"form": form}
        return TemplateResponse(request, "tenancy/ask.html", context)

    def _dress(self, request: HttpRequest) -> dict[str, Any]:
        return {**site.each_context(request), "opts": self.model._meta}

    def _require_admin(self, request: HttpRequest) -> None:
        if not may(request, Scope.ADMIN):
            raise PermissionDenied("This needs the scope admin.")

    @admin.action(description="Revoke selected keys", permissions=["change"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        ids = list(queryset.filter(revoked_at__isnull=True).values_list("id", flat=True))
        for key_id in ids:
            services.revoke_api_key(key_id=key_id)
        self.message_user(request, f"{len(ids)} keys revoked.", messages.SUCCESS)


def _made(form: forms.Form, make: Callable[[], Made]) -> Made | None:
    """The key; None if the services refuse it, and the form says why."""
    try:
        return make()
    except ValidationError as error:
        form.add_error(None, error.messages)
    except (OverQuota, services.NotRotatable) as error:
        form.add_error(None, str(error))
    return None
