from django_filters import rest_framework as filters

from drift_detector.api.filters import InstantFilter, TextFilter
from monitors.models import Monitor


class MonitorFilter(filters.FilterSet):
    name = TextFilter()
    search = TextFilter(
        field_name="name", lookup_expr="icontains", label="A part of the name, in any case."
    )
    since = InstantFilter(field_name="created_at", lookup_expr="gte")
    until = InstantFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Monitor
        fields = ["status", "model_id"]
