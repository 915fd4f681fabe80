from django_filters import rest_framework as filters

from monitors.models import Monitor


class MonitorFilter(filters.FilterSet):
    class Meta:
        model = Monitor
        fields = ["status", "model_id", "name"]
