from uuid import UUID

from django.db.models import QuerySet
from django_filters import rest_framework as filters

from alerts.models import SEVERITIES, Alert


class AlertFilter(filters.FilterSet):
    monitor = filters.UUIDFilter(field_name="monitor_id")
    severity = filters.ChoiceFilter(choices=SEVERITIES)
    status = filters.ChoiceFilter(choices=Alert.Status.choices)
    acknowledged = filters.BooleanFilter(field_name="acknowledged_at", lookup_expr="isnull", exclude=True)
    run = filters.UUIDFilter(method="of_run", label="A run of the episode's first or last window")
    since = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Alert
        fields: list[str] = []

    def of_run(self, queryset: QuerySet[Alert], name: str, value: UUID) -> QuerySet[Alert]:
        return queryset.filter(first_run_id=value) | queryset.filter(last_run_id=value)
