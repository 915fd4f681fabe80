"""Serves `/api/v1/monitors/{id}/series` and `/api/v1/runs/{id}/profile`."""

from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from detections.models import DetectionRun
from detections.profiles import selectors
from detections.profiles.selectors import (
    MOST_FEATURES,
    MOST_WINDOWS,
    USUAL_FEATURES,
    USUAL_WINDOWS,
)
from detections.profiles.serializers import RunProfileSerializer, SeriesSerializer
from drift_detector.api.queries import name_schema, takes_query
from drift_detector.api.time_spans import FROM, TO, number_parameter, read_number, read_span
from drift_detector.api.views import TenantAPIView
from monitors.models import Monitor

LONGEST_FEATURE = 200
FEATURE = OpenApiParameter(
    "feature", name_schema(LONGEST_FEATURE), description="The only feature to show."
)
WINDOWS = number_parameter(
    "windows", most=MOST_WINDOWS, usual=USUAL_WINDOWS, words="The latest windows to show"
)
FEATURES = number_parameter(
    "features", most=MOST_FEATURES, usual=USUAL_FEATURES, words="Features to show, worst first"
)
RUN_ID, MONITOR_ID = "0f6a3c1e-2f4b-4a53-8f0e-3f2b1a9d7c55", "6f1b1b3e-5a54-4c89-9c40-5f0f5a6b7c8d"
SPAN_OF_WEEK = {"window_start": "2024-12-02T00:00:00Z", "window_end": "2024-12-09T00:00:00Z"}
SERIES_EXAMPLE = OpenApiExample(
    "heat map",
    {
        "monitor_id": MONITOR_ID,
        "windows": [{"run_id": RUN_ID, "baseline_id": None, **SPAN_OF_WEEK, "verdict": "drift"}],
        "features": [{"feature": "distance", "effect_ratios": [1.7], "verdicts": ["drift"]}],
        "features_left_out": 0,
        "performance": [],
        "has_older_windows": True,
    },
    response_only=True,
)
PROFILE_EXAMPLE = OpenApiExample(
    "no profile",
    {
        "run_id": RUN_ID,
        "monitor_id": MONITOR_ID,
        "baseline_id": None,
        **SPAN_OF_WEEK,
        "rows": 0,
        "reason": selectors.NO_PROFILE,
        "features": [],
        "features_left_out": 0,
    },
    response_only=True,
)


class MonitorSeriesView(TenantAPIView):
    @takes_query(FEATURE, FROM, TO, WINDOWS, FEATURES)
    @extend_schema(
        operation_id="monitors_series", responses=SeriesSerializer, examples=[SERIES_EXAMPLE]
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """Effects and verdicts window by window: of all features, as a heat map, or of one with its quantiles."""
        monitor = get_object_or_404(Monitor, id=pk)
        span = read_span(request)
        windows = read_number(request, "windows", most=MOST_WINDOWS, usual=USUAL_WINDOWS)
        features = read_number(request, "features", most=MOST_FEATURES, usual=USUAL_FEATURES)
        feature = request.query_params.get("feature")
        if feature is not None:
            series = selectors.get_feature_series(monitor, feature, span, most=windows)
        else:
            series = selectors.get_monitor_series(
                monitor, span, most_windows=windows, most_features=features
            )
        return Response(SeriesSerializer(series).data)


class RunProfileView(TenantAPIView):
    @takes_query(FEATURE, FEATURES)
    @extend_schema(
        operation_id="runs_profile", responses=RunProfileSerializer, examples=[PROFILE_EXAMPLE]
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """The distributions of a run's window beside the reference's, feature by feature."""
        runs = DetectionRun.objects.select_related("monitor").defer("inline_data")
        run = get_object_or_404(runs, id=pk)
        feature = request.query_params.get("feature")
        most = read_number(request, "features", most=MOST_FEATURES, usual=USUAL_FEATURES)
        shown = selectors.get_run_profile(run, feature=feature, most=most)
        return Response(RunProfileSerializer(shown).data)
