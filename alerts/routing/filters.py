from django.db.models import Q, QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters

from alerts.models import Alert, Channel, Notification, Route, Silence
from drift_detector.api.filters import InstantFilter, TruthFilter, existing_row


class RouteFilter(filters.FilterSet):
    enabled = TruthFilter(field_name="enabled")

    class Meta:
        model = Route
        fields: list[str] = []


class SilenceFilter(filters.FilterSet):
    active = TruthFilter(method="that_are_active", label="Those that hide notifications now")

    class Meta:
        model = Silence
        fields: list[str] = []

    def that_are_active(
        self, queryset: QuerySet[Silence], name: str, value: bool
    ) -> QuerySet[Silence]:
        now = timezone.now()
        active = Q(starts_at__lte=now, ends_at__gt=now)
        return queryset.filter(active if value else ~active)


class NotificationFilter(filters.FilterSet):
    channel = existing_row(Channel, field_name="channel")
    alert = existing_row(Alert, field_name="alert")
    status = filters.ChoiceFilter(choices=Notification.Status.choices)
    kind = filters.ChoiceFilter(choices=Notification.Kind.choices)
    since = InstantFilter(field_name="created_at", lookup_expr="gte")
    until = InstantFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Notification
        fields: list[str] = []
