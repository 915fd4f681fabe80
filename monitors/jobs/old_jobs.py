"""Purges jobs that are older than their retention."""

from datetime import datetime

from django.conf import settings

from drift_detector.retention import purge, remove_oldest


def purge_old_jobs(until: float) -> int:
    """Remove finished jobs past their retention; needs the scheduler's role."""
    return purge(_remove_jobs, days=settings.ENV.jobs.retention_days, until=until)


def _remove_jobs(before: datetime) -> int | None:
    return len(remove_oldest("drf_jobs", before, since="finished_at")) or None
