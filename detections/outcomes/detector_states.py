"""Reads the states of detectors."""

from uuid import UUID

from django.db.models import QuerySet

from detections.models import DetectorState


def list_detector_states(monitor_id: UUID) -> QuerySet[DetectorState]:
    """The detectors of a monitor with their streams, by their names."""
    states = DetectorState.objects.filter(monitor_id=monitor_id).select_related("stream")
    return states.order_by("stream__name", "method")
