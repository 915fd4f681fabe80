"""Serializes reports for the API."""

from rest_framework import serializers

from detections.models import Report


class ReportSerializer(serializers.ModelSerializer[Report]):
    class Meta:
        model = Report
        fields = [
            "id", "run_id", "status", "reason", "reference_rows", "current_rows", "summary", "created_at", "built_at",
        ]  # fmt: skip
        read_only_fields = fields
