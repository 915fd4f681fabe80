"""Reads reports."""

from uuid import UUID

from detections.models import Report


def get_report(run_id: UUID) -> Report | None:
    return Report.objects.filter(run_id=run_id).first()
