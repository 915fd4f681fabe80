"""Filters of the lists of runs and detections."""

from django_filters import rest_framework as filters

from detections.models import METHODS, REFERENCES, VERDICTS, Detection, DetectionRun
from drift_detector.api.filters import InstantFilter, TruthFilter, existing_row
from monitors.models import Monitor


class RunFilter(filters.FilterSet):
    monitor = existing_row(Monitor, field_name="monitor")
    monitor_id = existing_row(Monitor, field_name="monitor")
    verdict = filters.ChoiceFilter(choices=VERDICTS)
    since = InstantFilter(field_name="created_at", lookup_expr="gte")
    until = InstantFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = DetectionRun
        fields = ["status", "trigger"]


class DetectionFilter(filters.FilterSet):
    monitor = existing_row(Monitor, field_name="monitor")
    monitor_id = existing_row(Monitor, field_name="monitor")
    run = existing_row(DetectionRun, field_name="run")
    run_id = existing_row(DetectionRun, field_name="run")
    method = filters.ChoiceFilter(choices=METHODS)
    reference = filters.ChoiceFilter(choices=REFERENCES)
    verdict = filters.ChoiceFilter(choices=VERDICTS)
    is_drifted = TruthFilter()
    counts = TruthFilter()
    since = InstantFilter(field_name="created_at", lookup_expr="gte")
    until = InstantFilter(field_name="created_at", lookup_expr="lt")
    window_from = InstantFilter(field_name="window_start", lookup_expr="gte")
    window_to = InstantFilter(field_name="window_end", lookup_expr="lte")

    class Meta:
        model = Detection
        fields: list[str] = []
