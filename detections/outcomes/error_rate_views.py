"""Serves `/api/v1/monitors/{id}/error-rates`."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from detections.models import SignalChange
from detections.outcomes.error_rates import get_error_rates
from detections.outcomes.outcome_tables import LONGEST_STREAM
from detections.outcomes.serializers import DetectorSerializer
from drift_detector.api.queries import name_schema, takes_query
from drift_detector.api.time_spans import FROM, TO, read_span
from drift_detector.api.views import TenantAPIView
from monitors.models import Monitor

STREAM = OpenApiParameter(
    "stream",
    name_schema(LONGEST_STREAM),
    description="One of the monitor's streams; without it, the one that got outcomes last.",
)


class ErrorBinSerializer(serializers.Serializer[dict[str, Any]]):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    outcomes = serializers.IntegerField()
    error_rate = serializers.FloatField()


class SignalChangeSerializer(serializers.ModelSerializer[SignalChange]):
    class Meta:
        model = SignalChange
        fields = [
            "method", "signal", "sequence", "occurred_at", "changed_sequence", "changed_at",
            "before", "after",
        ]  # fmt: skip
        read_only_fields = fields


class ErrorRatesSerializer(serializers.Serializer[dict[str, Any]]):
    monitor_id = serializers.UUIDField()
    stream = serializers.CharField(help_text="Empty for a monitor without outcomes.")
    streams = serializers.ListField(child=serializers.CharField())
    bin_seconds = serializers.IntegerField(
        allow_null=True, help_text="The width of the bins: the finest that reach back to `from`."
    )
    bins = ErrorBinSerializer(many=True, help_text="At most 200, the oldest first.")
    signals = SignalChangeSerializer(
        many=True,
        help_text="Warnings, their ends and drifts, the oldest first; a drift with its change point.",
    )
    has_older_signals = serializers.BooleanField()
    detectors = DetectorSerializer(many=True, help_text="As they are now.")


EXAMPLE = OpenApiExample(
    "a day",
    {
        "monitor_id": "6f1b1b3e-5a54-4c89-9c40-5f0f5a6b7c8d",
        "stream": "default",
        "streams": ["default"],
        "bin_seconds": 86400,
        "bins": [
            {
                "start": "2024-12-02T00:00:00Z",
                "end": "2024-12-03T00:00:00Z",
                "outcomes": 950,
                "error_rate": 0.12,
            }
        ],
        "signals": [],
        "has_older_signals": False,
        "detectors": [],
    },
    response_only=True,
)


class MonitorErrorRatesView(TenantAPIView):
    @takes_query(STREAM, FROM, TO)
    @extend_schema(
        operation_id="monitors_error_rates", responses=ErrorRatesSerializer, examples=[EXAMPLE]
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """A stream's error rate by time, with the warnings and drifts of its detectors."""
        monitor = get_object_or_404(Monitor, id=pk)
        found = get_error_rates(monitor, request.query_params.get("stream"), read_span(request))
        return Response(ErrorRatesSerializer(found).data)
