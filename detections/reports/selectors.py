"""Reads reports."""

from uuid import UUID

from detections.models import Report


def get_report(run_id: UUID) -> Report | None:
    return Report.objects.filter(run_id=run_id).first()


def get_report_state(run_id: UUID) -> Report | None:
    """The report of a run without its page, which has some megabytes."""
    return Report.objects.filter(run_id=run_id).defer("html").first()
