from django_filters import rest_framework as filters

from detections.models import METHODS, REFERENCES, VERDICTS, Detection, DetectionRun


class RunFilter(filters.FilterSet):
    monitor = filters.UUIDFilter(field_name="monitor_id")
    verdict = filters.ChoiceFilter(choices=VERDICTS)
    since = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = DetectionRun
        fields = ["status", "trigger"]


class DetectionFilter(filters.FilterSet):
    monitor = filters.UUIDFilter(field_name="monitor_id")
    run = filters.UUIDFilter(field_name="run_id")
    method = filters.ChoiceFilter(choices=METHODS)
    reference = filters.ChoiceFilter(choices=REFERENCES)
    verdict = filters.ChoiceFilter(choices=VERDICTS)
    is_drifted = filters.BooleanFilter()
    since = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    window_from = filters.IsoDateTimeFilter(field_name="window_start", lookup_expr="gte")
    window_to = filters.IsoDateTimeFilter(field_name="window_end", lookup_expr="lte")

    class Meta:
        model = Detection
        fields: list[str] = []
