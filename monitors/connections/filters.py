from django_filters import rest_framework as filters

from drift_detector.api.filters import TextFilter, TruthFilter
from monitors.models import StoreConnection


class StoreConnectionFilter(filters.FilterSet):
    name = TextFilter()
    removed = TruthFilter(field_name="removed_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = StoreConnection
        fields: list[str] = []
