"""Purges label audits that are older than their retention."""

from datetime import datetime

from django.conf import settings

from drift_detector.retention import purge, remove_oldest


def purge_old_label_audits(until: float) -> int:
    """Remove label audits, with their labels, past the retention of runs; needs the scheduler's role."""
    return purge(_remove_audits, days=settings.ENV.runs.retention_days, until=until)


def _remove_audits(before: datetime) -> int | None:
    return len(remove_oldest("drf_label_audits", before, since="created_at")) or None
