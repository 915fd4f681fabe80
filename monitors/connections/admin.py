"""Pages of a tenant's connections, for its admins."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from drift_detector.tenancy.admin import TenantModelAdmin, actor
from drift_detector.tenancy.models import Scope
from drift_detector.tenancy.service_forms import ServiceForm
from drift_detector.tenancy.site import may, site
from monitors.connections import services
from monitors.connections.offers import list_offers
from monitors.models import StoreConnection
from monitors.selectors import get_slug

RECORD = ("removed_at", "created_by", "created_at", "updated_at")


class StoreConnectionForm(ServiceForm):
    """The same checks as the API's."""

    class Meta:
        model = StoreConnection
        fields = ["name", "store", "credentials", "endpoint", "region", "account"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "credentials" in self.fields:
            offered = ", ".join(list_offers(get_slug())) or "none"
            self.fields["credentials"].help_text = f"The operator offers: {offered}."

    def save_row(self) -> StoreConnection:
        """The connection as the service has saved it."""
        if self.instance._state.adding:
            return services.create_connection(by=self.by, **self.cleaned_data)
        kept = StoreConnection.objects.get(id=self.instance.id)
        return services.update_connection(kept, **self.cleaned_data)


@admin.register(StoreConnection, site=site)
class StoreConnectionAdmin(TenantModelAdmin):
    form = StoreConnectionForm
    scope_to_change = Scope.ADMIN
    list_display = ["name", "store", "credentials", "endpoint", "removed_at", "updated_at"]
    readonly_fields = RECORD
    actions = ("forget_selected",)
    fields = ["name", "store", "credentials", "endpoint", "region", "account", *RECORD]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """The form; a new connection has no record yet."""
        return [each for each in self.fields if obj is not None or each not in RECORD]

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        """The record, and the prefix of a connection that is there."""
        return RECORD if obj is None else ("store", *RECORD)

    def get_form(self, request: HttpRequest, *args: Any, **options: Any) -> Any:
        form = super().get_form(request, *args, **options)
        form.by = actor(request)
        return form

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request, Scope.ADMIN)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may(request, Scope.ADMIN)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return may(request, Scope.ADMIN)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """One that was removed is read alone."""
        return may(request, Scope.ADMIN) and (obj is None or obj.removed_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may(request, Scope.ADMIN)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        obj.__dict__.update(form.save_row().__dict__)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        services.remove_connection(obj)

    @admin.action(
        description="Forget selected connections that were removed", permissions=["change"]
    )
    def forget_selected(self, request: HttpRequest, queryset: QuerySet[StoreConnection]) -> None:
        count = services.forget_connections(queryset)
        said = f"{count} connections forgotten; the operator's credentials count there again."
        self.message_user(request, said, messages.SUCCESS)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[StoreConnection]) -> None:
        for row in queryset:
            services.remove_connection(row)
