"""Pages of channels: the address is written and never shown; a test can be sent."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget

from alerts.channels import selectors, services
from alerts.channels.channel_registry import CHANNEL_KINDS
from alerts.models import Channel
from drift_detector.tenancy.admin import TenantModelAdmin, actor
from drift_detector.tenancy.models import Scope
from drift_detector.tenancy.site import may, site

MOST_TESTS = 3
"""Channels that one action tests, as the request waits for each of them."""
MOST_NOTIFICATIONS = 10
SETTINGS = ("subject", "most_per_hour", "enabled")
KIND_CHOICES = [(kind.name, f"{kind.title}: {kind.form}") for kind in CHANNEL_KINDS.values()]


class ChannelForm(forms.ModelForm):
    """Takes a new address; left empty, a channel keeps the one that it has."""

    new_address = forms.CharField(
        required=False,
        widget=UnfoldAdminPasswordWidget(render_value=False),
        help_text="Written and never shown. Left empty, the channel keeps the one that it has.",
    )
    kind = forms.ChoiceField(choices=KIND_CHOICES, widget=UnfoldAdminSelectWidget)

    class Meta:
        model = Channel
        fields = ["name", "kind", "new_address", "subject", "most_per_hour", "enabled"]

    def clean(self) -> dict[str, Any]:
        super().clean()
        self.checked_address: services.CheckedAddress | None = None
        is_new = self.instance._state.adding
        address, kind = self.cleaned_data.get("new_address"), self.cleaned_data.get("kind", "")
        if is_new and not address:
            self.add_error("new_address", "A channel needs an address.")
        if not is_new and kind != self.instance.kind:
            self.add_error("kind", "The kind of a channel cannot be changed.")
        elif address and kind:
            self._check_address(kind, address)
        return self.cleaned_data

    def _check_address(self, kind: str, address: str) -> None:
        # The admin's transaction stays open while the name is looked up: for five seconds at most.
        try:
            self.checked_address = services.check_address(kind, address)
        except ValidationError as error:
            self.add_error("new_address", error.messages)

    def clean_subject(self) -> str:
        subject: str = self.cleaned_data["subject"]
        try:
            services.check_subject(subject)
        except ValidationError as error:
            raise forms.ValidationError(error.messages) from error
        return subject

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if Channel.objects.filter(name=name).exclude(id=self.instance.id).exists():
            raise forms.ValidationError("name must be unique; a channel has this name.")
        return name


@admin.register(Channel, site=site)
class ChannelAdmin(TenantModelAdmin):
    form = ChannelForm
    scope_to_change = Scope.ADMIN
    list_display = ["name", "kind", "shown_address", "enabled", "updated_at"]
    readonly_fields = ["shown_address", "created_by", "created_at"]
    actions = ["send_test"]
    change_form_outer_before_template = "alerts/channel.html"

    def get_fields(self, request: HttpRequest, obj: Channel | None = None) -> list[str]:
        """The form; a new channel has no record yet, and a viewer writes no address."""
        if obj is None:
            return ["name", "kind", "new_address", *SETTINGS]
        written = ["new_address"] if self.has_change_permission(request, obj) else []
        return ["name", "kind", "shown_address", *written, *SETTINGS, "created_by", "created_at"]

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The form, and above it how the channel stands."""
        channel = self.get_object(request, object_id)
        extra = kwargs.pop("extra_context", None) or {}
        if channel is not None:
            standing = selectors.get_standing(channel, most=MOST_NOTIFICATIONS)
            may_test = self.has_change_permission(request)
            extra |= {"channel": channel, "standing": standing, "may_test": may_test}
        return super().change_view(request, object_id, *args, extra_context=extra, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.test)
        return [path("<uuid:pk>/test/", view, name="alerts_channel_test"), *super().get_urls()]

    def test(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Send a test message, and say what the channel said."""
        if request.method != "POST" or not self.has_change_permission(request):
            raise PermissionDenied
        self._test(request, get_object_or_404(Channel, id=pk))
        return HttpResponseRedirect(reverse("admin:alerts_channel_change", args=[pk]))

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return may(request, Scope.ADMIN)

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        names = ("name", "subject", "most_per_hour", "enabled")
        fields = {name: form.cleaned_data[name] for name in names}
        address: services.CheckedAddress | None = form.checked_address
        if change:
            kept = Channel.objects.get(id=obj.id)
            services.update_channel(kept, address=address, **fields)
            return
        assert address is not None
        made, secret = services.create_channel(address=address, by=actor(request), **fields)
        obj.__dict__.update(made.__dict__)
        if secret:
            self.message_user(request, f"The secret, shown this once: {secret}", messages.WARNING)

    @admin.action(description="Send a test to selected channels", permissions=["change"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        # Within the admin's transaction, which reads only: each try ends in some seconds.
        for channel in queryset[:MOST_TESTS]:
            self._test(request, channel)

    def _test(self, request: HttpRequest, channel: Channel) -> None:
        reply = services.send_test(channel)
        level = messages.SUCCESS if reply.is_ok else messages.ERROR
        self.message_user(request, f"{channel.name}: {reply.said}", level)
