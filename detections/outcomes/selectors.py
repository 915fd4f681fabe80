"""Reads streams of outcomes."""

from uuid import UUID

from django.db.models import QuerySet

from detections.models import Detection, OutcomeStream


def list_streams() -> QuerySet[OutcomeStream]:
    """All streams with their monitors."""
    return OutcomeStream.objects.select_related("monitor").defer("averaging")


def get_stream_of_run(run_id: UUID) -> OutcomeStream | None:
    """The stream in which a detector saw the change that a run records; None for another run."""
    found = Detection.objects.filter(run_id=run_id, detection_type=Detection.Type.CONCEPT)
    detection = found.only("monitor_id", "details").first()
    if detection is None:
        return None
    explained = detection.details[0].get("explanation") or {}
    named = list_streams().filter(monitor_id=detection.monitor_id, name=explained.get("stream"))
    return named.first()
